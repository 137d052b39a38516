//! The states of [`super::machines`] in a few lines: no events, no time, no history.

use serde_json::{Value, json};

use super::machines::function;

/// The output, or nothing when it fails.
pub fn run(definition: &Value, input: &Value) -> Option<Value> {
    flow(definition, input.clone(), input).ok()
}

struct Boom;

fn flow(flow: &Value, mut data: Value, execution: &Value) -> Result<Value, Boom> {
    let mut name = flow["StartAt"].as_str().unwrap();
    loop {
        let state = &flow["States"][name];
        let (output, next) = attempts(state, data, execution)?;
        data = output;
        match next {
            Some(next) => name = next,
            None => return Ok(data),
        }
    }
}

type Left<'s> = (Value, Option<&'s str>);

fn attempts<'s>(state: &'s Value, input: Value, execution: &Value) -> Result<Left<'s>, Boom> {
    let takes = |entry: &Value| {
        entry["ErrorEquals"]
            .as_array()
            .unwrap()
            .iter()
            .any(|name| *name == "Boom" || *name == "States.ALL")
    };
    let retrier = &state["Retry"][0];
    let most = if retrier.is_object() && takes(retrier) {
        retrier["MaxAttempts"].as_u64().unwrap()
    } else {
        0
    };
    for tries in 0..=most {
        if let Ok(left) = once(state, &input, tries, execution) {
            return Ok(left);
        }
    }
    let catcher = &state["Catch"][0];
    if !catcher.is_object() || !takes(catcher) {
        return Err(Boom);
    }
    let mut output = input;
    output["caught"] = json!(true);
    Ok((output, catcher["Next"].as_str()))
}

fn once<'s>(state: &'s Value, input: &Value, tries: u64, execution: &Value) -> Result<Left<'s>, Boom> {
    let next = state["Next"].as_str();
    let v = input["v"].as_u64().unwrap();
    let output = match state["Type"].as_str().unwrap() {
        "Pass" if state["End"] == true => input.clone(),
        "Pass" => json!({"v": v + 1}),
        "Wait" => input.clone(),
        "Succeed" => return Ok((input.clone(), None)),
        "Fail" => return Err(Boom),
        "Choice" => {
            let rule = &state["Choices"][0];
            let holds = v < rule["NumericLessThan"].as_u64().unwrap();
            return Ok((
                input.clone(),
                if holds { &rule["Next"] } else { &state["Default"] }.as_str(),
            ));
        }
        "Task" => function(state["Resource"].as_str().unwrap(), &json!({"v": v, "try": tries})).map_err(|_| Boom)?,
        "Parallel" => {
            let branches = state["Branches"].as_array().unwrap().iter();
            let results: Result<Vec<Value>, Boom> =
                branches.map(|branch| flow(branch, input.clone(), execution)).collect();
            json!({"v": results?[0]["v"]})
        }
        "Map" => {
            let items = execution["items"].as_array().unwrap();
            let results: Result<Vec<Value>, Boom> = items
                .iter()
                .map(|item| flow(&state["ItemProcessor"], json!({"v": item}), execution))
                .collect();
            json!({"v": results?.len()})
        }
        other => unreachable!("{other}"),
    };
    Ok((output, next))
}
