use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisp_core::{model::Millis, ports::Table};

/// State machines, by `namespace/name`.
pub(super) const MACHINES: Table = "machines";
/// Their versions, by `namespace/name/number` with ten digits.
pub(super) const VERSIONS: Table = "machine_versions";
/// Texts of definitions, by `namespace/digest`: machines, versions and executions refer to them.
pub(super) const DEFINITIONS: Table = "machine_definitions";

/// How the executions of a machine run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MachineKind {
    /// Durable: every step is recorded before the next.
    #[default]
    Standard,
    /// In memory: short, many, without history.
    Express,
}

/// A tag of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
}

/// A state machine as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// How it runs.
    pub kind: MachineKind,
    /// When it was created.
    pub created: Millis,
    /// What can be updated.
    #[serde(flatten)]
    pub draft: Stamped,
    /// The number of the last version that was published.
    #[serde(default)]
    pub published: u64,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What a machine is at one time: what its versions are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamped {
    /// Names the state; none until the first update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<String>,
    /// The digest of its definition.
    pub definition: String,
    /// The role that it is said to run as. Wisp runs it as its namespace.
    pub role_arn: String,
    /// What the client said of logging; kept for it.
    pub logging: Value,
    /// What the client said of tracing; kept for it.
    pub tracing: Value,
    /// What the client said of encryption; kept for it.
    #[serde(default)]
    pub encryption: Value,
}

/// A published version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its machine.
    pub machine: String,
    /// Its number, from 1.
    pub number: u64,
    /// When it was published.
    pub created: Millis,
    /// What the client said of it.
    pub description: Option<String>,
    /// What the machine was.
    pub draft: Stamped,
}

/// A machine that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// Its definition: JSON text.
    pub definition: String,
    /// The role.
    pub role_arn: String,
    /// How it runs.
    pub kind: MachineKind,
    /// Kept for the client.
    pub logging: Option<Value>,
    /// Kept for the client.
    pub tracing: Option<Value>,
    /// Kept for the client.
    pub encryption: Option<Value>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Whether its first version is published at once.
    pub publish: bool,
    /// What is said of that version.
    pub version_description: Option<String>,
}
