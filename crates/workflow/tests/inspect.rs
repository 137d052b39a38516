//! One state by itself: what its fields make of an input.
#![allow(clippy::unwrap_used)] // a failed test says why by itself

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use wisp_workflow::inspect::{Inspection, Mocked, Verdict, inspect};

fn of(definition: Value, input: Value, mock: Option<Mocked>) -> Inspection {
    Inspection {
        definition,
        state: None,
        input,
        context: json!({}),
        variables: Map::new(),
        mock,
        retries: 0,
        now_ms: 0,
        seed: 0,
    }
}

fn broken() -> Option<Mocked> {
    Some(Mocked::Failure {
        error: Some("Broken".to_owned()),
        cause: Some("a wire".to_owned()),
    })
}

fn task() -> Value {
    json!({
        "Type": "Task", "Resource": "wisp:action:pay", "InputPath": "$.order", "Parameters": {"sum.$": "$.sum"},
        "ResultSelector": {"receipt.$": "$.id"}, "ResultPath": "$.paid", "OutputPath": "$.paid", "Next": "Ship",
        "Retry": [{"ErrorEquals": ["Broken"], "MaxAttempts": 1, "IntervalSeconds": 4}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.why", "Next": "Sorry"}],
    })
}

#[test]
fn every_field_leaves_its_stage() {
    let input = json!({"order": {"sum": 3}});
    let ended = inspect(&of(
        task(),
        input.clone(),
        Some(Mocked::Result(json!({"id": 9, "more": 1}))),
    ))
    .unwrap();
    assert_eq!(
        (ended.status, ended.next_state.as_deref()),
        (Verdict::Succeeded, Some("Ship"))
    );
    assert_eq!(ended.output, Some(json!({"receipt": 9})));
    let stages = json!({
        "input": input,
        "afterInputPath": {"sum": 3},
        "afterParameters": {"sum": 3},
        "result": {"id": 9, "more": 1},
        "afterResultSelector": {"receipt": 9},
        "afterResultPath": {"order": {"sum": 3}, "paid": {"receipt": 9}},
    });
    assert_eq!(Value::Object(ended.inspection_data), stages);
}

#[test]
fn a_failure_is_retried_then_caught_then_final() {
    let mut request = of(task(), json!({"order": {"sum": 3}}), broken());
    let ended = inspect(&request).unwrap();
    assert_eq!(ended.status, Verdict::Retriable);
    assert_eq!(
        ended.inspection_data["errorDetails"],
        json!({"retryIndex": 0, "retryBackoffIntervalSeconds": 4})
    );
    request.retries = 1;
    let ended = inspect(&request).unwrap();
    assert_eq!(
        (ended.status, ended.next_state.as_deref()),
        (Verdict::CaughtError, Some("Sorry"))
    );
    let output = json!({"order": {"sum": 3}, "why": {"Error": "Broken", "Cause": "a wire"}});
    assert_eq!(ended.output, Some(output));
    request.definition["Catch"] = json!([]);
    let ended = inspect(&request).unwrap();
    assert_eq!(
        (ended.status, ended.error.as_deref()),
        (Verdict::Failed, Some("Broken"))
    );
}

#[test]
fn a_state_of_a_machine_is_found_at_any_depth() {
    let definition = json!({"StartAt": "All", "QueryLanguage": "JSONata", "States": {"All": {
        "Type": "Map", "Items": [1], "End": true,
        "ItemProcessor": {"StartAt": "One", "States": {"One": {
            "Type": "Pass", "Assign": {"twice": "{% $states.input * $factor %}"}, "Output": "{% $factor %}", "End": true}}},
    }}});
    let mut request = of(definition, json!(21), None);
    request.variables = serde_json::from_value(json!({"factor": 2})).unwrap();
    assert!(inspect(&request).unwrap_err().message().contains("stateName"));
    request.state = Some("One".to_owned());
    let ended = inspect(&request).unwrap();
    assert_eq!(ended.output, Some(json!(2)));
    assert_eq!(ended.inspection_data["variables"], json!({"factor": 2, "twice": 42}));
}

#[test]
fn mocks_must_fit_the_state() {
    let parallel = json!({"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}]});
    for (definition, mock, why) in [
        (parallel.clone(), Some(Mocked::Result(json!({}))), "must be an array"),
        (
            parallel.clone(),
            Some(Mocked::Result(json!([1, 2]))),
            "same number of items",
        ),
        (parallel, None, "A mock must be specified"),
        (json!({"Type": "Succeed"}), broken(), "'Succeed' is not supported"),
    ] {
        let error = inspect(&of(definition, json!({}), mock)).unwrap_err();
        assert!(error.message().contains(why), "{error}");
    }
}

/// `WISP_ASL_CASES` is a folder with `asl-teststate.json`.
#[test]
fn recorded_states_are_inspected_alike() {
    let Some(folder) = std::env::var_os("WISP_ASL_CASES").map(PathBuf::from) else {
        eprintln!("skipped: WISP_ASL_CASES names no folder of recordings");
        return;
    };
    let file = std::fs::read(folder.join("asl-teststate.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let (mut alike, mut all) = (0, 0);
    for case in file["cases"].as_array().unwrap() {
        all += 1;
        let found = answer(&case["request"]);
        match decoded(&found) == decoded(&case["response"]) {
            true => alike += 1,
            false => println!("{}\n  wanted {}\n  found  {found}", case["id"], case["response"]),
        }
    }
    println!("asl-teststate.json: {alike}/{all}");
    assert!(alike * 10 >= all * 9, "{alike}/{all}");
}

fn answer(request: &Value) -> Value {
    let text = |field: &str| {
        request[field]
            .as_str()
            .map(|text| serde_json::from_str::<Value>(text).unwrap())
    };
    let mock = &request["mock"];
    let word = |field: &str| mock["errorOutput"][field].as_str().map(str::to_owned);
    let mocked = match mock["result"].as_str() {
        Some(result) => Some(Mocked::Result(serde_json::from_str(result).unwrap())),
        None => mock["errorOutput"].is_object().then(|| Mocked::Failure {
            error: word("error"),
            cause: word("cause"),
        }),
    };
    let inspection = Inspection {
        state: request["stateName"].as_str().map(str::to_owned),
        context: text("context").unwrap_or(json!({})),
        ..of(text("definition").unwrap(), text("input").unwrap_or(json!({})), mocked)
    };
    match inspect(&inspection) {
        Ok(ended) => {
            let mut answer = json!(ended);
            if request["inspectionLevel"] == "INFO" {
                answer.as_object_mut().unwrap().remove("inspectionData");
            }
            answer
        }
        Err(error) => json!({"message": error.message()}),
    }
}

/// Payloads are JSON text; the recordings have some decoded.
fn decoded(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        Value::Array(items) => items.iter().map(decoded).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .filter(|(name, _)| *name != "Error" || !value["message"].is_string());
            fields
                .map(|(name, value)| (name.clone(), decoded(value)))
                .collect::<Map<_, _>>()
                .into()
        }
        other => other.clone(),
    }
}
