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
    /// Messages that wait here, at most, of an upstream that sends without waiting for acknowledgements; more are lost.
    pub buffer: usize,
    /// Hosts that events may be fetched from, as `host` or `host:port`; any if none is named.
    pub hosts: Vec<String>,
    /// Folders that files may be watched in; none if none is named.
    pub folders: Vec<String>,
    /// The largest file whose content is part of its event, in bytes.
    pub file_size: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            missed: "once".into(),
            missed_limit: 1_000,
            fetch: 256,
            buffer: 8_192,
            hosts: Vec::new(),
            folders: Vec::new(),
            file_size: 512 << 10,
        }
    }
}
