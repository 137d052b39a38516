use std::collections::HashMap;

use cel::{Context, Program};
use serde_json::{Map, Value};
use wisp_core::{
    Error, Result,
    ports::{Event, FeedSettings},
};

use crate::invoke::{json as to_json, object};

/// What a subscription wants of its source's events, as expressions of the Common Expression Language over `event` (what
/// it says) and `id`.
pub(crate) struct Wanted {
    filter: Option<Program>,
    map: Option<Program>,
}

impl Wanted {
    /// Reads the settings `filter` and `map`; refuses what cannot be compiled or is longer than `limit` bytes.
    pub fn new(settings: &FeedSettings, limit: u64) -> Result<Self> {
        let program = |name: &str| match settings.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.len() as u64 <= limit => match Program::compile(text) {
                Ok(program) => Ok(Some(program)),
                Err(error) => Err(Error::bad_request(format!(
                    "the {name} parameter is not an expression: {error}"
                ))),
            },
            Some(Value::String(text)) => Err(Error::bad_request(format!(
                "the {name} parameter is longer than allowed: {} > {limit} bytes",
                text.len()
            ))
            .with("limit", "limits.expression_size")),
            Some(_) => Err(Error::bad_request(format!("the {name} parameter must be a text"))),
        };
        Ok(Self {
            filter: program("filter")?,
            map: program("map")?,
        })
    }

    /// The event as it is wanted; none if it is not.
    pub fn apply(&self, event: Event) -> Result<Option<Event>> {
        if self.filter.is_none() && self.map.is_none() {
            return Ok(Some(event));
        }
        let mut context = Context::default();
        context.add_variable_from_value("event", operand(Value::Object(object(&event.data)?)));
        context.add_variable_from_value("id", event.id.clone());
        if let Some(filter) = &self.filter
            && execute("filter", filter, &context)? != Value::Bool(true)
        {
            return Ok(None);
        }
        let Some(map) = &self.map else { return Ok(Some(event)) };
        let data = match execute("map", map, &context)? {
            Value::Object(object) => object,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        Ok(Some(Event {
            data: to_json(&Value::Object(data))?,
            ..event
        }))
    }
}

/// A JSON value as an operand. Whole numbers are signed: the language would not compare `1u` with `1`.
fn operand(value: Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => flag.into(),
        Value::String(text) => text.into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::Array(list) => list.into_iter().map(operand).collect::<Vec<_>>().into(),
        Value::Object(object) => {
            let entries = object.into_iter().map(|(key, value)| (key, operand(value)));
            entries.collect::<HashMap<_, _>>().into()
        }
    }
}

fn execute(name: &str, program: &Program, context: &Context<'_, '_>) -> Result<Value> {
    let value = program
        .execute(context)
        .map_err(|error| Error::bad_request(format!("{name}: {error}")))?;
    value
        .json()
        .map_err(|error| Error::bad_request(format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn wanted(settings: Value) -> Result<Wanted> {
        Wanted::new(settings.as_object().unwrap(), 100)
    }

    fn check(settings: Value, event: Value, expected: Option<Value>) {
        let event = Event {
            id: "7".into(),
            data: to_json(&event).unwrap(),
        };
        let applied = wanted(settings).unwrap().apply(event).unwrap();
        assert_eq!(
            applied.map(|event| serde_json::from_str::<Value>(event.data.get()).unwrap()),
            expected
        );
    }

    #[test]
    fn filters_and_maps() {
        check(json!({}), json!({"n": 1}), Some(json!({"n": 1})));
        check(json!({"filter": "event.n > 1"}), json!({"n": 1}), None);
        check(json!({"filter": "event.n > 1"}), json!({"n": 2}), Some(json!({"n": 2})));
        check(
            json!({"filter": "has(event.user) && event.user.name.startsWith('a')"}),
            json!({"user": {"name": "ab"}}),
            Some(json!({"user": {"name": "ab"}})),
        );
        check(json!({"filter": "has(event.user)"}), json!({}), None);
        check(
            json!({"map": "{'total': event.a + event.b, 'id': id}"}),
            json!({"a": 1, "b": 2}),
            Some(json!({"total": 3, "id": "7"})),
        );
        check(
            json!({"map": "event.list.map(x, x * 2)"}),
            json!({"list": [1, 2]}),
            Some(json!({"value": [2, 4]})),
        );
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for (settings, expected) in [
            (
                json!({"filter": "event.("}),
                "the filter parameter is not an expression",
            ),
            (json!({"map": 7}), "the map parameter must be a text"),
            (
                json!({"filter": "1".repeat(101)}),
                "the filter parameter is longer than allowed: 101 > 100 bytes",
            ),
        ] {
            let Err(error) = wanted(settings) else {
                panic!("{expected}")
            };
            assert!(error.message().starts_with(expected), "{error}");
        }
    }
}
