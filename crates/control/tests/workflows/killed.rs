//! A server that is killed at any write of the journal leaves an execution that ends as if nothing had happened.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::{
    machine,
    world::{Death, World},
};

/// How an execution ended: its output, and its events by type.
#[derive(Debug, PartialEq)]
struct End {
    output: Value,
    events: Vec<String>,
}

/// Runs it on a server that dies once; returns how it ended, and how many commits the last server made.
async fn run(death: Option<Death>) -> (End, usize) {
    let world = World::new();
    let mut server = world.start(death).await;
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
        .unwrap_or_else(|| panic!("{death:?}: {:?} {:?}", outcome.error, outcome.cause));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_ends_alike_wherever_the_server_is_killed() {
    let (undisturbed, commits) = run(None).await;
    assert!(commits > 20, "all constructs need more than {commits} commits");
    assert_eq!(undisturbed.output["answer"], serde_json::json!({ "yes": true }));
    for number in 1..=commits {
        for death in [Death::Before(number), Death::After(number)] {
            let ended = timeout(Duration::from_secs(120), run(Some(death))).await;
            let (end, _) = ended.unwrap_or_else(|_| panic!("{death:?}: the execution does not end"));
            assert_eq!(end, undisturbed, "{death:?}");
        }
    }
}
