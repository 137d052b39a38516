//! No text makes an evaluator panic: expressions are written by anybody.

use proptest::prelude::*;
use serde_json::{Map, json};
use wisp_workflow::{
    query::{Bounds, Chance, Scope, intrinsic, jsonata, template},
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
