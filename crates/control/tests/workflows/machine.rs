//! A workflow that has all constructs, and the world around it that answers.

use std::time::Duration;

use serde_json::{Value, json};
use wisp_control::workflows::{Draft, MachineKind, Paging, Run, Start};
use wisp_workflow::execution::Status;

use crate::world::{Server, World};

/// The name of the execution.
const NAME: &str = "one";

/// The name of the execution that it starts and does not wait for to the end.
const ABANDONED: &str = "abandoned";

fn call(action: &str) -> Value {
    json!({ "Type": "Task", "Resource": format!("wisp:action:{action}") })
}

fn with(mut state: Value, more: Value) -> Value {
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    state
}

fn flow(start: &str, states: Value) -> Value {
    json!({ "StartAt": start, "States": states })
}

/// All constructs. The activity and the nested machine are in an account of the platform's choice.
fn definition(arn: &dyn Fn(&str) -> String) -> String {
    let branches = [
        flow(
            "Sum",
            json!({ "Sum": with(call("echo"), json!({ "Parameters": { "sum": 3 }, "End": true })) }),
        ),
        flow(
            "Pause",
            json!({
                "Pause": { "Type": "Wait", "Seconds": 2, "Next": "Paused" },
                "Paused": { "Type": "Pass", "Result": "paused", "End": true },
            }),
        ),
    ];
    let retry = json!([{ "ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 2 }]);
    let catch = json!([{ "ErrorEquals": ["States.ALL"], "ResultPath": "$.caught", "Next": "Ask" }]);
    let each = flow(
        "Square",
        json!({ "Square": with(call("echo"), json!({ "End": true })) }),
    );
    let mut child = flow("Keep", json!({ "Keep": { "Type": "Pass", "End": true } }));
    child["ProcessorConfig"] = json!({ "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" });
    let ask = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": { "FunctionName": "ask", "Payload": { "token.$": "$$.Task.Token" } },
        "ResultPath": "$.answer",
        "Next": "Work",
    });
    let nested = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": { "StateMachineArn": arn("stateMachine:inner"), "Input": { "deep": true } },
        "ResultSelector": { "output.$": "$.Output" },
        "ResultPath": "$.nested",
        "Next": "Abandon",
    });
    // One branch fails while the other waits for an execution, which is stopped then.
    let waiting = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": { "StateMachineArn": arn("stateMachine:year"), "Name": ABANDONED },
        "End": true,
    });
    let abandoning = [
        flow("Waiting", json!({ "Waiting": waiting })),
        flow(
            "Soon",
            json!({ "Soon": { "Type": "Wait", "Seconds": 1, "Next": "Failing" }, "Failing": { "Type": "Fail", "Error": "Enough" } }),
        ),
    ];
    let enough = json!([{ "ErrorEquals": ["Enough"], "ResultPath": null, "Next": "Done" }]);
    let work = json!({
        "Type": "Task",
        "Resource": arn("activity:work"),
        "InputPath": "$.items[0]",
        "ResultPath": "$.work",
        "HeartbeatSeconds": 20,
        "Retry": [{ "ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1 }],
        "Next": "Nested",
    });
    let tries = json!({ "tries.$": "$$.State.RetryCount" });
    flow("Set", json!({
        "Set": { "Type": "Pass", "Assign": { "known": 7 }, "Next": "Flaky" },
        "Flaky": with(call("flaky"), json!({ "Parameters": tries, "ResultPath": "$.flaky", "Retry": retry, "Next": "Which" })),
        "Which": { "Type": "Choice", "Choices": [
            { "Variable": "$known", "NumericEquals": 7, "Next": "Both" },
        ], "Default": "Wrong" },
        "Wrong": { "Type": "Fail", "Error": "Wrong" },
        "Both": { "Type": "Parallel", "Branches": branches, "ResultPath": "$.both", "Next": "Each" },
        "Each": { "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": each, "ResultPath": "$.each", "Next": "Children" },
        "Children": { "Type": "Map", "Label": "kids", "ItemsPath": "$.items", "ItemProcessor": child, "ResultPath": "$.kids", "Next": "Missing" },
        "Missing": with(call("no_such_action"), json!({ "Catch": catch, "End": true })),
        "Ask": ask,
        "Work": work,
        "Nested": nested,
        "Abandon": { "Type": "Parallel", "Branches": abandoning, "Catch": enough, "End": true },
        "Done": { "Type": "Succeed" },
    }))
    .to_string()
}

/// Stores what the execution needs.
pub async fn prepare(server: &Server) {
    for action in ["echo", "flaky", "ask"] {
        server.action(action).await;
    }
    let (control, caller) = (&server.control, &server.caller);
    control.create_activity(caller, "work", &[]).await.unwrap();
    let inner = flow(
        "Wait",
        json!({ "Wait": { "Type": "Wait", "Seconds": 1, "Next": "End" }, "End": { "Type": "Pass", "End": true } }),
    );
    let year = flow(
        "Wait",
        json!({ "Wait": { "Type": "Wait", "Seconds": 31_536_000, "End": true } }),
    );
    for (name, definition) in [
        ("inner", inner.to_string()),
        ("year", year.to_string()),
        ("outer", definition(&|named| arn(server, named))),
    ] {
        let draft = Draft {
            name: name.into(),
            definition,
            role_arn: "arn:aws:iam::1:role/x".into(),
            kind: MachineKind::Standard,
            ..Draft::default()
        };
        control.create_machine(caller, draft).await.unwrap();
    }
}

fn arn(server: &Server, named: &str) -> String {
    let account = wisp_control::workflows::account(&server.caller.namespace);
    format!("arn:aws:states:us-east-1:{account}:{named}")
}

/// Starts the execution, and answers whatever it asks, until it has ended. Begins anew where it was left when it is called
/// for another server.
pub async fn answer(server: &Server, world: &World) -> Run {
    let (control, caller) = (&server.control, &server.caller);
    let start = Start {
        machine: arn(server, "stateMachine:outer"),
        name: Some(NAME.into()),
        input: Some(r#"{"items":[{"n":1},{"n":2},{"n":3}]}"#.into()),
        trace: None,
    };
    let execution = arn(server, &format!("execution:outer:{NAME}"));
    // One that has ended since the last server died is not started again; what panics is tried again.
    let _ = control.start_execution(caller, start.clone()).await;
    while control.describe_execution(caller, &execution).await.is_err() {
        let _ = control.start_execution(caller, start.clone()).await;
    }
    loop {
        let tokens = world.calls.tokens.lock().unwrap().clone();
        for token in tokens {
            // Those of tasks that are over are refused.
            let _ = control.send_task_success(caller, &token, r#"{"yes":true}"#).await;
        }
        let activity = arn(server, "activity:work");
        let polled = control.activity_task(caller, &activity, None);
        if let Ok(Ok(Some(work))) = tokio::time::timeout(Duration::from_millis(5), polled).await {
            world.calls.tokens.lock().unwrap().push(work.token);
        }
        let found = control.describe_execution(caller, &execution).await.unwrap();
        if found.stopped.is_some() && abandoned(server).await {
            return found;
        }
    }
}

/// Whether the execution that nobody waits for any more was stopped. Where the machine is busy, whoever waited had failed
/// before it began: then there is none.
async fn abandoned(server: &Server) -> bool {
    let execution = arn(server, &format!("execution:year:{ABANDONED}"));
    let found = server.control.describe_execution(&server.caller, &execution).await;
    found.map_or(true, |run| run.execution.status == Status::Aborted)
}

/// The types of the events of the execution's history, and whether they are numbered without a gap.
pub async fn history(server: &Server) -> Vec<String> {
    let execution = arn(server, &format!("execution:outer:{NAME}"));
    let paging = Paging {
        limit: Some(1000),
        token: None,
    };
    let page = server
        .control
        .execution_history(&server.caller, &execution, &paging, false, true);
    let events = page.await.unwrap().entries;
    let ids: Vec<u64> = events.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(
        ids,
        (1..=events.len() as u64).collect::<Vec<_>>(),
        "events are numbered without a gap"
    );
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect()
}
