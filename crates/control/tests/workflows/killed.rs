//! A server that is killed at any write of the journal, or a turn that panics there, leaves an execution that ends as if nothing
//! had happened.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::{
    machine,
    world::{Fault, World},
};

/// How an execution ended: its output, and its events by type.
#[derive(Debug, PartialEq)]
struct End {
    output: Value,
    events: Vec<String>,
}

/// Runs it on a server where something goes wrong once; returns how it ended, and how many commits the last server made.
async fn run(fault: Option<Fault>) -> (End, usize) {
    let world = World::new();
    let mut server = world.start(fault).await;
    machine::prepare(&server).await;
    let found = loop {
        tokio::select! {
            found = machine::answer(&server, &world) => break found,
            () = server.died() => {
                server.kill();
                server = world.start(None).await;
            }
        }
    };
    let outcome = found.execution.outcome.unwrap();
    let output = outcome
        .output
        .unwrap_or_else(|| panic!("{fault:?}: {:?} {:?}", outcome.error, outcome.cause));
    let mut events = machine::history(&server).await;
    // A token may come back before the call that carried it has returned: then nobody says that it was submitted.
    // And a worker whose task the server took with it is waited for in vain: the task is given to another.
    events.retain(|event| event != "TaskSubmitted" && !event.starts_with("Activity"));
    // Branches and iterations go on side by side: which is first is not said.
    events.sort();
    let end = End {
        output: (*output).clone(),
        events,
    };
    (end, server.commits())
}

async fn ends_alike(faults: impl Fn(usize) -> [Fault; 2]) {
    let (undisturbed, commits) = run(None).await;
    assert!(commits > 20, "all constructs need more than {commits} commits");
    assert_eq!(undisturbed.output["answer"], serde_json::json!({ "yes": true }));
    for fault in (1..=commits).flat_map(faults) {
        let ended = timeout(Duration::from_secs(120), run(Some(fault))).await;
        let (end, _) = ended.unwrap_or_else(|_| panic!("{fault:?}: the execution does not end"));
        assert_eq!(end, undisturbed, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_ends_alike_wherever_the_server_is_killed() {
    ends_alike(|number| [Fault::DiesBefore(number), Fault::DiesAfter(number)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_ends_alike_whichever_turn_panics() {
    ends_alike(|number| [Fault::PanicsBefore(number), Fault::PanicsAfter(number)]).await;
}
