//! No text makes an evaluator panic: expressions are written by anybody.
#![allow(clippy::unwrap_used)] // a failed test says why by itself

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wisp_workflow::{
    query::{Bounds, Chance, Scope, intrinsic, jsonata, template},
    simulate::run,
    validate::{Kind, validate},
};

fn within(evaluate: impl FnOnce(&Scope)) {
    evaluate(&Scope {
        input: &json!({"a": [1, "é", null, {"b": [[2]]}], "s": "x,y", "n": -3.5}),
        context: &json!({}),
        variables: &Map::from_iter([("v".to_owned(), json!([true]))]),
        result: None,
        error_output: None,
        now_ms: -1,
        chance: &Chance::new(5),
        bounds: Bounds {
            time_ms: 200,
            ..Bounds::default()
        },
    });
}

/// Texts of the pieces of JSONata.
fn expression() -> impl Strategy<Value = String> {
    let pieces = [
        "$states.input",
        ".a",
        ".s",
        ".n",
        "$v",
        "[0]",
        "[-1]",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "'é'",
        "\"x\"",
        "1",
        "-2",
        "1e300",
        ".5",
        "+",
        "-",
        "*",
        "/",
        "%",
        "&",
        "=",
        "!=",
        "<",
        ">=",
        " in ",
        " and ",
        " or ",
        "..",
        "?",
        ":",
        ":=",
        ";",
        ",",
        "~>",
        "^(",
        "#$i",
        "@$f",
        "%",
        "**",
        "$sum",
        "$map",
        "$split",
        "$substring",
        "$pad",
        "$replace",
        "$match",
        "$formatNumber",
        "$formatInteger",
        "$fromMillis",
        "$toMillis",
        "$now",
        "$sort",
        "$string",
        "$number",
        "$each",
        "$sift",
        "$spread",
        "$zip",
        "$range",
        "$partition",
        "$hash",
        "$parse",
        "$shuffle",
        "$random",
        "$power",
        "$round",
        "$join",
        "$reduce",
        "function($x,$y){",
        "/a+/",
        "/é/i",
        "|",
        "`b c`",
        "null",
        "true",
        "/* c */",
        "'#,##0.00'",
        "'[Y0001]-[M01]'",
        "'[D1o] [MNn]'",
        "'w'",
        "\u{10348}",
        "?:",
        "??",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..12).prop_map(|pieces| pieces.concat())
}

