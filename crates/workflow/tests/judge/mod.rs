//! Compares reports with recordings, tier by tier.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};
use wisp_workflow::simulate::Report;

/// How many agree, of how many: ends, types of events, causes, whole histories.
#[derive(Default)]
pub struct Tiers {
    counts: [(u32, u32); 4],
    different: Vec<String>,
}

impl Tiers {
    pub fn judge(&mut self, case: &Value, history: Option<&Value>, report: &Report) {
        let expected = &case["expect"];
        let ends = json!({"status": report.status, "error": report.error, "output": report.output});
        let wanted = json!({"status": expected["status"], "error": expected["error"], "output": expected["output"]});
        self.count(0, case, numbers(&ends) == numbers(&wanted), &ends);
        self.count(1, case, events_agree(case, report), &json!(report.events));
        if let Some(cause) = expected.get("cause") {
            self.count(2, case, *cause == json!(report.cause), &json!(report.cause));
        }
        if let Some(history) = history {
            let ordered = is_ordered(history);
            let (found, wanted) = (told(&json!(report.history), ordered), told(history, ordered));
            self.count(3, case, found == wanted, &json!(found));
        }
    }

    fn count(&mut self, tier: usize, case: &Value, agrees: bool, found: &Value) {
        self.counts[tier].0 += u32::from(agrees);
        self.counts[tier].1 += 1;
        if !agrees {
            self.different
                .push(format!("tier {} {}: {found}", tier + 1, case["id"]));
        }
    }

    pub fn ends_agree(&self) -> bool {
        self.counts[0].0 == self.counts[0].1
    }
}

impl fmt::Display for Tiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, (agree, of)) in ["ends", "events", "causes", "histories"].iter().zip(self.counts) {
            write!(f, "{name} {agree}/{of} ")?;
        }
        self.different.iter().try_for_each(|line| write!(f, "\n  {line:.700}"))
    }
}

/// Numbers as numbers are: `0` is `0.0`.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(numbers).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), numbers(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn events_agree(case: &Value, report: &Report) -> bool {
    let wanted: Vec<&str> = case["events"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if case["events_ordered"] == true {
        return wanted == report.events;
    }
    counted(&wanted) == counted(&report.events)
}

/// The recordings have lost the event of a Parallel's success, though their ids count it.
fn counted<'a>(events: &[&'a str]) -> BTreeMap<&'a str, u32> {
    let mut counts = BTreeMap::new();
    for event in events.iter().filter(|event| **event != "ParallelStateSucceeded") {
        *counts.entry(*event).or_default() += 1;
    }
    counts
}

/// A history without what every run has its own of: moments, names of resources. Where branches ran at once, also
/// without the order.
fn told(history: &Value, ordered: bool) -> Vec<Value> {
    let events = history.as_array().into_iter().flatten().map(plain);
    let mut events: Vec<Value> = events
        .filter(|event| event["type"] != "ParallelStateSucceeded")
        .collect();
    if !ordered {
        events.iter_mut().for_each(forget_place);
        events.sort_by_key(Value::to_string);
    }
    events
}

/// Recordings blank the places of events of branches.
fn is_ordered(history: &Value) -> bool {
    let events = history.as_array().into_iter().flatten();
    events.into_iter().all(|event| event["id"].is_u64())
}

fn forget_place(event: &mut Value) {
    if let Value::Object(fields) = event {
        fields.retain(|name, _| !["id", "previousEventId"].contains(&name.as_str()));
    }
}

/// Payloads are JSON text; the recordings have some decoded.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(Value::String(_)) | Err(_) => value.clone(),
            Ok(decoded) => plain(&decoded),
        },
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            let own = ["timestamp", "roleArn", "region", "mapRunArn", "FunctionName"];
            let kept = fields.iter().filter(|(name, _)| !own.contains(&name.as_str()));
            let mut kept: Vec<(String, Value)> = kept.map(|(name, value)| (name.clone(), plain(value))).collect();
            kept.retain(|(name, value)| name != "resource" || !value.to_string().contains("arn:"));
            kept.sort_by(|one, other| one.0.cmp(&other.0));
            kept.into_iter().collect::<Map<_, _>>().into()
        }
        number => numbers(number),
    }
}
