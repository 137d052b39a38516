use serde::Deserialize;
use serde_json::{Value, json};
use wisp_control::workflows::{Arn, Named};

use super::input::{page, present, seconds};
use crate::states::{
    refusal::Refusal,
    serve::{Answer, Asked},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouteInput {
    state_machine_version_arn: String,
    weight: i64,
}

fn routes(asked: &Asked) -> Result<Option<Vec<(String, i64)>>, Refusal> {
    let routes: Option<Vec<RouteInput>> = asked.optional("routingConfiguration")?;
    let pair = |route: RouteInput| (route.state_machine_version_arn, route.weight);
    Ok(routes.map(|routes| routes.into_iter().map(pair).collect()))
}

pub(super) async fn create(asked: Asked) -> Answer {
    let (name, description): (String, _) = (asked.required("name")?, asked.optional("description")?);
    let routes = routes(&asked)?.unwrap_or_default();
    let (arn, created) = asked
        .state
        .control
        .create_alias(&asked.caller, &name, description, &routes)
        .await?;
    Ok(json!({ "stateMachineAliasArn": arn.to_string(), "creationDate": seconds(created) }))
}

pub(super) async fn update(asked: Asked) -> Answer {
    let (arn, description): (String, _) = (asked.required("stateMachineAliasArn")?, asked.optional("description")?);
    let routes = routes(&asked)?;
    let updated = asked
        .state
        .control
        .update_alias(&asked.caller, &arn, description, routes.as_deref())
        .await?;
    Ok(json!({ "updateDate": seconds(updated) }))
}

pub(super) async fn describe(asked: Asked) -> Answer {
    let arn: String = asked.required("stateMachineAliasArn")?;
    let (arn, alias) = asked.state.control.describe_alias(&asked.caller, &arn).await?;
    let version = |number| arn_of(&arn, Named::Version(alias.machine.clone(), number));
    let routes = alias
        .routes
        .iter()
        .map(|route| json!({ "stateMachineVersionArn": version(route.version), "weight": route.weight }));
    Ok(present([
        ("stateMachineAliasArn", Some(arn.to_string().into())),
        ("name", Some(alias.name.as_str().into())),
        ("description", alias.description.as_deref().map(Value::from)),
        ("routingConfiguration", Some(routes.collect())),
        ("creationDate", Some(seconds(alias.created))),
        ("updateDate", Some(seconds(alias.updated))),
    ]))
}

pub(super) async fn list(asked: Asked) -> Answer {
    let (arn, paging): (String, _) = (asked.required("stateMachineArn")?, asked.paging()?);
    let found = asked.state.control.list_aliases(&asked.caller, &arn, &paging).await?;
    let entries = found
        .entries
        .into_iter()
        .map(|(arn, alias)| json!({ "stateMachineAliasArn": arn.to_string(), "creationDate": seconds(alias.created) }));
    Ok(page("stateMachineAliases", entries.collect(), found.next))
}

pub(super) async fn delete(asked: Asked) -> Answer {
    let arn: String = asked.required("stateMachineAliasArn")?;
    asked.state.control.delete_alias(&asked.caller, &arn).await?;
    Ok(json!({}))
}

fn arn_of(base: &Arn, named: Named) -> String {
    base.with(named).to_string()
}
