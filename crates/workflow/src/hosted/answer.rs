use serde::Deserialize;
use serde_json::Value;

use super::attempt::Policy;

/// What the packages answer to a turn, after the launcher has taken apart what groups their actions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Whether the code has ended, or begins anew.
    #[serde(default)]
    pub(super) is_done: bool,
    /// All that it has asked for since it began.
    #[serde(default)]
    pub(super) actions: Vec<Asked>,
    /// What it returned.
    #[serde(default)]
    pub(super) output: Value,
    /// Why it failed.
    #[serde(default)]
    pub(super) error: Option<String>,
    /// What it says about itself.
    #[serde(default)]
    pub(super) custom_status: Value,
}

/// An action as the packages write it. Which fields there are depends on its type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    pub action_type: u8,
    pub function_name: String,
    pub input: Value,
    pub retry_options: Option<Policy>,
    pub instance_id: Option<String>,
    pub version: Option<String>,
    pub fire_at: Option<String>,
    pub external_event_name: String,
    pub operation: String,
    pub http_request: Value,
    pub lock_set: Vec<Locked>,
    pub lock_request_id: String,
}

/// An entity that is to be locked.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Locked {
    pub name: String,
    pub key: String,
}

/// Numbers of actions in the packages.
pub(super) mod number {
    pub const ACTIVITY: u8 = 0;
    pub const ACTIVITY_WITH_RETRY: u8 = 1;
    pub const CHILD: u8 = 2;
    pub const CHILD_WITH_RETRY: u8 = 3;
    pub const CONTINUE_AS_NEW: u8 = 4;
    pub const TIMER: u8 = 5;
    pub const WAIT: u8 = 6;
    pub const CALL_ENTITY: u8 = 7;
    pub const CALL_HTTP: u8 = 8;
    pub const SIGNAL_ENTITY: u8 = 9;
    pub const LOCK: u8 = 13;
    pub const UNLOCK: u8 = 14;
}

/// JSON text; none for nothing.
pub(super) fn payload(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}
