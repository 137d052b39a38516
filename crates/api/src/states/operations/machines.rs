use serde_json::{Value, json};
use wisp_control::workflows::{Change, Described, Draft, MachineKind};

use super::input::{page, present, seconds};
use crate::states::{
    refusal::Refusal,
    serve::{Answer, Asked},
};

pub(super) async fn create(asked: Asked) -> Answer {
    let draft = Draft {
        name: asked.required("name")?,
        definition: asked.required("definition")?,
        role_arn: asked.required("roleArn")?,
        kind: kind(&asked)?,
        logging: asked.optional("loggingConfiguration")?,
        tracing: asked.optional("tracingConfiguration")?,
        encryption: asked.optional("encryptionConfiguration")?,
        tags: asked.optional("tags")?.unwrap_or_default(),
        publish: asked.flag("publish")?,
        version_description: asked.optional("versionDescription")?,
    };
    let created = asked.state.control.create_machine(&asked.caller, draft).await?;
    Ok(present([
        ("stateMachineArn", Some(created.arn.to_string().into())),
        ("creationDate", Some(seconds(created.created))),
        (
            "stateMachineVersionArn",
            created.version.map(|arn| arn.to_string().into()),
        ),
    ]))
}

pub(super) async fn update(asked: Asked) -> Answer {
    let change = Change {
        definition: asked.optional("definition")?,
        role_arn: asked.optional("roleArn")?,
        logging: asked.optional("loggingConfiguration")?,
        tracing: asked.optional("tracingConfiguration")?,
        encryption: asked.optional("encryptionConfiguration")?,
        publish: asked.flag("publish")?,
        version_description: asked.optional("versionDescription")?,
    };
    let arn: String = asked.required("stateMachineArn")?;
    let updated = asked.state.control.update_machine(&asked.caller, &arn, change).await?;
    Ok(present([
        ("updateDate", Some(seconds(updated.updated))),
        ("revisionId", updated.revision_id.map(Value::from)),
        (
            "stateMachineVersionArn",
            updated.version.map(|arn| arn.to_string().into()),
        ),
    ]))
}

pub(super) async fn describe(asked: Asked) -> Answer {
    let arn: String = asked.required("stateMachineArn")?;
    let found = asked.state.control.describe_machine(&asked.caller, &arn).await?;
    let mut answer = description(&found);
    answer["status"] = "ACTIVE".into();
    answer["type"] = json!(found.kind);
    answer["creationDate"] = seconds(found.created);
    Ok(answer)
}

/// What a machine is, as of itself and of its executions it is told.
pub(super) fn description(found: &Described) -> Value {
    present([
        ("stateMachineArn", Some(found.arn.to_string().into())),
        ("name", Some(found.name.as_str().into())),
        ("definition", Some(found.definition.as_str().into())),
        ("roleArn", Some(found.draft.role_arn.as_str().into())),
        ("loggingConfiguration", Some(found.draft.logging.clone())),
        ("tracingConfiguration", Some(found.draft.tracing.clone())),
        ("encryptionConfiguration", Some(found.draft.encryption.clone())),
        ("revisionId", found.draft.revision_id.as_deref().map(Value::from)),
        ("description", found.description.as_deref().map(Value::from)),
    ])
}

pub(super) async fn list(asked: Asked) -> Answer {
    let paging = asked.paging()?;
    let found = asked.state.control.list_machines(&asked.caller, &paging).await?;
    let entry = |(arn, machine): (_, wisp_control::workflows::Machine)| {
        json!({
            "stateMachineArn": format!("{arn}"),
            "name": machine.name,
            "type": machine.kind,
            "creationDate": seconds(machine.created),
        })
    };
    Ok(page(
        "stateMachines",
        found.entries.into_iter().map(entry).collect(),
        found.next,
    ))
}

pub(super) async fn delete(asked: Asked) -> Answer {
    let arn: String = asked.required("stateMachineArn")?;
    asked.state.control.delete_machine(&asked.caller, &arn).await?;
    Ok(json!({}))
}

pub(super) async fn validate(asked: Asked) -> Answer {
    let definition: String = asked.required("definition")?;
    let most: usize = asked.optional("maxResults")?.filter(|most| *most > 0).unwrap_or(100);
    let warnings = asked
        .optional::<String>("severity")?
        .is_some_and(|severity| severity == "WARNING");
    let report = asked.state.control.validate_definition(&definition, kind(&asked)?);
    let all = report.diagnostics.iter().map(|found| json!(found));
    let all: Vec<Value> = all.filter(|found| warnings || found["severity"] == "ERROR").collect();
    Ok(json!({
        "result": if report.is_valid() { "OK" } else { "FAIL" },
        "truncated": all.len() > most,
        "diagnostics": all.into_iter().take(most).collect::<Vec<_>>(),
    }))
}

fn kind(asked: &Asked) -> Result<MachineKind, Refusal> {
    Ok(asked.optional("type")?.unwrap_or_default())
}
