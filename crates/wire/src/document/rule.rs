use serde::{Deserialize, Serialize};
use wisp_core::model::{Annotations, Millis, Rule, RuleStatus, Version};

use super::EntityRef;

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleDoc {
    /// Whether it invokes its action.
    pub status: RuleStatus,
    /// That its action fails without end, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<FailingDoc>,
    /// The rest.
    #[serde(flatten)]
    pub rule: RuleSummary,
}

/// How a rule fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingDoc {
    /// How often in a row.
    pub failures: u64,
    /// Since when.
    pub since: Millis,
    /// When last.
    pub last: Millis,
    /// What its action said last.
    pub error: String,
}

/// A rule in a list, where its status is not shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleSummary {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The trigger listened to.
    pub trigger: EntityRef,
    /// The action invoked.
    pub action: EntityRef,
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

impl RuleDoc {
    /// The document of a rule with this status.
    pub fn new(rule: &Rule, status: RuleStatus) -> Self {
        Self {
            status,
            failing: None,
            rule: rule.into(),
        }
    }
}

impl From<&Rule> for RuleSummary {
    fn from(rule: &Rule) -> Self {
        Self {
            namespace: rule.fqn.path(),
            name: rule.fqn.name().to_owned(),
            trigger: EntityRef::from(&rule.trigger),
            action: EntityRef::from(&rule.action),
            version: rule.version,
            publish: rule.publish,
            annotations: rule.annotations.clone(),
            updated: rule.updated,
        }
    }
}
