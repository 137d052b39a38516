use std::{collections::HashMap, sync::Arc, time::Duration};

use cel::{Context, Program};
use serde_json::{Map, Value};
use wisp_core::{
    Error, Result,
    model::Limits,
    ports::{Clock, Event, FeedSettings},
};

use super::bounded::{Bounded, Cost};
use crate::invoke::{json as to_json, object};

/// What a subscription wants of its source's events, as expressions of the Common Expression Language over `event` (what
/// it says) and `id`.
pub(crate) struct Wanted {
    filter: Option<Bounded>,
    map: Option<Bounded>,
    cost: Cost,
    clock: Arc<dyn Clock>,
}

impl Wanted {
    /// Reads the settings `filter` and `map`; refuses what cannot be compiled or is longer than it may be.
    pub fn new(settings: &FeedSettings, limits: &Limits, clock: Arc<dyn Clock>) -> Result<Self> {
        let limit = limits.expression_size;
        let program = |name: &str| match settings.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.len() as u64 <= limit => match Program::compile(text) {
                Ok(program) => Ok(Some(Bounded::new(&program))),
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
            cost: Cost {
                steps: limits.expression_steps,
                time: Duration::from_millis(limits.expression_time),
            },
            clock,
        })
    }

    /// Whether every event is wanted as it is.
    pub fn is_everything(&self) -> bool {
        self.filter.is_none() && self.map.is_none()
    }

    /// The event as it is wanted; none if it is not.
    pub fn apply(&self, event: Event) -> Result<Option<Event>> {
        if self.is_everything() {
            return Ok(Some(event));
        }
        let mut context = Context::default();
        context.add_variable_from_value("event", operand(Value::Object(object(&event.data)?)));
        context.add_variable_from_value("id", event.id.clone());
        if let Some(filter) = &self.filter
            && self.execute("filter", filter, &mut context)? != Value::Bool(true)
        {
            return Ok(None);
        }
        let Some(map) = &self.map else { return Ok(Some(event)) };
        let data = match self.execute("map", map, &mut context)? {
            Value::Object(object) => object,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        Ok(Some(Event {
            data: to_json(&Value::Object(data))?,
            ..event
        }))
    }

    fn execute(&self, name: &str, expression: &Bounded, context: &mut Context<'_, '_>) -> Result<Value> {
        let value = expression
            .execute(context, self.cost, self.clock.clone())
            .map_err(|error| {
                let named = Error::bad_request(format!("{name}: {}", error.message()));
                error
                    .context()
                    .iter()
                    .fold(named, |named, (key, fact)| named.with(key, fact))
            })?;
        value
            .json()
            .map_err(|error| Error::bad_request(format!("{name}: {error}")))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::{super::bounded::tests::Steady, *};

    fn wanted(settings: Value) -> Result<Wanted> {
        let limits = Limits {
            expression_size: 100,
            ..Limits::default()
        };
        Wanted::new(settings.as_object().unwrap(), &limits, Arc::new(Steady::default()))
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
    fn what_takes_too_much_is_refused_with_its_limits() {
        let list: Vec<u32> = (0..200).collect();
        let event = Event {
            id: "7".into(),
            data: to_json(&json!({ "l": list })).unwrap(),
        };
        let hostile = json!({"filter": "event.l.all(a, event.l.all(b, event.l.all(c, event.l.all(d, true))))"});
        let error = wanted(hostile).unwrap().apply(event).unwrap_err();
        assert_eq!(error.message(), "filter: it takes more than 1000000 steps or 1000 ms");
        assert_eq!(error.context()[0].0, "limit");
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
