//! The official suite of JSONata over the pinned library and our checks within expressions, if `WISP_JSONATA_SUITE`
//! names its file: one JSON document with `datasets` and `cases`.

use std::{env, error::Error, fs};

use jsonata_core::{
    evaluator::{Context, Evaluator, EvaluatorOptions},
    parser,
    value::JValue,
};
use serde_json::Value;
use wisp_workflow::query::jsonata::guard;

/// Cases that the library is known to fail. An unclosed comment has no code; recursion that must end has the code of
/// another bound.
const KNOWN: [&str; 4] = [
    "comments/case002",
    "tail-recursion/case002",
    "tail-recursion/case005",
    "tail-recursion/case006",
];

#[test]
fn the_library_passes_the_official_suite() -> Result<(), Box<dyn Error>> {
    let Some(file) = env::var_os("WISP_JSONATA_SUITE") else {
        return Ok(());
    };
    let suite: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let cases = suite["cases"].as_array().ok_or("a suite has cases")?;
    let failures: Vec<_> = cases
        .iter()
        .filter_map(|case| Some((case["id"].as_str()?, judge(case, &suite)?)))
        .collect();
    println!("{} of {} cases pass", cases.len() - failures.len(), cases.len());
    let new: Vec<_> = failures.iter().filter(|(id, _)| !KNOWN.contains(id)).collect();
    assert!(new.is_empty(), "{new:#?}");
    Ok(())
}

/// What is wrong with the library's answer to a case.
fn judge(case: &Value, suite: &Value) -> Option<String> {
    let answer = run(case, suite);
    let code = case["code"].as_str().or(case["error"]["code"].as_str());
    match answer {
        Err(why) => match code {
            Some(code) if why.contains(code) => None,
            _ if case["error"].is_object() && code.is_none() => None,
            _ => Some(format!("failed with {why}")),
        },
        Ok(value) if code.is_some() => Some(format!("gave {value:?} instead of {code:?}")),
        Ok(value) if case["undefinedResult"] == true => {
            (!value.is_undefined()).then(|| format!("gave {value:?} instead of nothing"))
        }
        Ok(value) => {
            let (mut given, mut expected) = (Value::from(&value), case["result"].clone());
            if case["unordered"] == true {
                sort(&mut given);
                sort(&mut expected);
            }
            (!equal(&given, &expected)).then(|| format!("gave {given} instead of {expected}"))
        }
    }
}

fn run(case: &Value, suite: &Value) -> Result<JValue, String> {
    let data = match case["dataset"].as_str() {
        Some(name) => suite["datasets"][name].clone(),
        None => case["data"].clone(),
    };
    let has_data = case.get("data").is_some() || case["dataset"].is_string();
    let data = if has_data {
        JValue::from(data)
    } else {
        JValue::Undefined
    };
    let mut context = Context::new();
    for (name, value) in case["bindings"].as_object().into_iter().flatten() {
        context.bind(name.clone(), JValue::from(value.clone()));
    }
    let options = EvaluatorOptions {
        timeout_ms: Some(case["timelimit"].as_u64().unwrap_or(10_000)),
        max_stack_depth: case["depth"].as_u64().map(|depth| depth as usize),
        ..EvaluatorOptions::default()
    };
    let mut tree = parser::parse(case["expr"].as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
    let mut evaluator = Evaluator::with_options(context, options);
    guard::guard(&mut tree);
    guard::register(&mut evaluator, 1 << 20).map_err(|error| error.to_string())?;
    evaluator
        .evaluate(&tree, &data)
        .map_err(|error| error.message().to_owned())
}

fn sort(value: &mut Value) {
    if let Some(items) = value.as_array_mut() {
        items.sort_by_key(|item| item.to_string().replace(".0", ""));
    }
}

/// Numbers to 13 digits, as the suite's own runner compares them; fields in any order.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap_or(0.0), right.as_f64().unwrap_or(0.0));
            (left - right).abs() <= 1e-13 * left.abs().max(right.abs())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same = |(name, value): (&String, &Value)| right.get(name).is_some_and(|other| equal(value, other));
            left.len() == right.len() && left.iter().all(same)
        }
        _ => left == right,
    }
}
