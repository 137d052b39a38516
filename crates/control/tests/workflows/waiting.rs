//! Executions that wait cost disk, not memory, and are not touched by a restart.

use wisp_control::workflows::{Draft, MachineKind, Start};

use crate::world::World;

/// As many as a namespace may have in a working day.
const MANY: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_executions_wait_over_a_restart() {
    let world = World::new();
    let server = world.start(None).await;
    let definition =
        r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"Next":"P"},"P":{"Type":"Pass","End":true}}}"#;
    let draft = Draft {
        name: "wait".into(),
        definition: definition.into(),
        role_arn: "arn:aws:iam::1:role/x".into(),
        kind: MachineKind::Standard,
        ..Draft::default()
    };
    let created = server.control.create_machine(&server.caller, draft).await.unwrap();
    let mut arns = Vec::new();
    for number in 0..MANY {
        let start = Start {
            machine: created.arn.to_string(),
            name: Some(format!("n{number}")),
            ..Start::default()
        };
        arns.push(server.control.start_execution(&server.caller, start).await.unwrap().arn);
    }
    server.kill();
    let server = world.start(None).await;
    for arn in arns.iter().step_by(MANY / 10) {
        let found = server.control.describe_execution(&server.caller, arn).await.unwrap();
        assert_eq!(found.stopped, None, "it waits for a day");
    }
    world.pass(std::time::Duration::from_secs(86_400));
    for arn in &arns {
        loop {
            let found = server.control.describe_execution(&server.caller, arn).await.unwrap();
            if found.stopped.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    world.pass(std::time::Duration::from_secs(91 * 86_400));
    while server
        .control
        .describe_execution(&server.caller, &arns[0])
        .await
        .is_ok()
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
