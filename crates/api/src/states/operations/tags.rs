use serde_json::json;
use wisp_control::workflows::Tag;

use crate::states::serve::{Answer, Asked};

pub(super) async fn add(asked: Asked) -> Answer {
    let (arn, tags): (String, Vec<Tag>) = (asked.required("resourceArn")?, asked.required("tags")?);
    asked.state.control.tag_resource(&asked.caller, &arn, &tags).await?;
    Ok(json!({}))
}

pub(super) async fn remove(asked: Asked) -> Answer {
    let (arn, keys): (String, Vec<String>) = (asked.required("resourceArn")?, asked.required("tagKeys")?);
    asked.state.control.untag_resource(&asked.caller, &arn, &keys).await?;
    Ok(json!({}))
}

pub(super) async fn list(asked: Asked) -> Answer {
    let arn: String = asked.required("resourceArn")?;
    Ok(json!({ "tags": asked.state.control.list_tags(&asked.caller, &arn).await? }))
}
