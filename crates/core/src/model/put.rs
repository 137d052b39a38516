//! What a request to create or update an entity says. An absent field keeps what is there, or gets a default.

use serde::Serialize;

use super::{ActionLimits, Annotations, Binding, Fqn, Parameters, Version};

/// A request to create or update an action.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ActionPut {
    /// What runs; required for creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecPut>,
    /// Bound parameters; replace those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsPut>,
    /// The version, instead of the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Echoed only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
    /// Annotations; laid over those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Keys of annotations to take away.
    #[serde(rename = "delAnnotations", skip_serializing_if = "Vec::is_empty")]
    pub removed_annotations: Vec<String>,
}

/// What an action shall run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ExecPut {
    /// A container image.
    Blackbox {
        /// The image's reference.
        image: String,
        /// Code for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The entry point.
        #[serde(skip_serializing_if = "Option::is_none")]
        main: Option<String>,
    },
    /// Actions one after another.
    Sequence {
        /// Their full names, in order.
        components: Vec<Fqn>,
    },
    /// Code of a language.
    #[serde(untagged)]
    Code {
        /// A kind, an alias of one, or `<family>:default`.
        kind: String,
        /// Text, or base64 of an archive or a program.
        code: String,
        /// The entry point.
        #[serde(skip_serializing_if = "Option::is_none")]
        main: Option<String>,
    },
}

/// Limits as a request asks for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LimitsPut {
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// MB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// MB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<u64>,
    /// Activations in one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// Instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<u64>,
}

impl LimitsPut {
    /// These limits, and `base` where nothing is asked for.
    pub fn over(&self, base: &ActionLimits) -> ActionLimits {
        ActionLimits {
            timeout: self.timeout.unwrap_or(base.timeout),
            memory: self.memory.unwrap_or(base.memory),
            logs: self.logs.unwrap_or(base.logs),
            concurrency: self.concurrency.unwrap_or(base.concurrency),
            instances: self.instances.or(base.instances),
        }
    }
}

/// A request to create or update a package or a binding.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PackagePut {
    /// The package to bind to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// Parameters; replace those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// The version, instead of the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Whether others may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
    /// Annotations; replace those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
}

/// A request to create or update a trigger.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TriggerPut {
    /// Parameters; replace those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// The version, instead of the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Echoed only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
    /// Annotations; replace those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
}

/// A request to create or update a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RulePut {
    /// The trigger; required for creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Fqn>,
    /// The action; required for creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Fqn>,
    /// The version, instead of the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Echoed only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
    /// Annotations; replace those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
}
