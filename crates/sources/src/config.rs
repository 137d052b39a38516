use serde::{Deserialize, Serialize};

/// Settings of event sources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What becomes of fires of a schedule that were missed while the server was down, unless the feed says otherwise:
    /// `skip`, `once` or `all`.
    pub missed: String,
    /// Fires that `all` makes up for, at most; older ones are skipped.
    pub missed_limit: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            missed: "once".into(),
            missed_limit: 1_000,
        }
    }
}
