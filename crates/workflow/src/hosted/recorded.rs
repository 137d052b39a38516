//! Whole runs, with what the packages answered when they were shown such histories.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, HOST, HTTP, Host, Replay};
use crate::orchestration::{
    Action, Ask, Event, Failure, Instance, Kind, Started, Status, Turn, complete,
    event::{Call, Micros, Operation},
};

const SECOND: Micros = 1_000_000;

/// An instance that is driven by hand.
struct Run {
    instance: Instance,
    history: Vec<Arc<Event>>,
    now: Micros,
}

impl Run {
    fn begin() -> (Self, Kind) {
        let started = Started {
            name: "hello".to_owned(),
            instance: "abc".to_owned(),
            execution: Some("x".to_owned()),
            ..Started::default()
        };
        let instance = Instance::new(&started, 0);
        let run = Self {
            instance,
            history: Vec::new(),
            now: 0,
        };
        (run, Kind::ExecutionStarted(Box::new(started)))
    }

    /// A turn with these events; the code, if it is asked, answers so. Returns what the instance asked for.
    fn turn(&mut self, kinds: Vec<Kind>, answer: Option<Value>) -> Vec<Action> {
        self.now += SECOND;
        let mut events = vec![Event::outside(self.now, Kind::TurnStarted)];
        events.extend(kinds.into_iter().map(|kind| Event::outside(self.now, kind)));
        let replay = Replay::new(&self.history, &events);
        let decision = match (replay.alone(), answer) {
            (Some(decision), None) => decision,
            (None, Some(answer)) => replay.decide(&serde_json::from_value::<Answer>(answer).unwrap(), "x", &host()),
            (alone, _) => panic!("the code is asked: {}", alone.is_none()),
        };
        let actions = decision.actions.clone();
        let turn = Turn {
            events,
            taken: Vec::new(),
        };
        let outcome = complete(&mut self.instance, turn, decision, self.now, "fresh");
        self.history.extend(outcome.events.into_iter().map(Arc::new));
        actions
    }

    /// What the code would be told now: types with the numbers that they answer to.
    fn told(&self) -> Vec<(u64, Value)> {
        let replay = Replay::new(&self.history, &[]);
        let number = |event: &Value| match event["EventType"].as_u64() {
            Some(5 | 6 | 8 | 9) => event["TaskScheduledId"].clone(),
            Some(11) => event["TimerId"].clone(),
            Some(14 | 15) => event["Input"].clone(),
            _ => event["EventId"].clone(),
        };
        replay
            .history()
            .iter()
            .map(|event| (event["EventType"].as_u64().unwrap(), number(event)))
            .collect()
    }
}

/// An app with an orchestrator and `say`.
fn host() -> Host {
    Host {
        action: "ns/app".to_owned(),
        functions: ["say".to_owned()].into(),
    }
}

fn completed(task: i32, result: &str) -> Kind {
    Kind::TaskCompleted {
        task,
        result: Some(result.to_owned()),
    }
}

fn failed(task: i32) -> Kind {
    let failure = Failure {
        kind: "Error".to_owned(),
        message: "no".to_owned(),
        ..Failure::default()
    };
    Kind::TaskFailed {
        task,
        failure: Some(Box::new(failure)),
    }
}

fn fired(timer: i32) -> Kind {
    Kind::TimerFired { fire_at: 0, timer }
}

fn names(actions: &[Action]) -> Vec<(i32, &str)> {
    let name = |ask: &Ask| match ask {
        Ask::Task(call) if call.name == "flaky" => "flaky",
        Ask::Task(_) => "task",
        Ask::Timer { .. } => "timer",
        Ask::Call(_) => "call",
        Ask::Signal(_) => "signal",
        Ask::Complete(completed) if completed.status == Status::Completed => "completed",
        Ask::Complete(_) => "failed",
        Ask::ContinueAsNew { .. } => "anew",
        _ => "other",
    };
    actions.iter().map(|Action { id, kind }| (*id, name(kind))).collect()
}

fn say() -> Value {
    json!({"actionType": 0, "functionName": "say", "input": "Tokyo"})
}

fn flaky() -> Value {
    json!({"actionType": 1, "functionName": "flaky", "input": {"x": 1},
        "retryOptions": {"firstRetryIntervalInMilliseconds": 5000, "maxNumberOfAttempts": 3}})
}

fn answer(actions: &[Value]) -> Option<Value> {
    Some(json!({"isDone": false, "schemaVersion": 1, "actions": actions}))
}

#[test]
fn only_what_is_new_is_asked_for() {
    let (mut run, started) = Run::begin();
    let first = run.turn(vec![started], answer(&[say()]));
    assert_eq!(names(&first), [(0, "task")]);
    let Ask::Task(Call { input, .. }) = &first[0].kind else {
        panic!()
    };
    assert_eq!(input.as_deref(), Some("\"Tokyo\""));

    let timer = json!({"actionType": 5, "fireAt": "2026-01-01T00:00:12.000000Z", "isCanceled": false});
    let wait = json!({"actionType": 6, "externalEventName": "go", "reason": "ExternalEvent"});
    let race = [say(), timer.clone(), wait, flaky()];
    let second = run.turn(vec![completed(0, "\"Hello\"")], answer(&race));
    assert_eq!(names(&second), [(1, "timer"), (2, "flaky")]);
    assert_eq!(
        second[0].kind,
        Ask::Timer {
            fire_at: 1_767_225_612_000_000
        }
    );

    let call = json!({"actionType": 7, "instanceId": "@counter@k", "operation": "add", "input": 3});
    let signal = json!({"actionType": 9, "instanceId": "@counter@k", "operation": "reset", "input": null});
    let raised = Kind::EventRaised {
        name: "go".to_owned(),
        input: Some("1".to_owned()),
    };
    let third = run.turn(vec![raised], answer(&[&race[..], &[call, signal]].concat()));
    assert_eq!(names(&third), [(3, "call"), (4, "signal")]);
    let Ask::Call(Operation {
        request, target, input, ..
    }) = &third[0].kind
    else {
        panic!()
    };
    assert_eq!(
        (request.as_str(), target.as_deref(), input.as_deref()),
        ("x:3", Some("@counter@k"), Some("3"))
    );
    assert!(run.told().contains(&(14, json!("{\"id\":\"x:3\"}"))));
}

