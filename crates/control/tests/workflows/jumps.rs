//! Timers name moments of the clock on the wall, which somebody may set.

use std::time::Duration;

use wisp_control::workflows::{Draft, MachineKind, Run, Start};
use wisp_workflow::execution::Status;

use crate::world::{Server, World};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: i64 = 86_400_000;

/// Starts an execution that waits for so many seconds; returns its ARN.
async fn wait(server: &Server, seconds: u64) -> String {
    let definition = format!(r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":{seconds},"End":true}}}}}}"#);
    let draft = Draft {
        name: format!("wait{seconds}"),
        definition,
        role_arn: "arn:aws:iam::1:role/x".into(),
        kind: MachineKind::Standard,
        ..Draft::default()
    };
    let created = server.control.create_machine(&server.caller, draft).await.unwrap();
    let start = Start {
        machine: created.arn.to_string(),
        ..Start::default()
    };
    server.control.start_execution(&server.caller, start).await.unwrap().arn
}

async fn find(server: &Server, arn: &str) -> Run {
    server.control.describe_execution(&server.caller, arn).await.unwrap()
}

/// Waits until an execution has ended well.
async fn ended(server: &Server, arn: &str) {
    while find(server, arn).await.stopped.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(find(server, arn).await.execution.status, Status::Succeeded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_forward_is_noticed_soon() {
    let world = World::new();
    let server = world.start(None).await;
    let arn = wait(&server, 43_200).await;
    let before = world.elapsed();
    world.set_clock(DAY);
    ended(&server, &arn).await;
    let took = world.elapsed() - before;
    assert!(took < Duration::from_secs(43_200) / 2, "it waited for {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_holds_up_nothing_new_and_fires_nothing_twice() {
    let world = World::new();
    let server = world.start(None).await;
    let old = wait(&server, 43_200).await;
    world.set_clock(-DAY);
    let new = wait(&server, 60).await;
    ended(&server, &new).await;
    world.pass(10 * MINUTE);
    assert_eq!(find(&server, &old).await.stopped, None, "its moment has not come");
    world.set_clock(DAY);
    world.pass(Duration::from_secs(43_200));
    ended(&server, &old).await;
    let stopped = find(&server, &old).await.stopped;
    world.set_clock(-DAY);
    world.set_clock(DAY);
    world.pass(10 * MINUTE);
    assert_eq!(find(&server, &old).await.stopped, stopped);
}
