//! The core, an event at a time.
#![allow(clippy::unwrap_used, clippy::panic)] // a failed test says why by itself

use std::sync::Arc;

use serde_json::{Value, json};
use wisp_workflow::execution::{Effect, Event, EventKind, Execution, Identity, Outcome, Start, Status, Token};
use wisp_workflow::machine::Machine;
use wisp_workflow::{Limits, Turn, advance};

struct Run {
    machine: Machine,
    execution: Execution,
    now: i64,
}

impl Run {
    fn of(definition: Value, input: Value) -> (Self, Turn) {
        Self::begin(definition, input, false)
    }

    fn begin(definition: Value, input: Value, express: bool) -> (Self, Turn) {
        let machine = Machine::parse(&definition).unwrap();
        let start = machine.start();
        let identity = Identity {
            arn: "arn:aws:states:r:a:execution:m:e".to_owned(),
            name: "e".to_owned(),
            machine_arn: "arn:aws:states:r:a:stateMachine:m".to_owned(),
            machine_name: "m".to_owned(),
            role_arn: "arn:aws:iam::a:role/r".to_owned(),
            version_arn: None,
            alias_arn: None,
        };
        let execution = Execution::new(Start {
            identity,
            input: Arc::new(input),
            start,
            express,
            entry: None,
            seed: [7; 16],
        });
        let mut run = Self {
            machine,
            execution,
            now: 1000,
        };
        let turn = run.take(EventKind::Started);
        (run, turn)
    }

    fn take(&mut self, kind: EventKind) -> Turn {
        let event = Event { at_ms: self.now, kind };
        advance(&self.machine, &mut self.execution, &[event], &Limits::default())
    }
}

fn kinds(turn: &Turn) -> Vec<&str> {
    turn.history.iter().map(|event| event.kind.name()).collect()
}

fn task_id(turn: &Turn) -> u64 {
    let mut ids = turn.effects.iter().filter_map(|effect| match effect {
        Effect::StartTask(task) => Some(task.id),
        _ => None,
    });
    ids.next_back().unwrap()
}

#[test]
fn a_task_is_asked_for_once_and_its_end_counts_once() {
    let definition = json!({"StartAt": "Call", "States": {
        "Call": {"Type": "Task", "Resource": "wisp:action:double", "TimeoutSeconds": 5, "Next": "Done"},
        "Done": {"Type": "Succeed"}
    }});
    let (mut run, turn) = Run::of(definition, json!({"n": 1}));
    assert_eq!(
        kinds(&turn),
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted"
        ]
    );
    let id = task_id(&turn);
    assert!(run.execution.awaits(id));
    let end = EventKind::TaskSucceeded {
        id,
        output: json!({"n": 2}),
    };
    let turn = run.take(end.clone());
    assert_eq!(
        kinds(&turn),
        [
            "LambdaFunctionSucceeded",
            "TaskStateExited",
            "SucceedStateEntered",
            "SucceedStateExited",
            "ExecutionSucceeded"
        ]
    );
    assert!(
        matches!(turn.effects[0], Effect::ClearTimer { .. }),
        "{:?}",
        turn.effects
    );
    assert_eq!(
        run.execution.outcome.as_ref().unwrap().output.as_deref(),
        Some(&json!({"n": 2}))
    );
    assert_eq!(run.take(end), Turn::default());
}