/// Texts of the pieces of intrinsic calls.
fn call() -> impl Strategy<Value = String> {
    let pieces = [
        "States.Format(",
        "States.Array(",
        "States.UUID()",
        "States.StringSplit(",
        "States.MathAdd(",
        "States.Hash(",
        "'",
        "'{}'",
        "\\",
        "{",
        "}",
        ",",
        ")",
        "$.s",
        "$.a[0]",
        "$['",
        "1",
        "-2.5",
        "1e999",
        "null",
        " ",
        "é",
        "'MD5'",
        "$v",
        "States.ArrayPartition(",
        "States.ArrayGetItem(",
        "States.ArrayRange(",
        "9223372036854775807",
        "States.MathRandom(",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_jsonata_panics(expression in expression(), noise in "\\PC{0,12}") {
        within(|scope| {
            for text in [&expression, &noise] {
                let _ = jsonata::render(&json!(format!("{{% {text} %}}")), "Output", scope);
            }
        });
    }

    #[test]
    fn no_call_panics(call in call(), noise in "\\PC{0,12}") {
        within(|scope| {
            for text in [&call, &format!("States.Array({noise})")] {
                let _ = intrinsic::call(text, scope);
                let _ = template::render(&json!({"a.$": text}), scope);
            }
        });
    }

    #[test]
    fn no_definition_panics(name in "\\PC{0,4}", text in call(), expression in expression()) {
        let state = json!({"Type": "Pass", "QueryLanguage": name, "Next": name, "Parameters": {text.clone(): expression}, "Output": expression});
        let jsonata = json!({"Type": "Task", "QueryLanguage": "JSONata", "Resource": text, "Output": format!("{{% {expression} %}}")});
        for definition in [json!({"StartAt": name, "States": {name.clone(): state, "J": jsonata}}).to_string(), text, expression] {
            let _ = validate(&definition, Kind::Express);
        }
    }
}

/// What an expression within a state of this input does to it, with the default bounds.
fn rendered(input: &Value, fields: &Value) -> Result<Value, String> {
    let scope = Scope {
        input,
        context: &json!({}),
        variables: &Map::new(),
        result: None,
        error_output: None,
        now_ms: 0,
        chance: &Chance::new(5),
        bounds: Bounds::default(),
    };
    template::render(fields, &scope).map_err(|fault| fault.error.to_owned())
}

#[test]
fn comparing_nested_values_takes_no_more_than_they_have() {
    let nested = (0..90).fold(json!({ "b": 1 }), |value, _| json!({ "a": value }));
    let input = json!([nested, nested, { "a": 1 }, { "a": 1.0 }]);
    let unique = rendered(&input, &json!({ "x.$": "States.ArrayUnique($)" })).unwrap();
    assert_eq!(unique["x"].as_array().map(Vec::len), Some(2));
    let contains = json!({ "x.$": "States.ArrayContains($, $[0])" });
    assert_eq!(rendered(&input, &contains).unwrap(), json!({ "x": true }));
}

#[test]
fn a_short_field_cannot_ask_for_what_memory_has_no_room_for() {
    let large = "x".repeat(200_000);
    let deep = (0..21).fold(json!(large), |value, _| json!([value, 1]));
    let path = format!("${}", "[0,0]".repeat(21));
    assert_eq!(rendered(&deep, &json!({ "x.$": path })).unwrap_err(), "States.Runtime");
    let chain = (0..90).fold(json!({ "end": large }), |value, _| json!({ "a": value }));
    assert_eq!(
        rendered(&chain, &json!({ "x.$": "$..*..*..*" })).unwrap_err(),
        "States.Runtime"
    );

    let input = json!({ "big": large });
    let many: Map<String, Value> = (0..1000)
        .map(|number| (format!("a{number}.$"), json!("$.big")))
        .collect();
    assert_eq!(rendered(&input, &many.into()).unwrap_err(), "States.DataLimitExceeded");
    let array = format!("States.Array({})", vec!["$.big"; 1000].join(","));
    assert_eq!(
        rendered(&input, &json!({ "x.$": array })).unwrap_err(),
        "States.DataLimitExceeded"
    );
    let quoted = (0..9).fold("States.JsonToString($)".to_owned(), |call, _| {
        format!("States.JsonToString({call})")
    });
    let quotes = json!({ "q": "\"".repeat(100_000) });
    assert_eq!(
        rendered(&quotes, &json!({ "x.$": quoted })).unwrap_err(),
        "States.DataLimitExceeded"
    );
}

#[test]
fn the_results_of_a_map_are_measured_while_they_come() {
    let flow =
        json!({ "StartAt": "P", "States": { "P": { "Type": "Pass", "Result": "x".repeat(200_000), "End": true } } });
    let map = json!({ "Type": "Map", "ItemProcessor": flow, "ResultPath": null, "MaxConcurrency": 1, "End": true });
    let definition = json!({ "StartAt": "M", "States": { "M": map } });
    let case = json!({ "id": "large", "definition": definition, "input": vec![1; 200] });
    let report = json!(run(&serde_json::from_value(case).unwrap()).unwrap());
    assert_eq!(
        (&report["status"], &report["error"]),
        (&json!("FAILED"), &json!("States.DataLimitExceeded"))
    );
    let events = report["history"].as_array().unwrap();
    let ended = events.iter().filter(|event| event["type"] == "PassStateExited").count();
    assert!((50..150).contains(&ended), "{ended} iterations ended");
}
