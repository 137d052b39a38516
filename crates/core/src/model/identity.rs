use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Chain, EntityName, Isolation};

/// Who calls: the outcome of authentication.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The subject.
    pub subject: String,
    /// The namespace that the key belongs to, which `_` stands for.
    pub namespace: EntityName,
    /// The key that was presented; functions that ask for it receive it.
    pub api_key: ApiKey,
    /// What the subject may do.
    pub rights: Vec<Right>,
    /// Limits of the namespace that differ from the platform's.
    pub limits: NamespaceLimits,
    /// The functions that led to the call, if a function makes it.
    pub chain: Chain,
}

/// A kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Right {
    /// Read entities and records.
    Read,
    /// Create and update entities.
    Put,
    /// Delete entities.
    Delete,
    /// Invoke actions and fire triggers.
    Activate,
}

impl Right {
    /// All rights: what a new subject has.
    pub const ALL: [Right; 4] = [Right::Read, Right::Put, Right::Delete, Right::Activate];
}

/// A key for OpenWhisk's Basic authentication: a UUID as user and 64 characters as password.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names the key; not secret.
    pub uuid: String,
    /// The secret.
    pub secret: String,
}

impl ApiKey {
    /// `uuid:secret`, as clients and functions use it.
    pub fn reveal(&self) -> String {
        format!("{}:{}", self.uuid, self.secret)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.uuid)
    }
}

/// Somebody who owns namespaces, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name, five characters or more.
    pub name: String,
    /// Whether its keys are refused.
    pub blocked: bool,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Its namespaces, each with its own key.
    pub namespaces: Vec<SubjectNamespace>,
}

/// A namespace of a subject, with what is needed to verify its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectNamespace {
    /// The namespace's name.
    pub name: EntityName,
    /// The public half of the key.
    pub uuid: String,
    /// SHA-256 of the secret half, in hexadecimal. The secret has more than 256 bits of entropy, so that a fast hash
    /// is as good as a slow one.
    pub secret_sha256: String,
    /// Limits that differ from the platform's.
    #[serde(default)]
    pub limits: NamespaceLimits,
}

/// Limits of one namespace; an absent one is the platform's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NamespaceLimits {
    /// Invocations a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invocations_per_minute: Option<u64>,
    /// Invocations at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_invocations: Option<u64>,
    /// Trigger fires a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fires_per_minute: Option<u64>,
    /// Kinds that actions may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_kinds: Option<Vec<String>>,
    /// The weakest isolation that its functions may run in; the platform's minimum holds beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_isolation: Option<Isolation>,
    /// Largest payload, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_payload_size: Option<u64>,
    /// Greatest memory of an action, in MB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_action_memory: Option<u64>,
    /// Longest timeout of an action, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_action_timeout: Option<u64>,
    /// Whether sequences and compositions that do not say it themselves are durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durable: Option<bool>,
    /// Activation records kept: greatest age, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_seconds: Option<u64>,
    /// Activation records kept: greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_count: Option<u64>,
}
