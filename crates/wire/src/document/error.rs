use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of every reply that is an error of the API. Clients tell it from a function's result by its two first
/// fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong, for people.
    pub error: String,
    /// The transaction id.
    pub code: String,
    /// The stable id of this kind of error, such as `WSP-0409`; absent when the server is not Wisp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wisp: Option<String>,
    /// Facts: `limit`, `value`, `remedy` …
    #[serde(flatten)]
    pub facts: BTreeMap<String, Value>,
}
