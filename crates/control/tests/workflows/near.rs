//! What a step leaves for the next one is taken from memory, not read back.

use std::time::Duration;

use serde_json::json;
use wisp_control::workflows::{Draft, MachineKind, Start};

use crate::world::{Server, World};

/// A large value goes through a task, a wait, in which the execution leaves memory, and another task.
const MACHINE: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"wisp:action:echo","Next":"W"},
    "W":{"Type":"Wait","Seconds":600,"Next":"B"},
    "B":{"Type":"Task","Resource":"wisp:action:echo","End":true}}}"#;

async fn start(server: &Server, machine: &str, name: &str) -> String {
    let start = Start {
        machine: machine.to_owned(),
        name: Some(name.to_owned()),
        input: Some(json!({ "long": "x".repeat(5000) }).to_string()),
        ..Start::default()
    };
    server.control.start_execution(&server.caller, start).await.unwrap().arn
}

async fn ended(server: &Server, arn: &str) {
    let over = async {
        while server
            .control
            .describe_execution(&server.caller, arn)
            .await
            .unwrap()
            .stopped
            .is_none()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), over).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_reads_nothing_back() {
    let world = World::new();
    let server = world.start(None).await;
    server.action("echo").await;
    let draft = Draft {
        name: "m".into(),
        definition: MACHINE.into(),
        role_arn: "arn:aws:iam::1:role/x".into(),
        kind: MachineKind::Standard,
        ..Draft::default()
    };
    let machine = server.control.create_machine(&server.caller, draft).await.unwrap().arn;
    let arn = start(&server, &machine.to_string(), "near").await;
    ended(&server, &arn).await;
    assert_eq!(server.reads(), 0);

    // What has been killed knows nothing: the same step then reads.
    let arn = start(&server, &machine.to_string(), "far").await;
    server.kill();
    let server = world.start(None).await;
    ended(&server, &arn).await;
    assert!(server.reads() > 0);
}
