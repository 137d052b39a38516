use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// A parameter or annotation to be sent: its value is passed on as it was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// The value, any JSON.
    pub value: Box<RawValue>,
}

/// Body of `PUT actions/{name}`. What is absent keeps its value, or gets its default.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionPut {
    /// What runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecPut>,
    /// Bound parameters; they replace all that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Pair>>,
    /// Annotations; they are laid over those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Vec<Pair>>,
    /// Annotations to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub del_annotations: Vec<String>,
    /// Limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsPut>,
}

/// What an action runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecPut {
    /// The kind: `nodejs:default`, `blackbox`, `sequence` …
    pub kind: String,
    /// Text, or base64 of an archive or binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// The image of a blackbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The actions of a sequence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
}

/// Limits of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LimitsPut {
    /// Longest run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Memory, in MB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Log lines kept, in MB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<u64>,
    /// Activations at a time in one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
}

/// Body of `PUT packages/{name}`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PackagePut {
    /// The package that this one is a binding to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<BindingRef>,
    /// Parameters; they replace all that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Pair>>,
    /// Annotations; they replace all that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Vec<Pair>>,
    /// Whether others may use what is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
}

/// The provider of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindingRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Body of `PUT triggers/{name}`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TriggerPut {
    /// Parameters; they replace all that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Pair>>,
    /// Annotations; they replace all that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Vec<Pair>>,
}

/// Body of `PUT rules/{name}`.
#[derive(Clone, Debug, Serialize)]
pub struct RulePut {
    /// The trigger's full name.
    pub trigger: String,
    /// The action's full name.
    pub action: String,
    /// Annotations; they replace all that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Vec<Pair>>,
}

impl Pair {
    /// A pair of a value that is at hand.
    pub fn new(key: impl Into<String>, value: &Value) -> Self {
        // A value always has a JSON text.
        Self {
            key: key.into(),
            value: RawValue::from_string(value.to_string()).unwrap_or_default(),
        }
    }
}
