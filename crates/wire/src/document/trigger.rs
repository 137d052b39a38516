use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wisp_core::model::{Annotations, Fqn, Millis, Parameters, RuleStatus, Trigger, Version};

use super::Empty;

/// A trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriggerDoc {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Parameters under every event.
    pub parameters: Parameters,
    /// Triggers have no limits of their own: `{}`.
    #[serde(default)]
    pub limits: Empty,
    /// Its version.
    pub version: Version,
    /// Echoed only.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// The rules on it, by full name without a leading slash.
    #[serde(default)]
    pub rules: BTreeMap<String, TriggerRule>,
    /// Last change.
    #[serde(default)]
    pub updated: Millis,
}

/// What a trigger shows of a rule on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerRule {
    /// The action that it invokes.
    pub action: EntityRef,
    /// Whether it does.
    pub status: RuleStatus,
}

/// A full name in two parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRef {
    /// `ns`, or `ns/pkg`.
    pub path: String,
    /// The last segment.
    pub name: String,
}

impl From<&Fqn> for EntityRef {
    fn from(fqn: &Fqn) -> Self {
        Self {
            path: fqn.path(),
            name: fqn.name().to_owned(),
        }
    }
}

impl From<&Trigger> for TriggerDoc {
    fn from(trigger: &Trigger) -> Self {
        let rules = trigger.rules.iter().map(|(rule, link)| {
            (
                rule.to_string(),
                TriggerRule {
                    action: EntityRef::from(&link.action),
                    status: link.status,
                },
            )
        });
        Self {
            namespace: trigger.fqn.path(),
            name: trigger.fqn.name().to_owned(),
            parameters: trigger.parameters.clone(),
            limits: Empty {},
            version: trigger.version,
            publish: trigger.publish,
            annotations: trigger.annotations.clone(),
            rules: rules.collect(),
            updated: trigger.updated,
        }
    }
}

/// A trigger in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TriggerSummary {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Echoed only.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// Last change.
    #[serde(default)]
    pub updated: Millis,
}

impl From<&Trigger> for TriggerSummary {
    fn from(trigger: &Trigger) -> Self {
        Self {
            namespace: trigger.fqn.path(),
            name: trigger.fqn.name().to_owned(),
            version: trigger.version,
            publish: trigger.publish,
            annotations: trigger.annotations.clone(),
            updated: trigger.updated,
        }
    }
}
