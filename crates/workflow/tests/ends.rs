//! How executions end: rules of the language that show in an end, without the histories that lead there.
#![allow(clippy::unwrap_used)] // a failed test says why by itself

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use wisp_workflow::execution::{Effect, Event, EventKind, Execution, Identity, Start, Status};
use wisp_workflow::machine::Machine;
use wisp_workflow::simulate::run;
use wisp_workflow::{Limits, advance};

/// Status, and output or error.
fn end(case: Value) -> (String, Value) {
    let report = json!(run(&serde_json::from_value(case).unwrap()).unwrap());
    let what = report
        .get("output")
        .or(report.get("error"))
        .cloned()
        .unwrap_or_default();
    (report["status"].as_str().unwrap().to_owned(), what)
}

fn of(definition: Value, input: Value, mocks: Value) -> (String, Value) {
    end(json!({"definition": definition, "input": input, "mocks": mocks}))
}

fn succeeded(output: Value) -> (String, Value) {
    ("SUCCEEDED".to_owned(), output)
}

fn failed(error: &str) -> (String, Value) {
    ("FAILED".to_owned(), json!(error))
}

/// A machine of one state, which the others stand beside.
fn machine(state: Value, others: Value) -> Value {
    let mut states = others;
    states["A"] = state;
    json!({"StartAt": "A", "States": states})
}

#[test]
fn a_processor_has_the_machines_language() {
    let inner = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"x.$": "$"}, "End": true}}});
    let map = json!({"Type": "Map", "QueryLanguage": "JSONata", "Items": [1], "ItemProcessor": inner, "End": true});
    assert_eq!(
        of(machine(map, json!({})), json!({}), json!({})),
        succeeded(json!([{"x": 1}]))
    );
    let inner =
        json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Output": "{% $states.input + 1 %}", "End": true}}});
    let map = json!({"Type": "Map", "QueryLanguage": "JSONPath", "ItemProcessor": inner, "End": true});
    let mut outer = machine(map, json!({}));
    outer["QueryLanguage"] = json!("JSONata");
    assert_eq!(of(outer, json!([1]), json!({})), succeeded(json!([2])));
}

#[test]
fn task_failed_takes_what_fails_below_and_what_an_expression_fails_with() {
    let call = json!({"Type": "Task", "Resource": "wisp:action:call", "End": true});
    let flow = json!({"StartAt": "T", "States": {"T": call}});
    let after = json!({"B": {"Type": "Pass", "Result": "caught", "End": true}});
    let catch = json!([{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}]);
    let thrown = |error: &str| json!({"T": [{"throw": {"Error": error}}, {"return": 1}], "A": [{"return": 1}]});
    let parallel = json!({"Type": "Parallel", "Branches": [flow], "Catch": catch, "End": true});
    let map = json!({"Type": "Map", "ItemProcessor": flow, "Catch": catch, "End": true});
    for state in [parallel, map] {
        let machine = machine(state, after.clone());
        assert_eq!(of(machine.clone(), json!([1]), thrown("E")), succeeded(json!("caught")));
        assert_eq!(
            of(machine, json!([1]), thrown("States.Timeout")),
            failed("States.Timeout")
        );
    }
    let retried =
        json!({"Type": "Parallel", "Branches": [flow], "Retry": [{"ErrorEquals": ["States.TaskFailed"]}], "End": true});
    assert_eq!(
        of(machine(retried, json!({})), json!([1]), thrown("E")),
        succeeded(json!([1]))
    );
    let wrong = json!({"Type": "Task", "QueryLanguage": "JSONata", "Resource": "wisp:action:call", "Output": "{% $nothing %}",
        "Catch": catch, "End": true});
    assert_eq!(
        of(machine(wrong, after), json!({}), thrown("E")),
        succeeded(json!("caught"))
    );
}

fn distributed(fields: Value) -> Value {
    let inner = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let mut map = json!({"Type": "Map", "ItemProcessor": inner, "End": true});
    map.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    machine(map, json!({}))
}

#[test]
fn paths_of_batches_are_read_off_the_effective_input() {
    let map =
        distributed(json!({"InputPath": "$.in", "ItemsPath": "$.x", "ItemBatcher": {"MaxItemsPerBatchPath": "$.n"}}));
    let ended = of(map, json!({"in": {"x": [1, 2, 3], "n": 2}}), json!({}));
    assert_eq!(ended, succeeded(json!([{"Items": [1, 2]}, {"Items": [3]}])));
}

#[test]
fn items_tell_where_they_were_read() {
    let source = json!({"s.$": "$$.Map.Item.Source"});
    let read = |parameters: Value, resource: &str| {
        let reader = json!({"Resource": format!("arn:aws:states:::s3:{resource}"), "Parameters": parameters});
        let map = distributed(json!({"ItemReader": reader, "ItemSelector": source}));
        of(map, json!({}), json!({"A": [{"return": [1]}]}))
    };
    let object = read(json!({"Bucket": "b", "Key": "k/1.json"}), "getObject");
    assert_eq!(object, succeeded(json!([{"s": "S3://b/k/1.json"}])));
    let bucket = read(json!({"Bucket": "b", "Prefix": "k"}), "listObjectsV2");
    assert_eq!(bucket, succeeded(json!([{"s": "S3://b"}])));
    let given = of(distributed(json!({"ItemSelector": source})), json!([1]), json!({}));
    assert_eq!(given, succeeded(json!([{"s": "STATE_DATA"}])));
}

