use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

/// What tasks answer: for each state, an outcome for each attempt, in the order of scheduling.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Mocks(HashMap<String, Vec<Mock>>);

/// What one attempt of a task comes to.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Mock {
    /// The input that it belongs to, where iterations run in any order; `"*"` in it stands for any text.
    pub input: Option<Value>,
    /// What the task answers.
    #[serde(default, rename = "return", deserialize_with = "present")]
    pub returned: Option<Value>,
    /// With what it fails.
    pub throw: Option<Thrown>,
    /// Whether failing means that time ran out.
    #[serde(default)]
    pub timed_out: bool,
    /// Whether it never answers.
    #[serde(default)]
    pub hang: bool,
}

/// How a task fails.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Thrown {
    /// Name of the error.
    pub error: Option<String>,
    /// Its story.
    pub cause: Option<String>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Mocks, and which of them are used up.
pub(super) struct Deck {
    mocks: HashMap<String, Vec<Option<Mock>>>,
    /// States that several iterations go through at once, so that attempts are told apart by input.
    shuffled: HashSet<String>,
}

/// What a deck has for an attempt.
pub(super) enum Draw {
    /// This outcome.
    Mock(Mock),
    /// No outcome for this state at all.
    Unknown,
    /// No outcome is left.
    Spent,
}

impl Deck {
    pub fn new(mocks: Mocks, definition: &Value) -> Self {
        let mut shuffled = HashSet::new();
        iterated(definition, false, &mut shuffled);
        let mocks = mocks
            .0
            .into_iter()
            .map(|(state, mocks)| (state, mocks.into_iter().map(Some).collect()));
        Self {
            mocks: mocks.collect(),
            shuffled,
        }
    }

    pub fn draw(&mut self, state: &str, input: &Value) -> Draw {
        let Some(mocks) = self.mocks.get_mut(state) else {
            return Draw::Unknown;
        };
        let fits = |mock: &Option<Mock>| {
            mock.as_ref()
                .and_then(|mock| mock.input.as_ref())
                .is_some_and(|wanted| matches(wanted, input))
        };
        let by_input = if self.shuffled.contains(state) {
            mocks.iter().position(fits)
        } else {
            None
        };
        let at = by_input.or_else(|| mocks.iter().position(Option::is_some));
        match at.and_then(|at| mocks[at].take()) {
            Some(mock) => Draw::Mock(mock),
            None => Draw::Spent,
        }
    }
}

/// Collects the names of states below a Map.
fn iterated(definition: &Value, within: bool, names: &mut HashSet<String>) {
    let Some(states) = definition.get("States").and_then(Value::as_object) else {
        return;
    };
    for (name, state) in states {
        if within {
            names.insert(name.clone());
        }
        for flow in ["ItemProcessor", "Iterator"]
            .iter()
            .filter_map(|field| state.get(field))
        {
            iterated(flow, true, names);
        }
        for flow in state.get("Branches").and_then(Value::as_array).into_iter().flatten() {
            iterated(flow, within, names);
        }
    }
}

/// Whether a value is as wanted, where `"*"` stands for any text.
fn matches(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::String(any), Value::String(_)) if any == "*" => true,
        (Value::Array(wanted), Value::Array(values)) => {
            wanted.len() == values.len() && wanted.iter().zip(values).all(|(wanted, value)| matches(wanted, value))
        }
        (Value::Object(wanted), Value::Object(values)) => {
            wanted.len() == values.len()
                && wanted
                    .iter()
                    .all(|(name, wanted)| values.get(name).is_some_and(|value| matches(wanted, value)))
        }
        (Value::Number(wanted), Value::Number(value)) => wanted.as_f64() == value.as_f64(),
        _ => wanted == value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drawn(deck: &mut Deck, state: &str, input: Value) -> Option<Value> {
        match deck.draw(state, &input) {
            Draw::Mock(mock) => mock.returned,
            _ => None,
        }
    }

    #[test]
    fn attempts_draw_in_order_and_iterations_by_input() {
        let mocks = json!({
            "One": [{"input": 1, "return": "a"}, {"input": 2, "return": "b"}],
            "Each": [{"input": {"n": 1, "t": "*"}, "return": "a"}, {"input": {"n": 2, "t": "*"}, "return": "b"}],
        });
        let definition = json!({"States": {
            "One": {}, "All": {"ItemProcessor": {"States": {"Each": {}}}},
        }});
        let mut deck = Deck::new(serde_json::from_value(mocks).unwrap_or_default(), &definition);
        assert_eq!(drawn(&mut deck, "One", json!(2)), Some(json!("a")));
        assert_eq!(drawn(&mut deck, "Each", json!({"n": 2.0, "t": "x"})), Some(json!("b")));
        assert_eq!(drawn(&mut deck, "Each", json!({"n": 9})), Some(json!("a")));
        assert!(matches!(deck.draw("Each", &json!(1)), Draw::Spent));
        assert!(matches!(deck.draw("Other", &json!(1)), Draw::Unknown));
    }
}
