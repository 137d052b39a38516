use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Annotations, Fqn, Millis, Parameters, Version};

/// A named channel of events. Rules hang on it; their status is stored here, as OpenWhisk does, so that a fire reads
/// one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Full name: `ns/name`.
    pub fqn: Fqn,
    /// Parameters under every event.
    pub parameters: Parameters,
    /// The rules of this trigger, by full name.
    pub rules: BTreeMap<Fqn, RuleLink>,
    /// Raised by every update.
    pub version: Version,
    /// Stored and echoed; grants nothing.
    pub publish: bool,
    /// Annotations.
    pub annotations: Annotations,
    /// Last change.
    pub updated: Millis,
}

/// What a trigger knows of one of its rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleLink {
    /// The action that the rule invokes.
    pub action: Fqn,
    /// Whether it does.
    pub status: RuleStatus,
    /// Where in an event the key is, as a JSON pointer, if events of one key run one after another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_by: Option<String>,
}

/// Whether a rule invokes its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleStatus {
    /// It does.
    Active,
    /// It does not.
    Inactive,
}

impl RuleStatus {
    /// The word in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleStatus::Active => "active",
            RuleStatus::Inactive => "inactive",
        }
    }
}
