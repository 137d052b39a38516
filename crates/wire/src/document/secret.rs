use serde::{Deserialize, Serialize};

/// A secret without its value, which is never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretDoc {
    /// Its name.
    pub name: String,
    /// When it was last set, in milliseconds since the epoch.
    pub updated: u64,
}

/// Body of `PUT secrets/{name}`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretPut {
    /// The value, any text.
    pub value: String,
}
