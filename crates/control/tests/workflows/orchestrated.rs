//! A server that is killed at any write of the journal, or a turn that panics there, leaves an orchestration that ends as if nothing had happened: with
//! activities, a child, a timer, an entity, an event, and a beginning anew.

use std::time::Duration;

use tokio::time::timeout;
use wisp_control::{
    Control,
    orchestrations::{
        Given, Handed, Hub, Start, Wishes,
        core::{Action, Ask, Call, Completed, Decision, Event, Kind, Operation, Report, Status},
    },
};
use wisp_core::model::Identity;

use crate::world::{Fault, Server, World};

const COUNTER: &str = "@counter@one";

fn hub(server: &Server) -> Hub {
    Hub::new(server.caller.namespace.clone(), "default").unwrap()
}

fn call(name: &str) -> Call {
    Call {
        name: name.into(),
        ..Call::default()
    }
}

fn completes(result: &str) -> Ask {
    Ask::Complete(Completed {
        status: Status::Completed,
        result: Some(result.into()),
        failure: None,
    })
}

/// What the orchestrator asks for, of all that it can say by now.
fn wants(name: &str, events: &[&Event]) -> Vec<(i32, Ask)> {
    let input = events.iter().find_map(|event| match &event.kind {
        Kind::ExecutionStarted(started) => started.input.as_deref(),
        _ => None,
    });
    if name == "child" || input == Some("again") {
        return vec![(1, completes("done"))];
    }
    let has = |what: &dyn Fn(&Kind) -> bool| events.iter().any(|event| what(&event.kind));
    let done = |id: i32| {
        has(&|kind| match kind {
            Kind::TaskCompleted { task, .. } | Kind::ChildCompleted { task, .. } => *task == id,
            Kind::TimerFired { timer, .. } => *timer == id,
            _ => false,
        })
    };
    let mut wanted = vec![(1, Ask::Task(call("a")))];
    if done(1) {
        let instance = String::new();
        let child = call("child");
        let fire_at = events[0].at + 1_000_000;
        wanted.extend([(2, Ask::Task(call("b"))), (3, Ask::Task(call("c")))]);
        wanted.extend([(4, Ask::Child { instance, call: child }), (5, Ask::Timer { fire_at })]);
    }
    if (2..=5).all(done) {
        let add = Operation {
            request: "request".into(),
            operation: "add".into(),
            target: Some(COUNTER.into()),
            ..Operation::default()
        };
        wanted.push((6, Ask::Call(add)));
    }
    if has(&|kind| matches!(kind, Kind::EntityCompleted { .. }))
        && has(&|kind| matches!(kind, Kind::EventRaised { .. }))
    {
        let again = Ask::ContinueAsNew {
            input: Some("again".into()),
            version: None,
            carried: Vec::new(),
        };
        wanted.push((7, again));
    }
    wanted
}

fn decide(name: &str, events: &[&Event]) -> Decision {
    let asked = |id: i32| events.iter().any(|event| event.id == id);
    let new = wants(name, events).into_iter().filter(|(id, _)| !asked(*id));
    Decision {
        actions: new.map(|(id, kind)| Action { id, kind }).collect(),
        custom_status: None,
    }
}

/// Does all work that there is, for as long as the server lives.
async fn work(control: Control, caller: Identity, hub: Hub) {
    let wishes = Wishes {
        room: [9; 3],
        only: None,
    };
    let mut worker = control.connect_worker(&caller, &hub, wishes).unwrap();
    while let Some(Handed { token, work }) = worker.next().await {
        let (control, caller, hub) = (control.clone(), caller.clone(), hub.clone());
        tokio::spawn(async move {
            match work {
                Given::Turn(turn) => {
                    let events: Vec<&Event> = turn.past.iter().map(AsRef::as_ref).chain(&turn.new).collect();
                    let decision = decide(&turn.name, &events);
                    control.complete_turn(&caller, &hub, token, decision).await
                }
                Given::Activity(_) => control.complete_activity(&caller, &hub, token, Ok(None)).await,
                Given::Batch(batch) => {
                    let before: usize = batch.state.as_deref().map_or(0, |state| state.parse().unwrap());
                    let count = batch.batch.operations.len();
                    let report = Report {
                        results: vec![Ok(None); count],
                        state: Some((before + count).to_string()),
                        ..Report::default()
                    };
                    control.complete_batch(&caller, &hub, token, report).await
                }
            }
        });
    }
}

/// Starts it if it is not there, tells it what it waits for if that was not acknowledged, and waits for its end.
async fn end(server: &Server, told: &mut bool) -> (Option<String>, Option<String>) {
    let (control, caller, hub) = (&server.control, &server.caller, hub(server));
    let working = tokio::spawn(work(control.clone(), caller.clone(), hub.clone()));
    let start = Start {
        instance: "one".into(),
        name: "parent".into(),
        ..Start::default()
    };
    // It may be there, or its start may have been recorded and not acknowledged.
    while control.start_orchestration(caller, &hub, start.clone()).await.is_err() {
        if control
            .find_orchestration(caller, &hub, "one", false)
            .await
            .unwrap()
            .is_some()
        {
            break;
        }
    }
    while !*told {
        *told = control.raise_event(caller, &hub, "one", "go", None).await.is_ok();
    }
    let ended = control
        .await_orchestration(caller, &hub, "one", Status::is_over)
        .await
        .unwrap();
    let counter = control.find_entity(caller, &hub, COUNTER).await.unwrap();
    working.abort();
    (ended.unwrap().output, counter.and_then(|shown| shown.entity.state))
}

/// Runs it on a server where something goes wrong once; returns its output, the entity's value, and how many commits the last server made.
async fn run(fault: Option<Fault>) -> ((Option<String>, Option<String>), usize) {
    let world = World::new();
    let mut server = world.start(fault).await;
    let mut told = false;
    loop {
        tokio::select! {
            ended = end(&server, &mut told) => return (ended, server.commits()),
            () = server.died() => {
                server.kill();
                server = world.start(None).await;
            }
        }
    }
}

async fn ends_alike(faults: impl Fn(usize) -> [Fault; 2]) {
    let (undisturbed, commits) = run(None).await;
    assert!(commits > 10, "all constructs need more than {commits} commits");
    assert_eq!(undisturbed, (Some("done".into()), Some("1".into())));
    for fault in (1..=commits).flat_map(faults) {
        let ended = timeout(Duration::from_secs(120), run(Some(fault))).await;
        let (ended, _) = ended.unwrap_or_else(|_| panic!("{fault:?}: the orchestration does not end"));
        assert_eq!(ended, undisturbed, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestration_ends_alike_wherever_the_server_is_killed() {
    ends_alike(|number| [Fault::DiesBefore(number), Fault::DiesAfter(number)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestration_ends_alike_whichever_turn_panics() {
    ends_alike(|number| [Fault::PanicsBefore(number), Fault::PanicsAfter(number)]).await;
}
