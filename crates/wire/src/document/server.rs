use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wisp_core::{
    model::{Isolation, Limits},
    ports::Kind,
};

/// The body of `GET /`: what the platform is and can.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerDoc {
    /// `OpenWhisk`: the API that this is.
    pub description: String,
    /// Where to ask.
    pub support: Support,
    /// Where the API is.
    pub api_paths: Vec<String>,
    /// The limits that deployment tools check.
    pub limits: ServerLimits,
    /// The kinds that actions can have, by family.
    pub runtimes: BTreeMap<String, Vec<RuntimeDoc>>,
}

/// Where to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Support {
    /// Where problems are reported.
    pub github: String,
    /// Where people talk.
    pub slack: String,
}

/// Limits; durations in milliseconds, sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it, the unit is above")]
pub struct ServerLimits {
    pub actions_per_minute: u64,
    pub triggers_per_minute: u64,
    pub concurrent_actions: u64,
    pub sequence_length: u64,
    pub default_action_duration: u64,
    pub min_action_duration: u64,
    pub max_action_duration: u64,
    pub default_action_memory: u64,
    pub min_action_memory: u64,
    pub max_action_memory: u64,
    pub default_action_logs: u64,
    pub min_action_logs: u64,
    pub max_action_logs: u64,
}

impl From<&Limits> for ServerLimits {
    fn from(limits: &Limits) -> Self {
        let bytes = |megabytes: u64| megabytes << 20;
        Self {
            actions_per_minute: limits.invocations_per_minute,
            triggers_per_minute: limits.fires_per_minute,
            concurrent_actions: limits.concurrent_invocations,
            sequence_length: limits.sequence_length,
            default_action_duration: limits.timeout.default,
            min_action_duration: limits.timeout.min,
            max_action_duration: limits.timeout.max,
            default_action_memory: bytes(limits.memory.default),
            min_action_memory: bytes(limits.memory.min),
            max_action_memory: bytes(limits.memory.max),
            default_action_logs: bytes(limits.logs.default),
            min_action_logs: bytes(limits.logs.min),
            max_action_logs: bytes(limits.logs.max),
        }
    }
}

/// A kind that actions can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeDoc {
    /// Its name, such as `nodejs:20`.
    pub kind: String,
    /// What runs it: not an image, but the interpreter.
    pub image: String,
    /// Always false.
    pub deprecated: bool,
    /// Whether `<family>:default` means this one.
    pub default: bool,
    /// Always true: code is stored apart from the action.
    pub attached: bool,
    /// Whether actions must name their entry point.
    pub require_main: bool,
    /// Other names that mean this kind: those of kinds that OpenWhisk has and this machine has not.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The levels of isolation that it can run at, its own first.
    #[serde(default)]
    pub isolation: Vec<Isolation>,
}

impl From<&Kind> for RuntimeDoc {
    fn from(kind: &Kind) -> Self {
        Self {
            kind: kind.name.clone(),
            image: kind.provider.clone(),
            deprecated: false,
            default: kind.default,
            attached: true,
            require_main: kind.requires_main,
            aliases: kind.aliases.clone(),
            isolation: kind.levels.clone(),
        }
    }
}

/// The body of `GET /api/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiDoc {
    /// `OpenWhisk API`.
    pub description: String,
    /// `1.0.0`.
    pub api_version: String,
    /// `v1`.
    pub api_version_path: String,
    /// The server's version.
    pub build: String,
    /// The server's build.
    pub buildno: String,
    /// Where the API is described.
    pub swagger_paths: SwaggerPaths,
}

/// Where the API is described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwaggerPaths {
    /// For people.
    pub ui: String,
    /// For programs.
    #[serde(rename = "api-docs")]
    pub api_docs: String,
}
