use serde_json::json;

use crate::states::serve::{Answer, Asked};

pub(super) async fn get(asked: Asked) -> Answer {
    let (arn, worker): (String, _) = (asked.required("activityArn")?, asked.optional("workerName")?);
    let work = asked.state.control.activity_task(&asked.caller, &arn, worker).await?;
    Ok(match work {
        Some(work) => json!({ "taskToken": work.token, "input": work.input }),
        None => json!({}),
    })
}

pub(super) async fn succeed(asked: Asked) -> Answer {
    let (token, output): (String, String) = (asked.required("taskToken")?, asked.required("output")?);
    asked
        .state
        .control
        .send_task_success(&asked.caller, &token, &output)
        .await?;
    Ok(json!({}))
}

pub(super) async fn fail(asked: Asked) -> Answer {
    let (token, error, cause): (String, _, _) = (
        asked.required("taskToken")?,
        asked.optional("error")?,
        asked.optional("cause")?,
    );
    asked
        .state
        .control
        .send_task_failure(&asked.caller, &token, error, cause)
        .await?;
    Ok(json!({}))
}

pub(super) async fn heartbeat(asked: Asked) -> Answer {
    let token: String = asked.required("taskToken")?;
    asked.state.control.send_task_heartbeat(&asked.caller, &token).await?;
    Ok(json!({}))
}