#[test]
fn an_inline_map_reads_nothing() {
    let flow = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    let reader = json!({"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}});
    let map = json!({"Type": "Map", "ItemProcessor": flow, "ItemReader": reader, "End": true});
    assert_eq!(
        of(machine(map, json!({})), json!([]), json!({})),
        failed("States.Runtime")
    );
}

#[test]
fn an_express_loop_without_a_wait_runs_out_of_time() {
    let again = machine(json!({"Type": "Pass", "Next": "A"}), json!({}));
    let ended = end(json!({"definition": again, "type": "EXPRESS", "input": {}}));
    assert_eq!(ended, ("TIMED_OUT".to_owned(), json!("States.Timeout")));
    let task = machine(
        json!({"Type": "Task", "Resource": "wisp:action:call", "Next": "A"}),
        json!({}),
    );
    let ended = end(json!({"definition": task, "type": "EXPRESS", "input": {}}));
    assert_eq!(ended, ("TIMED_OUT".to_owned(), json!("States.Timeout")));
}

#[test]
fn numbers_may_be_written_with_a_fraction_of_nothing() {
    let task = json!({"Type": "Task", "Resource": "wisp:action:call", "TimeoutSeconds": 5.0, "End": true,
        "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1.0, "IntervalSeconds": 1.0}]});
    let mut machine = machine(task, json!({}));
    machine["TimeoutSeconds"] = json!(60.0);
    let mocks = json!({"A": [{"throw": {"Error": "E"}}, {"throw": {"Error": "E"}}]});
    assert_eq!(of(machine, json!({}), mocks), failed("E"));
}

#[test]
fn the_words_of_a_fail_are_texts_and_have_an_end() {
    let fail = |fields: Value| {
        let mut state = json!({"Type": "Fail"});
        state
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let case = json!({"definition": machine(state, json!({})), "input": {"n": 5, "o": {"x": 1}}});
        json!(run(&serde_json::from_value(case).unwrap()).unwrap())
    };
    for fields in [
        json!({"ErrorPath": "$.n"}),
        json!({"CausePath": "$.o"}),
        json!({"ErrorPath": "States.MathAdd(1, 2)"}),
    ] {
        assert_eq!(fail(fields)["error"], "States.Runtime");
    }
    let report = fail(json!({"Error": "é".repeat(300), "Cause": "x".repeat(40_000)}));
    let length = |field: &str| report[field].as_str().unwrap().chars().count();
    assert_eq!((length("error"), length("cause")), (256, 32_768));
}

#[test]
fn the_whole_of_states_has_the_context() {
    let mut pass = json!({"Type": "Pass", "QueryLanguage": "JSONata", "End": true});
    for expression in [
        "$count($states.*)",
        "$states.*.StateMachine.Name",
        "$states.**.Name[0] ? 2 : 1",
        "$lookup($states, 'context') ? 2 : 1",
    ] {
        pass["Output"] = json!(format!("{{% {expression} %}}"));
        let (status, output) = of(machine(pass.clone(), json!({})), json!({"a": 1}), json!({}));
        assert_eq!(status, "SUCCEEDED", "{expression}");
        assert!(output == json!(2) || output == json!("test"), "{expression}: {output}");
    }
}

#[test]
fn what_work_is_given_has_an_end() {
    let pad = |bytes: u32| json!(format!("{{% $pad('x', {bytes}) %}}"));
    let after = json!({"B": {"Type": "Pass", "End": true}});
    let flow = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Output": 1, "QueryLanguage": "JSONata", "End": true}}});
    let task = |bytes| {
        json!({"Type": "Task", "QueryLanguage": "JSONata", "Resource": "wisp:action:call", "Arguments": pad(bytes),
        "Output": 1, "End": true})
    };
    assert_eq!(
        of(machine(task(200_000), after.clone()), json!({}), json!({})),
        succeeded(json!(1))
    );
    assert_eq!(
        of(machine(task(300_000), after.clone()), json!({}), json!({})),
        failed("States.DataLimitExceeded")
    );
    let parallel = json!({"Type": "Parallel", "QueryLanguage": "JSONata", "Branches": [flow], "Arguments": pad(300_000), "End": true});
    assert_eq!(
        of(machine(parallel, json!({})), json!({}), json!({})),
        failed("States.DataLimitExceeded")
    );
    let map = json!({"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": flow, "Items": [1], "ItemSelector": pad(300_000), "End": true});
    assert_eq!(
        of(machine(map, json!({})), json!({}), json!({})),
        failed("States.DataLimitExceeded")
    );
}

/// As [`of`], where variables have less room: 100 bytes an `Assign`, 1,000 an execution.
fn within_little(definition: Value, input: Value) -> (String, Value) {
    let limits = Limits {
        assign_bytes: 100,
        variables_bytes: 1000,
        ..Limits::default()
    };
    let machine = Machine::parse(&definition).unwrap();
    let mut execution = Execution::new(Start {
        identity: Identity {
            arn: "arn".to_owned(),
            name: "e".to_owned(),
            machine_arn: "arn".to_owned(),
            machine_name: "m".to_owned(),
            role_arn: "arn".to_owned(),
            version_arn: None,
            alias_arn: None,
        },
        input: Arc::new(input),
        start: machine.start(),
        express: false,
        entry: None,
        seed: [7; 16],
    });
    let mut ahead = BTreeSet::from([(0, 0)]);
    while let Some((at_ms, id)) = ahead.pop_first() {
        let kind = if id == 0 {
            EventKind::Started
        } else {
            EventKind::TimerFired { id }
        };
        let turn = advance(&machine, &mut execution, &[Event { at_ms, kind }], &limits);
        ahead.extend(turn.effects.iter().filter_map(|effect| match effect {
            Effect::SetTimer { id, at_ms } => Some((*at_ms, *id)),
            _ => None,
        }));
    }
    let outcome = execution.outcome.unwrap();
    match outcome.status {
        Status::Succeeded => succeeded(json!(outcome.output)),
        _ => failed(&outcome.error.unwrap()),
    }
}

/// States one after the other that each set a variable of so many bytes: the same, or one of its own.
fn setting(count: u32, bytes: usize, again: bool) -> Value {
    let state = |number: u32| {
        let name = if again { "v".to_owned() } else { format!("v{number}") };
        let next = if number + 1 < count {
            format!("S{}", number + 1)
        } else {
            "End".to_owned()
        };
        json!({"Type": "Pass", "Assign": {name: "x".repeat(bytes)}, "Result": 1, "Next": next})
    };
    let mut states: serde_json::Map<_, _> = (0..count).map(|number| (format!("S{number}"), state(number))).collect();
    states.insert("End".to_owned(), json!({"Type": "Succeed"}));
    json!({"StartAt": "S0", "States": states})
}

#[test]
fn variables_have_room_for_so_much() {
    let (fits, too_much) = (succeeded(json!(1)), failed("States.DataLimitExceeded"));
    assert_eq!(within_little(setting(1, 80, false), json!({})), fits);
    assert_eq!(within_little(setting(1, 100, false), json!({})), too_much);
    let two = json!({"Type": "Pass", "Assign": {"a": "x".repeat(60), "b": "x".repeat(60)}, "End": true});
    assert_eq!(within_little(machine(two, json!({})), json!({})), too_much);
    assert_eq!(within_little(setting(10, 80, false), json!({})), fits);
    assert_eq!(within_little(setting(15, 80, false), json!({})), too_much);
    // What is set again takes the place of what it was.
    assert_eq!(within_little(setting(60, 80, true), json!({})), fits);
    // The limits of the service are those of the language.
    assert_eq!(of(setting(1, 262_000, false), json!({}), json!({})), fits);
    assert_eq!(of(setting(1, 262_144, false), json!({}), json!({})), too_much);
}

#[test]
fn variables_of_iterations_count_together_and_end_with_them() {
    let flow = |name: &str| {
        let (set, wait) = (format!("{name}S"), format!("{name}W"));
        json!({"StartAt": set, "States": {
            set: {"Type": "Pass", "Assign": {"v": "x".repeat(80)}, "Result": 1, "Next": wait},
            wait: {"Type": "Wait", "Seconds": 1, "End": true}
        }})
    };
    let map = |name: &str, most: u32| json!({"Type": "Map", "ItemProcessor": flow(name), "MaxConcurrency": most, "ResultSelector": {}, "End": true});
    let items = json!(vec![1; 40]);
    assert_eq!(
        within_little(machine(map("M", 10), json!({})), items.clone()),
        succeeded(json!({}))
    );
    assert_eq!(
        within_little(machine(map("M", 15), json!({})), items.clone()),
        failed("States.DataLimitExceeded")
    );
    let branches = ["M", "N"].map(|name| json!({"StartAt": name, "States": {name: map(name, 7)}}));
    let both = json!({"Type": "Parallel", "Branches": branches, "End": true});
    assert_eq!(
        within_little(machine(both, json!({})), items),
        failed("States.DataLimitExceeded")
    );
}

#[test]
fn a_catcher_cannot_set_more_than_fits_either() {
    let big = "x".repeat(140_000);
    let catch = json!([{"ErrorEquals": ["States.ALL", "States.DataLimitExceeded"], "Assign": {"a": big, "b": big}, "Next": "B"}]);
    let task = json!({"Type": "Task", "Resource": "wisp:action:call", "Catch": catch, "Next": "B"});
    let machine = machine(task, json!({"B": {"Type": "Succeed"}}));
    let ended = of(machine, json!({}), json!({"A": [{"throw": {"Error": "E"}}]}));
    assert_eq!(ended, failed("States.DataLimitExceeded"));
}
