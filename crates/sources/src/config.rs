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
    /// Events that a source fetches at a time, at most.
    pub fetch: usize,
    /// Hosts that events may be fetched from, as `host` or `host:port`; any if none is named.
    pub hosts: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            missed: "once".into(),
            missed_limit: 1_000,
            fetch: 256,
            hosts: Vec::new(),
        }
    }
}
