use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wisp_core::{
    Error, Result,
    model::{EntityName, Fqn, Millis},
};
use wisp_workflow::when::{Hint, Pass, Primitive, Target, Trigger};

use super::Settings;

/// How durable the objects of a bucket are, and what their triggers have seen of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// They are gone when the server ends.
    #[default]
    None,
    /// They survive the end of the server at once, and power loss after the store's next sync.
    Speculative,
    /// They are on the disk when they have been put.
    Strict,
}

/// What triggers see together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Watched {
    /// The objects of one session.
    #[default]
    Session,
    /// The objects of all sessions.
    Bucket,
}

/// A bucket, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Tells it from earlier ones of its name.
    pub number: String,
    /// How durable it is.
    pub durability: Durability,
    /// What triggers see together.
    pub scope: Watched,
    /// How long objects are kept, in seconds.
    pub life: u64,
    /// Its triggers, by name.
    pub triggers: BTreeMap<String, Trigger>,
    /// Grows with every change of it.
    pub version: u64,
    /// When it was last changed.
    pub updated: Millis,
}

/// What a caller says of a bucket.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// How durable it is to be.
    pub durability: Option<Durability>,
    /// What its triggers are to see together.
    pub scope: Option<Watched>,
    /// How long objects are to be kept, in seconds.
    pub life: Option<u64>,
}

/// What a caller says of a trigger.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerDraft {
    /// The primitive's name.
    pub primitive: String,
    /// Its parameters.
    pub params: Option<Map<String, Value>>,
    /// The action that it calls.
    pub function: Option<String>,
    /// The state machine that it starts.
    pub machine: Option<String>,
    /// The orchestration that it tells, and of what.
    pub event: Option<EventDraft>,
    /// What of the objects is given.
    #[serde(default)]
    pub pass: Pass,
    /// Whose output it waits for.
    #[serde(default)]
    pub hints: Vec<Hint>,
}

/// An orchestration, and an event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDraft {
    /// The instance; the session's name when absent.
    pub instance: Option<String>,
    /// The event.
    pub name: String,
}

impl Draft {
    /// How long objects are kept.
    pub(super) fn life(&self, settings: &Settings, before: Option<u64>) -> Result<u64> {
        let most = settings.life_seconds;
        match self.life.or(before).unwrap_or(most) {
            life if (1..=most).contains(&life) => Ok(life),
            life => {
                let message = format!("'life' is {life} seconds, but must be from 1 to {most}.");
                Err(Error::bad_request(message).with("limit", "buckets.life_seconds"))
            }
        }
    }
}

impl TriggerDraft {
    /// The trigger of a namespace that is meant.
    pub(super) fn read(self, namespace: &EntityName) -> Result<Trigger> {
        let when = Primitive::read(&self.primitive, self.params);
        let when = when.map_err(|fault| Error::bad_request(format!("The trigger was malformed: {fault}.")))?;
        let full = |name: &str| Ok::<String, Error>(Fqn::resolve(name, namespace)?.absolute());
        let target = match (self.function, self.machine, self.event) {
            (Some(function), None, None) => Target::Function(full(&function)?),
            (None, Some(machine), None) => Target::Machine(machine),
            (None, None, Some(EventDraft { instance, name })) => Target::Event { instance, name },
            _ => {
                let message = "The trigger was malformed: it calls exactly one of 'function', 'machine' and 'event'.";
                return Err(Error::bad_request(message));
            }
        };
        let hint = |hint: Hint| {
            if hint.timeout == 0 || hint.source_key.is_empty() {
                let message = "The trigger was malformed: a hint has a 'source_key', and a 'timeout' of at least 1 ms.";
                return Err(Error::bad_request(message));
            }
            let source_function = full(&hint.source_function)?;
            Ok(Hint {
                source_function,
                ..hint
            })
        };
        Ok(Trigger {
            when,
            target,
            pass: self.pass,
            hints: self.hints.into_iter().map(hint).collect::<Result<_>>()?,
        })
    }
}
