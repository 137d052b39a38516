use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wisp_core::model::Isolation;

/// Things by their names, in the order of their names.
pub type Named<T> = BTreeMap<String, T>;

/// A manifest: `wskdeploy`'s, with what Wisp has beyond it. What is absent is left as it is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Manifest {
    /// What the manifest owns goes by this name.
    #[serde(skip_serializing_if = "Project::is_absent")]
    pub project: Project,
    /// Packages with what is in them; `default` stands for no package.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub packages: Named<Package>,
    /// What is in no package.
    #[serde(flatten)]
    pub own: Package,
}

/// The project.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Packages, which `wskdeploy` allows here, too.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub packages: Named<Package>,
}

impl Project {
    fn is_absent(&self) -> bool {
        self.name.is_empty()
    }
}

/// A package.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Package {
    /// Whether other namespaces may use it.
    #[serde(skip_serializing_if = "Option::is_none", alias = "public")]
    pub publish: Option<bool>,
    /// The package that this one is a binding to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// Bound parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Annotations.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
    /// Functions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub actions: Named<Action>,
    /// Sequences.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sequences: Named<Sequence>,
    /// Triggers, which are in no package wherever they are written.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub triggers: Named<Trigger>,
    /// Rules, likewise; an action without a package is one of this package.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: Named<Rule>,
    /// Sources of events, likewise.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: Named<Source>,
    /// HTTP APIs, likewise, by their titles.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub apis: Named<Api>,
}

impl Package {
    /// The fields that a manifest has outside of packages, too.
    pub const CONTENTS: [&str; 6] = ["actions", "sequences", "triggers", "rules", "sources", "apis"];
}

/// A function.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Action {
    /// A file or folder, beside the manifest.
    #[serde(skip_serializing_if = "Option::is_none", alias = "location")]
    pub function: Option<String>,
    /// The text of the code instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A container image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<String>,
    /// Whether it is a program for OpenWhisk's skeleton image.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub native: bool,
    /// Kind of the runtime; guessed from the file if absent.
    #[serde(skip_serializing_if = "Option::is_none", alias = "kind")]
    pub runtime: Option<String>,
    /// Name of the entry point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// Whether it is a web action: true, raw, false.
    #[serde(skip_serializing_if = "Option::is_none", alias = "web-export")]
    pub web: Option<Value>,
    /// Whether it is a composition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conductor: Option<bool>,
    /// What keeps it from everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Limits.
    #[serde(skip_serializing_if = "Limits::is_absent")]
    pub limits: Limits,
    /// Environment variables.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub environment: Map<String, Value>,
    /// Environment variables whose values are secrets of the namespace, by the secrets' names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Bound parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Annotations.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

/// Limits of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Memory, in MB.
    #[serde(skip_serializing_if = "Option::is_none", alias = "memorySize")]
    pub memory: Option<u64>,
    /// Logs kept of an activation, in MB.
    #[serde(skip_serializing_if = "Option::is_none", alias = "logSize")]
    pub logs: Option<u64>,
    /// Activations at a time in one instance.
    #[serde(skip_serializing_if = "Option::is_none", alias = "concurrentActivations")]
    pub concurrency: Option<u64>,
}

impl Limits {
    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

/// A sequence.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sequence {
    /// Its actions, one after the other.
    pub actions: Vec<String>,
    /// Whether it is a web action.
    #[serde(skip_serializing_if = "Option::is_none", alias = "web-export")]
    pub web: Option<Value>,
    /// Annotations.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

/// A trigger.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trigger {
    /// The action that fires it; then the parameters are the feed's.
    #[serde(skip_serializing_if = "Option::is_none", alias = "source")]
    pub feed: Option<String>,
    /// Parameters of every event, or of the feed.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Annotations.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

/// A rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The trigger listened to.
    pub trigger: String,
    /// The action invoked.
    pub action: String,
    /// `active`, or `inactive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// How failures are retried, where dead letters go, what is in order: the annotation `delivery`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub delivery: Map<String, Value>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

/// A source of events: a trigger that one of the platform's feeds fires, and a rule for each action.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The feed, below `/whisk.system`: `redis/stream`.
    pub feed: String,
    /// What it is told.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// The actions that it invokes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// How failures of theirs are retried: the annotation `delivery` of each rule.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub delivery: Map<String, Value>,
    /// Annotations of the trigger.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

impl Source {
    /// What the platform's feeds begin with.
    pub const FEEDS: &str = "/whisk.system/";
}

/// An API: paths with the actions behind them, or an OpenAPI document.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Api {
    /// A file, beside the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// By base path, by path, by action.
    #[serde(flatten)]
    pub paths: Named<Paths>,
}

/// By path, by action.
pub type Paths = Named<Named<Operation>>;

/// How an action is reached at a path.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// HTTP methods.
    pub method: Vec<String>,
    /// What its result becomes: the extension of the web action.
    #[serde(default = "Operation::http")]
    pub response: String,
}

impl Operation {
    fn http() -> String {
        "http".to_owned()
    }
}
