use std::{net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use wisp_core::ports::Clock;

use super::process;

/// The settings of sandboxes, a section each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Those of the `process` sandbox.
    pub process: process::Config,
}

/// What a sandbox is given when the platform starts.
#[derive(Clone)]
pub struct Context {
    /// The settings.
    pub config: Config,
    /// Where the platform's API listens, seen from the host; functions reach it as `10.0.2.2` and the same port. None
    /// means that they do not.
    pub api: Option<SocketAddr>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}
