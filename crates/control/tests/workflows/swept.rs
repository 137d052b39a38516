//! Definitions stay as long as something refers to them.

use std::time::Duration;

use wisp_control::workflows::{Change, Draft, MachineKind, Start};

use crate::world::{Server, World};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A definition that waits for a day; every number makes another one.
fn definition(number: usize) -> String {
    format!(r#"{{"Comment":"{number}","StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":86400,"End":true}}}}}}"#)
}

/// Sweeps twice, as far apart as must be: nothing goes that was not found twice.
async fn sweep(world: &World, server: &Server) -> usize {
    world.pass(HOUR);
    let first = server.control.sweep_workflows().await.unwrap();
    world.pass(HOUR);
    first + server.control.sweep_workflows().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_execution_or_a_version_refers_to_outlives_every_update() {
    let world = World::new();
    let server = world.start(None).await;
    let (control, caller) = (&server.control, &server.caller);
    let draft = Draft {
        name: "wait".into(),
        definition: definition(0),
        role_arn: "arn:aws:iam::1:role/x".into(),
        kind: MachineKind::Standard,
        ..Draft::default()
    };
    let machine = control.create_machine(caller, draft).await.unwrap().arn.to_string();
    let start = Start {
        machine: machine.clone(),
        ..Start::default()
    };
    let waiting = control.start_execution(caller, start).await.unwrap().arn;
    // Of these only the second one's definition is a version's, and the last one's the machine's.
    for number in 1..=3 {
        let change = Change {
            definition: Some(definition(number)),
            publish: number == 2,
            ..Change::default()
        };
        control.update_machine(caller, &machine, change).await.unwrap();
    }
    assert_eq!(sweep(&world, &server).await, 1);
    assert_eq!(sweep(&world, &server).await, 0);
    server.kill();
    let server = world.start(None).await;
    let (control, caller) = (&server.control, &server.caller);
    world.pass(DAY);
    while control
        .describe_execution(caller, &waiting)
        .await
        .unwrap()
        .stopped
        .is_none()
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(sweep(&world, &server).await, 0, "it can be shown, and redriven");
    world.pass(91 * DAY);
    while control.describe_execution(caller, &waiting).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(sweep(&world, &server).await, 1, "its own definition, and no other");
    let version = format!("{machine}:1");
    assert_eq!(
        control.describe_machine(caller, &version).await.unwrap().definition,
        definition(2)
    );
}
