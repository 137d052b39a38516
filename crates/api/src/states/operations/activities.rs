use serde_json::{Value, json};
use wisp_control::workflows::{Activity, Arn, Tag};

use super::input::{page, seconds};
use crate::states::serve::{Answer, Asked};

pub(super) async fn create(asked: Asked) -> Answer {
    let (name, tags): (String, Vec<Tag>) = (asked.required("name")?, asked.optional("tags")?.unwrap_or_default());
    let (arn, created) = asked.state.control.create_activity(&asked.caller, &name, &tags).await?;
    Ok(json!({ "activityArn": arn.to_string(), "creationDate": seconds(created) }))
}

pub(super) async fn describe(asked: Asked) -> Answer {
    let arn: String = asked.required("activityArn")?;
    Ok(document(
        asked.state.control.describe_activity(&asked.caller, &arn).await?,
    ))
}

pub(super) async fn list(asked: Asked) -> Answer {
    let paging = asked.paging()?;
    let found = asked.state.control.list_activities(&asked.caller, &paging).await?;
    Ok(page(
        "activities",
        found.entries.into_iter().map(document).collect(),
        found.next,
    ))
}

pub(super) async fn delete(asked: Asked) -> Answer {
    let arn: String = asked.required("activityArn")?;
    asked.state.control.delete_activity(&asked.caller, &arn).await?;
    Ok(json!({}))
}

fn document((arn, activity): (Arn, Activity)) -> Value {
    json!({ "activityArn": arn.to_string(), "name": activity.name, "creationDate": seconds(activity.created) })
}
