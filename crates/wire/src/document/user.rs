use serde::{Deserialize, Serialize};
use wisp_core::model::{EntityName, NamespaceLimits, Right};

/// The body of `POST /admin/users`: a new subject, or another namespace for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPut {
    /// The subject, five characters or more.
    pub subject: String,
    /// The namespace; named like the subject when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<EntityName>,
    /// The key, `uuid:secret`; a random one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserDoc {
    /// Its name.
    pub subject: String,
    /// Whether its keys are refused.
    pub blocked: bool,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Its namespaces.
    pub namespaces: Vec<NamespaceDoc>,
}

/// A namespace of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceDoc {
    /// Its name.
    pub name: EntityName,
    /// The public half of its key.
    pub uuid: String,
    /// The whole key, `uuid:secret`; shown once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Limits that differ from the platform's.
    #[serde(default)]
    pub limits: NamespaceLimits,
}
