//! Instances that nobody works for are in the journal, and no more of them in memory than may be.

use std::time::Duration;

use tokio::time::timeout;
use wisp_control::orchestrations::{
    Given, Hub, Start, Wishes,
    core::{Action, Ask, Call, Completed, Decision, Event, Kind, Status},
};
use wisp_core::Code;

use crate::world::{Server, World};

const MANY: usize = 60;

/// Calls an activity, and ends when that has.
fn decide(events: &[&Event]) -> Decision {
    let has = |what: &dyn Fn(&Kind) -> bool| events.iter().any(|event| what(&event.kind));
    let call = Call {
        name: "step".into(),
        ..Call::default()
    };
    let ended = Completed {
        status: Status::Completed,
        result: Some("1".into()),
        failure: None,
    };
    let ask = match () {
        () if has(&|kind| matches!(kind, Kind::TaskCompleted { .. })) => Some((2, Ask::Complete(ended))),
        () if has(&|kind| matches!(kind, Kind::TaskScheduled(_))) => None,
        () => Some((1, Ask::Task(call))),
    };
    Decision {
        actions: ask.into_iter().map(|(id, kind)| Action { id, kind }).collect(),
        custom_status: None,
    }
}

/// Does one thing after the other, until all instances have ended.
async fn work(server: &Server, hub: &Hub) {
    let wishes = Wishes {
        room: [1; 3],
        only: None,
    };
    let (control, caller) = (&server.control, &server.caller);
    let mut worker = control.connect_worker(caller, hub, wishes).unwrap();
    let mut ended = 0;
    while ended < MANY {
        let handed = worker.next().await.unwrap();
        match handed.work {
            Given::Turn(turn) => {
                let events: Vec<&Event> = turn.past.iter().map(AsRef::as_ref).chain(&turn.new).collect();
                let decision = decide(&events);
                ended += usize::from(matches!(&decision.actions[..], [Action { id: 2, .. }]));
                control
                    .complete_turn(caller, hub, handed.token, decision)
                    .await
                    .unwrap();
            }
            Given::Activity(_) => {
                let done = control.complete_activity(caller, hub, handed.token, Ok(None));
                done.await.unwrap();
            }
            Given::Batch(_) => panic!("nobody asks an entity"),
        }
    }
}

fn start(number: usize) -> Start {
    Start {
        instance: format!("n{number}"),
        name: "flow".into(),
        ..Start::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_there_is_room_for_comes_from_the_journal() {
    let mut world = World::new();
    world.orchestrations.waiting_items = 4;
    let server = world.start(None).await;
    let hub = Hub::new(server.caller.namespace.clone(), "default").unwrap();
    for number in 0..MANY {
        let started = server.control.start_orchestration(&server.caller, &hub, start(number));
        started.await.unwrap();
    }
    let mut tasks = server.tasks();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        tasks = server.tasks();
        if tasks <= 6 {
            break;
        }
    }
    assert!(tasks <= 6, "{tasks} tasks wait for a worker");
    timeout(Duration::from_secs(60), work(&server, &hub)).await.unwrap();
    for number in 0..MANY {
        let id = format!("n{number}");
        let found = server.control.find_orchestration(&server.caller, &hub, &id, false);
        assert_eq!(found.await.unwrap().unwrap().instance.status, Status::Completed, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_has_so_many_instances_also_after_a_start() {
    let mut world = World::new();
    world.orchestrations.open_instances = 2;
    let mut server = world.start(None).await;
    let hub = Hub::new(server.caller.namespace.clone(), "default").unwrap();
    for number in 0..2 {
        let started = server.control.start_orchestration(&server.caller, &hub, start(number));
        started.await.unwrap();
    }
    for _ in 0..2 {
        let refused = server.control.start_orchestration(&server.caller, &hub, start(2)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::Throttled);
        assert!(
            refused
                .context()
                .contains(&("limit", "orchestrations.open_instances".into()))
        );
        server.kill();
        server = world.start(None).await;
    }
    let ended = server
        .control
        .terminate_orchestration(&server.caller, &hub, "n0", None, false);
    ended.await.unwrap();
    let started = server.control.start_orchestration(&server.caller, &hub, start(2));
    started.await.unwrap();
}
