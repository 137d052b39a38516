use serde_json::json;

use super::input::{page, seconds};
use crate::states::serve::{Answer, Asked};

pub(super) async fn publish(asked: Asked) -> Answer {
    let (arn, revision): (String, Option<String>) = (asked.required("stateMachineArn")?, asked.optional("revisionId")?);
    let description = asked.optional("description")?;
    let published = asked
        .state
        .control
        .publish_version(&asked.caller, &arn, revision.as_deref(), description);
    let (arn, created) = published.await?;
    Ok(json!({ "stateMachineVersionArn": arn.to_string(), "creationDate": seconds(created) }))
}

pub(super) async fn list(asked: Asked) -> Answer {
    let (arn, paging): (String, _) = (asked.required("stateMachineArn")?, asked.paging()?);
    let found = asked.state.control.list_versions(&asked.caller, &arn, &paging).await?;
    let entries = found
        .entries
        .into_iter()
        .map(|(arn, created)| json!({ "stateMachineVersionArn": arn.to_string(), "creationDate": seconds(created) }));
    Ok(page("stateMachineVersions", entries.collect(), found.next))
}

pub(super) async fn delete(asked: Asked) -> Answer {
    let arn: String = asked.required("stateMachineVersionArn")?;
    asked.state.control.delete_version(&asked.caller, &arn).await?;
    Ok(json!({}))
}
