use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Execution, Frame};
use crate::apart;
use crate::machine::State;
use crate::moment;

/// The item of a Map's iteration, as `Map.Item` of the context object shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// From zero.
    pub index: u32,
    /// The item.
    #[serde(with = "apart")]
    pub value: Arc<Value>,
    /// Its name, if a Map runs over an object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// The object or bucket that it was read from; none if it comes from the state's data.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<Arc<str>>,
}

impl Execution {
    /// The context object: `$$`, or `$states.context`.
    pub(crate) fn context(&self, frame: &Frame, state: &State, item: Option<&Item>, token: Option<&str>) -> Value {
        let mut context = Map::new();
        context.insert("Execution".to_owned(), self.describe());
        context.insert(
            "StateMachine".to_owned(),
            json!({"Id": self.identity.machine_arn, "Name": self.identity.machine_name}),
        );
        context.insert(
            "State".to_owned(),
            json!({
                "Name": &*state.name,
                "EnteredTime": moment::text(frame.entered_ms),
                "RetryCount": frame.retries,
            }),
        );
        if let Some(item) = item {
            context.insert("Map".to_owned(), json!({"Item": item.describe()}));
        }
        if let Some(token) = token {
            context.insert("Task".to_owned(), json!({"Token": token}));
        }
        Value::Object(context)
    }

    fn describe(&self) -> Value {
        let mut described = json!({
            "Id": self.identity.arn,
            "Input": *self.input,
            "Name": self.identity.name,
            "RoleArn": self.identity.role_arn,
            "StartTime": moment::text(self.started_ms),
            "RedriveCount": self.redrives,
        });
        if let Some(redriven_ms) = self.redriven_ms {
            described["RedriveTime"] = json!(moment::text(redriven_ms));
        }
        described
    }
}

impl Item {
    fn describe(&self) -> Value {
        let mut item = Map::new();
        item.insert("Index".to_owned(), json!(self.index));
        item.insert("Value".to_owned(), (*self.value).clone());
        if let Some(key) = &self.key {
            item.insert("Key".to_owned(), json!(key));
        }
        item.insert(
            "Source".to_owned(),
            json!(self.source.as_deref().unwrap_or("STATE_DATA")),
        );
        Value::Object(item)
    }
}
