use serde::Deserialize;
use serde_json::Value;
use wisp_core::{
    Error, Result,
    model::{Annotations, EntityName, Fqn, Json, RetryPolicy},
};

use super::Settings;

/// The annotation of a rule that has its policy.
const ANNOTATION: &str = "delivery";

/// How a rule delivers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    pub retry: RetryPolicy,
    pub dead_letters: DeadLetters,
    /// Where in an event its key is: a JSON pointer.
    pub order_by: Option<String>,
}

/// Where events go that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeadLetters {
    /// Into the namespace's queue.
    Queue,
    /// They fire a trigger.
    Trigger(Fqn),
    /// They invoke an action.
    Action(Fqn),
}

/// What the annotation may say.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Said {
    attempts: Option<u32>,
    backoff: Option<u64>,
    max_backoff: Option<u64>,
    jitter: Option<f64>,
    max_age: Option<u64>,
    dead_letter: Option<Destination>,
    order_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Destination {
    Queue,
    Trigger(String),
    Action(String),
}

impl Policy {
    /// The policy of a rule that says nothing.
    pub fn usual(settings: &Settings) -> Self {
        Self {
            retry: RetryPolicy {
                attempts: settings.attempts,
                backoff: settings.backoff,
                max_backoff: settings.max_backoff,
                jitter: settings.jitter,
                max_age: settings.max_age,
            },
            dead_letters: DeadLetters::Queue,
            order_by: None,
        }
    }

    /// The policy of a rule with these annotations; refuses what has no meaning or is beyond what may be asked for.
    pub fn of(annotations: &Annotations, namespace: &EntityName, settings: &Settings) -> Result<Self> {
        let usual = Self::usual(settings);
        let Some(said) = annotations.get(ANNOTATION).filter(|said| !said.is_null()) else {
            return Ok(usual);
        };
        let said: Said = serde_json::from_value(said.clone()).map_err(|error| bad(&error.to_string()))?;
        let retry = RetryPolicy {
            attempts: said.attempts.unwrap_or(usual.retry.attempts),
            backoff: said.backoff.unwrap_or(usual.retry.backoff),
            max_backoff: said.max_backoff.unwrap_or(usual.retry.max_backoff),
            jitter: said.jitter.unwrap_or(usual.retry.jitter),
            max_age: said.max_age.unwrap_or(usual.retry.max_age),
        };
        check(&retry, settings)?;
        let order_by = said.order_by.filter(|pointer| !pointer.is_empty());
        if order_by.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
            return Err(bad("orderBy is a JSON pointer, such as /customer/id"));
        }
        let name = |name: &str| Fqn::resolve(name, namespace).map_err(|error| bad(error.message()));
        let dead_letters = match said.dead_letter {
            None | Some(Destination::Queue) => DeadLetters::Queue,
            Some(Destination::Action(action)) => DeadLetters::Action(name(&action)?),
            Some(Destination::Trigger(trigger)) => match name(&trigger)? {
                own if own.namespace_name() == namespace => DeadLetters::Trigger(own),
                _ => return Err(bad("deadLetter names a trigger of another namespace")),
            },
        };
        Ok(Self {
            retry,
            dead_letters,
            order_by,
        })
    }
}

fn check(retry: &RetryPolicy, settings: &Settings) -> Result<()> {
    let most = |what: &str, limit: &'static str, value: u64, least: u64, most: u64| match value {
        value if (least..=most).contains(&value) => Ok(()),
        _ => Err(
            bad(&format!("{what} is {value}, which is not between {least} and {most}"))
                .with("limit", limit)
                .with("value", most),
        ),
    };
    let (attempts, age) = (u64::from(settings.most_attempts), settings.most_age);
    most("attempts", "delivery.most_attempts", retry.attempts.into(), 1, attempts)?;
    most("maxAge", "delivery.most_age", retry.max_age, 1, age)?;
    most("backoff", "delivery.most_age", retry.backoff, 0, age)?;
    most("maxBackoff", "delivery.most_age", retry.max_backoff, 0, age)?;
    match (0.0..=1.0).contains(&retry.jitter) {
        true => Ok(()),
        false => Err(bad(&format!(
            "jitter is {}, which is not between 0 and 1",
            retry.jitter
        ))),
    }
}

fn bad(why: &str) -> Error {
    Error::bad_request(format!("The annotation 'delivery' of the rule is not valid: {why}."))
}

/// The key of an event, by which it is in order: the text of what a JSON pointer points at, if there is something.
pub(super) fn key(payload: &Json, pointer: &str) -> Option<String> {
    let event: Value = serde_json::from_str(payload.get()).ok()?;
    event.pointer(pointer).map(Value::to_string)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn read(said: Value) -> Result<Policy, String> {
        let mut annotations = Annotations::new();
        annotations.set(ANNOTATION, said);
        let namespace = EntityName::namespace("me").unwrap();
        Policy::of(&annotations, &namespace, &Settings::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let usual = Policy::usual(&Settings::default());
        assert_eq!(read(json!({})), Ok(usual.clone()));
        assert_eq!(read(Value::Null), Ok(usual.clone()));
        let read = read(json!({"attempts": 4, "backoff": 10, "orderBy": "/id", "deadLetter": {"trigger": "lost"}}));
        let expected = Policy {
            retry: RetryPolicy {
                attempts: 4,
                backoff: 10,
                ..usual.retry
            },
            dead_letters: DeadLetters::Trigger("me/lost".parse().unwrap()),
            order_by: Some("/id".into()),
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_a_reason() {
        for (said, part) in [
            (json!({"attempts": 0}), "attempts is 0, which is not between 1 and 100"),
            (json!({"attempts": 101}), "between 1 and 100"),
            (json!({"attempts": "3"}), "invalid type"),
            (json!({"tries": 3}), "unknown field `tries`"),
            (json!({"jitter": 2}), "jitter is 2"),
            (json!({"maxAge": 0}), "maxAge is 0"),
            (json!({"orderBy": "id"}), "JSON pointer"),
            (json!({"deadLetter": {"trigger": "/other/t"}}), "another namespace"),
            (json!({"deadLetter": "bin"}), "unknown variant `bin`"),
            (json!(7), "invalid type"),
        ] {
            let refusal = read(said.clone()).unwrap_err();
            assert!(refusal.contains(part), "{said}: {refusal}");
        }
    }

    #[test]
    fn keys_are_found_in_events() {
        let event: Json = serde_json::from_str::<Box<serde_json::value::RawValue>>(r#"{"a": {"b": [7, "x"]}}"#)
            .unwrap()
            .into();
        assert_eq!(key(&event, "/a/b/1"), Some("\"x\"".into()));
        assert_eq!(key(&event, "/a/c"), None);
    }
}