#[test]
fn a_stopped_execution_takes_back_what_it_asked_for() {
    let definition = json!({"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 60, "End": true}}});
    let (mut run, turn) = Run::of(definition, json!({}));
    let Effect::SetTimer { id, at_ms } = turn.effects[0] else {
        panic!("{:?}", turn.effects)
    };
    assert_eq!(at_ms, 61_000);
    let turn = run.take(EventKind::Stopped {
        error: Some("Enough".to_owned()),
        cause: None,
    });
    assert_eq!(kinds(&turn), ["ExecutionAborted"]);
    assert_eq!(turn.effects[0], Effect::ClearTimer { id, at_ms });
    assert_eq!(run.execution.status, Status::Aborted);
    assert_eq!(run.take(EventKind::TimerFired { id }), Turn::default());
}

#[test]
fn a_loop_without_a_wait_is_cut_and_ends_with_its_history() {
    let definition = json!({"StartAt": "Again", "States": {"Again": {"Type": "Pass", "Next": "Again"}}});
    let (mut run, mut turn) = Run::of(definition, json!({}));
    let mut turns = 1;
    let mut length = turn.history.len();
    while turn.more {
        turn = advance(&run.machine, &mut run.execution, &[], &Limits::default());
        turns += 1;
        length += turn.history.len();
    }
    assert!(turns > 5, "{turns}");
    assert_eq!((length, run.execution.history_length()), (25_000, 25_000));
    let outcome = run.execution.outcome.unwrap();
    assert_eq!(outcome.error.as_deref(), Some("States.Runtime"));
    assert_eq!(
        outcome.cause.unwrap(),
        "The execution reached the maximum number of history events (25000)."
    );
}

#[test]
fn a_result_over_the_limit_is_not_caught_by_all() {
    let definition = json!({"StartAt": "Grow", "States": {
        "Grow": {"Type": "Task", "Resource": "wisp:action:grow", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}],
                 "End": true},
        "After": {"Type": "Succeed"}
    }});
    for (length, status) in [(262_142, Status::Succeeded), (262_143, Status::Failed)] {
        let (mut run, turn) = Run::of(definition.clone(), json!({}));
        let output = Value::String("x".repeat(length));
        run.take(EventKind::TaskSucceeded {
            id: task_id(&turn),
            output,
        });
        assert_eq!(run.execution.status, status, "{length}");
    }
}

#[test]
fn a_redriven_execution_goes_on_where_it_failed() {
    let call = |name: &str| {
        json!({"StartAt": name, "States": {
            name: {"Type": "Task", "Resource": format!("wisp:action:{name}"), "End": true}
        }})
    };
    let definition = json!({"StartAt": "Before", "States": {
        "Before": {"Type": "Pass", "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [call("good"), call("bad")], "End": true}
    }});
    let (mut run, turn) = Run::of(definition, json!({}));
    let tasks: Vec<u64> = turn
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::StartTask(task) => Some(task.id),
            _ => None,
        })
        .collect();
    run.take(EventKind::TaskSucceeded {
        id: tasks[0],
        output: json!(1),
    });
    let turn = run.take(EventKind::TaskFailed {
        id: tasks[1],
        error: Some("Broken".to_owned()),
        cause: None,
    });
    assert_eq!(
        kinds(&turn),
        ["LambdaFunctionFailed", "ParallelStateFailed", "ExecutionFailed"]
    );
    let turn = run.take(EventKind::Redriven);
    assert_eq!(
        kinds(&turn),
        ["ExecutionRedriven", "LambdaFunctionScheduled", "LambdaFunctionStarted"]
    );
    let turn = run.take(EventKind::TaskSucceeded {
        id: task_id(&turn),
        output: json!(2),
    });
    assert_eq!(run.execution.status, Status::Succeeded);
    assert_eq!(
        run.execution.outcome.as_ref().unwrap().output.as_deref(),
        Some(&json!([1, 2]))
    );
    assert!(kinds(&turn).contains(&"ParallelStateSucceeded"));
}

#[test]
fn only_the_token_that_was_given_is_vouched_for() {
    let definition = json!({"StartAt": "Ask", "States": {
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {"token.$": "$$.Task.Token"}, "End": true}
    }});
    let (run, turn) = Run::of(definition, json!({}));
    let Some(Effect::StartTask(task)) = turn.effects.first() else {
        panic!("{:?}", turn.effects)
    };
    let text = task.token.clone().unwrap();
    assert_eq!(task.input["token"], json!(text));
    let token = Token::parse(&text).unwrap();
    assert!(run.execution.vouches_for(&token));
    assert_eq!(
        (token.task, token.execution.as_str()),
        (task.id, run.execution.identity.arn.as_str())
    );
    let mut made_up = token;
    made_up.task += 1;
    assert!(!run.execution.vouches_for(&made_up));
}

#[test]
fn an_express_execution_that_never_waits_runs_out_of_time() {
    let definition = json!({"StartAt": "Again", "States": {"Again": {"Type": "Pass", "Next": "Again"}}});
    let (mut run, turn) = Run::begin(definition, json!({}), true);
    assert!(turn.more);
    assert!(run.take(EventKind::Tick).more);
    run.now += 300_000;
    let turn = run.take(EventKind::Tick);
    assert_eq!((kinds(&turn).last(), turn.more), (Some(&"ExecutionTimedOut"), false));
    assert_eq!(run.execution.outcome.unwrap().error.as_deref(), Some("States.Timeout"));
}

