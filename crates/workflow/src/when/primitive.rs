use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// When a trigger fires. Names and parameters are Pheromone's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "primitive", content = "params", rename_all = "kebab-case")]
pub enum Primitive {
    /// For every object.
    Immediate {},
    /// For objects with one key.
    ByName {
        /// The key.
        key_name: String,
    },
    /// When objects with all of these keys are there.
    BySet {
        /// The keys, in the order in which the objects are given.
        key_set: Vec<String>,
    },
    /// For every so many objects.
    ByBatchSize {
        /// How many, from 1.
        count: u64,
    },
    /// With the first `k` of every `n` objects; the others are late, and left out.
    Redundant {
        /// How many are enough, from 1.
        k: u64,
        /// How many come, at least `k`.
        n: u64,
    },
    /// With all objects of a window of time, which begins with its first.
    ByTime {
        /// How long it is, in milliseconds, from 1.
        time_window: u64,
    },
    /// Once for each group of objects when all of these keys are there: a shuffle. The group of an object is its key up to the
    /// first colon. Objects with these keys say that a producer is done, and are not given to anybody.
    DynamicGroup {
        /// The keys.
        control_group: BTreeSet<String>,
    },
}

impl Primitive {
    /// Reads a primitive by its name and its parameters; or what is wrong with them.
    pub fn read(name: &str, params: Option<Map<String, Value>>) -> Result<Self, String> {
        let params = Value::Object(params.unwrap_or_default());
        let written = serde_json::json!({ "primitive": name, "params": params });
        let read: Self = serde_json::from_value(written).map_err(|error| error.to_string())?;
        read.check().map(|()| read)
    }

    fn check(&self) -> Result<(), String> {
        let positive = |name: &str, value: u64| match value {
            0 => Err(format!("'{name}' must be at least 1")),
            _ => Ok(()),
        };
        match self {
            Primitive::Immediate {} => Ok(()),
            Primitive::ByName { key_name } => check_keys("key_name", [key_name]),
            Primitive::BySet { key_set } => check_keys("key_set", key_set),
            Primitive::ByBatchSize { count } => positive("count", *count),
            Primitive::Redundant { k, n } if k > n => Err(format!("'k' ({k}) must be at most 'n' ({n})")),
            Primitive::Redundant { k, .. } => positive("k", *k),
            Primitive::ByTime { time_window } => positive("time_window", *time_window),
            Primitive::DynamicGroup { control_group } => check_keys("control_group", control_group),
        }
    }
}

/// Keys that a condition waits for: at least one, none empty, none twice.
fn check_keys<'a>(name: &str, keys: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if key.is_empty() {
            return Err(format!("'{name}' has an empty key"));
        }
        if !seen.insert(key) {
            return Err(format!("'{name}' has the key '{key}' twice"));
        }
    }
    match seen.is_empty() {
        true => Err(format!("'{name}' must have at least one key")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, params: Value) -> Result<Primitive, String> {
        Primitive::read(name, params.as_object().cloned())
    }

    #[test]
    fn primitives_are_read_by_name() {
        assert_eq!(read("immediate", json!(null)), Ok(Primitive::Immediate {}));
        assert_eq!(
            read("redundant", json!({"k": 2, "n": 3})),
            Ok(Primitive::Redundant { k: 2, n: 3 })
        );
        let groups = Primitive::DynamicGroup {
            control_group: ["a".to_owned()].into(),
        };
        assert_eq!(read("dynamic-group", json!({"control_group": ["a"]})), Ok(groups));
    }

    #[test]
    fn refusals_name_the_fault() {
        for (name, params, part) in [
            (
                "sometimes",
                json!({}),
                "unknown variant `sometimes`, expected one of `immediate`",
            ),
            ("by-name", json!({}), "missing field `key_name`"),
            ("by-name", json!({"key_name": ""}), "'key_name' has an empty key"),
            ("by-set", json!({"key_set": []}), "'key_set' must have at least one key"),
            ("by-set", json!({"key_set": ["a", "a"]}), "the key 'a' twice"),
            ("by-batch-size", json!({"count": 0}), "'count' must be at least 1"),
            ("by-batch-size", json!({"count": -1}), "invalid value"),
            ("redundant", json!({"k": 3, "n": 2}), "'k' (3) must be at most 'n' (2)"),
            ("redundant", json!({"k": 0, "n": 0}), "'k' must be at least 1"),
            ("by-time", json!({"time_window": 0}), "'time_window' must be at least 1"),
            ("dynamic-group", json!({"control_group": "a"}), "invalid type"),
        ] {
            let refusal = read(name, params.clone()).expect_err(name);
            assert!(refusal.contains(part), "{name} {params}: {refusal}");
        }
    }
}