#[test]
fn attempts_are_made_without_the_code_and_numbers_agree_with_its_own() {
    let (mut run, started) = Run::begin();
    run.turn(vec![started], answer(&[flaky(), say()]));
    // The package counts: the timer is 2, the attempt after it 3.
    let failure = run.turn(vec![failed(0)], None);
    assert_eq!(names(&failure), [(2, "timer")]);
    assert_eq!(
        failure[0].kind,
        Ask::Timer {
            fire_at: run.now + 5 * SECOND
        }
    );
    assert_eq!(names(&run.turn(vec![fired(2)], None)), [(3, "flaky")]);
    // What is asked for in the same turn comes after the timer, whatever came first.
    let more = run.turn(vec![completed(1, "1"), failed(3)], answer(&[flaky(), say(), say()]));
    assert_eq!(names(&more), [(4, "timer"), (5, "task")]);
    assert_eq!(names(&run.turn(vec![fired(4)], None)), [(6, "flaky")]);
    // The last failure is known to the code when a timer that nobody waits for has fired.
    let last = run.turn(vec![failed(6)], None);
    assert_eq!(names(&last), [(7, "timer")]);
    assert_eq!(last[0].kind, Ask::Timer { fire_at: run.now });
    let end = json!({"isDone": false, "actions": [flaky(), say(), say()], "error": "no"});
    assert_eq!(names(&run.turn(vec![fired(7)], Some(end))), [(8, "failed")]);
    let order: Vec<_> = run
        .told()
        .into_iter()
        .filter(|(kind, _)| [5, 6, 11].contains(kind))
        .collect();
    let expected = [(6, 0), (11, 2), (6, 3), (5, 1), (11, 4), (6, 6), (11, 7)];
    assert_eq!(order, expected.map(|(kind, number)| (kind, json!(number))));
}

#[test]
fn another_order_than_before_fails_the_instance() {
    let (mut run, started) = Run::begin();
    run.turn(vec![started], answer(&[say()]));
    for actions in [
        vec![],
        vec![flaky()],
        vec![json!({"actionType": 5, "fireAt": "2026-01-01T00:00:12Z"})],
    ] {
        let replay = Replay::new(&run.history, &[]);
        let answer = serde_json::from_value(answer(&actions).unwrap()).unwrap();
        let Ask::Complete(completed) = replay.decide(&answer, "x", &host()).actions.remove(0).kind else {
            panic!()
        };
        assert_eq!(completed.failure.unwrap().kind, "NonDeterminismError");
    }
}

#[test]
fn what_was_not_waited_for_is_carried_over() {
    let (mut run, started) = Run::begin();
    let raised = |input: &str| Kind::EventRaised {
        name: "go".to_owned(),
        input: Some(input.to_owned()),
    };
    let wait = json!({"actionType": 6, "externalEventName": "go"});
    let anew = json!({"isDone": true, "actions": [wait, {"actionType": 4, "input": {"n": 2}}]});
    let actions = run.turn(vec![started, raised("1"), raised("2")], Some(anew));
    assert_eq!(names(&actions), [(0, "anew")]);
    let Ask::ContinueAsNew { input, carried, .. } = &actions[0].kind else {
        panic!()
    };
    assert_eq!(input.as_deref(), Some(r#"{"n":2}"#));
    assert_eq!(
        carried.iter().map(|event| event.kind.clone()).collect::<Vec<_>>(),
        [raised("2")]
    );
}

#[test]
fn a_result_ends_it_and_nothing_is_none() {
    for (output, expected) in [(json!({"a": 1}), Some("{\"a\":1}")), (Value::Null, None)] {
        let (mut run, started) = Run::begin();
        let done = json!({"isDone": true, "actions": [], "output": output, "customStatus": "late"});
        assert_eq!(names(&run.turn(vec![started], Some(done))), [(0, "completed")]);
        assert_eq!(run.instance.output.as_deref(), expected);
        assert_eq!(run.instance.custom_status.as_deref(), Some("\"late\""));
    }
}

#[test]
fn calls_of_the_same_app_say_which_it_is() {
    let (mut run, started) = Run::begin();
    let child = json!({"actionType": 2, "functionName": "other", "input": null});
    let http = json!({"actionType": 8, "httpRequest": {"method": "GET", "uri": "http://x/"}});
    let actions = run.turn(vec![started], answer(&[say(), flaky(), child, http]));
    let tags = actions.iter().map(|action| match &action.kind {
        Ask::Task(call) | Ask::Child { call, .. } => (call.name.as_str(), call.tags.get(HOST).map(String::as_str)),
        _ => ("", None),
    });
    let app = Some("ns/app");
    assert_eq!(
        tags.collect::<Vec<_>>(),
        [("say", app), ("flaky", None), ("other", None), (HTTP, app)]
    );
}