#[test]
fn a_timer_that_fires_early_is_set_again() {
    let definition = json!({"StartAt": "Sleep", "States": {"Sleep": {"Type": "Wait", "Seconds": 60, "End": true}}});
    let (mut run, turn) = Run::of(definition, json!({}));
    let Effect::SetTimer { id, at_ms } = turn.effects[0] else {
        panic!("{:?}", turn.effects)
    };
    run.now = at_ms - 1;
    assert_eq!(
        run.take(EventKind::TimerFired { id }).effects,
        [Effect::SetTimer { id, at_ms }]
    );
    run.now = at_ms;
    run.take(EventKind::TimerFired { id });
    assert_eq!(run.execution.status, Status::Succeeded);
}

#[test]
fn what_a_catcher_puts_out_can_be_too_large_as_well() {
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": "Call", "States": {
        "Call": {"Type": "Task", "Resource": "wisp:action:call", "Next": "After", "Catch": [{
            "ErrorEquals": ["States.ALL", "States.DataLimitExceeded"],
            "Output": "{% $pad('', 300000, 'x') %}", "Next": "After"}]},
        "After": {"Type": "Succeed"}
    }});
    let (mut run, turn) = Run::of(definition, json!({}));
    run.take(EventKind::TaskFailed {
        id: task_id(&turn),
        error: Some("Broken".to_owned()),
        cause: None,
    });
    let outcome = run.execution.outcome.unwrap();
    assert_eq!(outcome.error.as_deref(), Some("States.DataLimitExceeded"));
}

#[test]
fn a_redriven_execution_knows_when_it_was() {
    let definition = json!({"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "wisp:action:call",
        "Parameters": {"redrives.$": "$$.Execution['RedriveCount', 'RedriveTime']"}, "End": true}}});
    let (mut run, turn) = Run::of(definition, json!({}));
    let given = |turn: &Turn| match turn.effects.first() {
        Some(Effect::StartTask(task)) => task.input["redrives"].clone(),
        _ => panic!("{:?}", turn.effects),
    };
    assert_eq!(given(&turn), json!({"RedriveCount": 0}));
    let (id, error) = (task_id(&turn), Some("Broken".to_owned()));
    run.take(EventKind::TaskFailed { id, error, cause: None });
    run.now = 61_000;
    assert_eq!(
        given(&run.take(EventKind::Redriven)),
        json!({"RedriveCount": 1, "RedriveTime": "1970-01-01T00:01:01.000Z"})
    );
}

#[test]
fn a_redriven_map_run_counts() {
    let flow = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let definition = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": flow, "End": true}}});
    let (mut run, mut turn) = Run::of(definition, json!([1]));
    for count in 1..3 {
        let child = turn.effects.iter().find_map(|effect| match effect {
            Effect::StartChild(child) => Some(child.id),
            _ => None,
        });
        let outcome = Outcome {
            status: Status::Failed,
            output: None,
            error: None,
            cause: None,
        };
        let id = child.unwrap();
        run.take(EventKind::ChildEnded { id, outcome });
        assert_eq!(run.execution.status, Status::Failed);
        turn = run.take(EventKind::Redriven);
        let told = turn.history.iter().map(|event| event.to_json(true));
        let details: Vec<Value> = told
            .filter_map(|event| event.get("mapRunRedrivenEventDetails").cloned())
            .collect();
        assert_eq!(details[0]["redriveCount"], json!(count));
        assert!(details[0]["mapRunArn"].is_string());
    }
}

#[test]
fn an_execution_tells_by_which_alias_it_was_started() {
    let machine = Machine::parse(&json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})).unwrap();
    let (mut run, _) = Run::of(
        json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}),
        json!({}),
    );
    let mut identity = run.execution.identity.clone();
    identity.version_arn = Some(format!("{}:3", identity.machine_arn));
    identity.alias_arn = Some(format!("{}:live", identity.machine_arn));
    let start = machine.start();
    run.execution = Execution::new(Start {
        identity,
        input: Arc::new(json!({})),
        start,
        express: false,
        entry: None,
        seed: [7; 16],
    });
    let told = run.take(EventKind::Started).history[0].to_json(true);
    let details = &told["executionStartedEventDetails"];
    assert_eq!(details["stateMachineVersionArn"], "arn:aws:states:r:a:stateMachine:m:3");
    assert_eq!(
        details["stateMachineAliasArn"],
        "arn:aws:states:r:a:stateMachine:m:live"
    );
}
