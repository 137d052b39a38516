use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wisp_core::{Code, Error, Result, ports::KeepAlive};

use super::POLICIES;

/// So many first gaps of each action teach what actions are like in general.
pub(super) const LEARNT: u64 = 8;

/// Settings of the policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of the policy.
    pub policy: String,
    /// How long `fixed` keeps an idle instance, in seconds.
    pub fixed_seconds: u64,
    /// How far `histogram` looks, in minutes; at most 240.
    pub histogram_minutes: u64,
    /// What a second of waiting for a start is worth, in MB seconds of idle memory.
    pub price: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy: "adaptive".into(),
            fixed_seconds: 600,
            histogram_minutes: 240,
            price: 900_000.0,
        }
    }
}

/// The policy that the settings name; `-` in the name may stand for `_`.
pub fn policy(config: &Config) -> Result<Arc<dyn KeepAlive>> {
    let name = config.policy.replace('-', "_");
    let found = POLICIES.iter().find(|(known, _)| *known == name);
    found.map(|(_, register)| register(config)).ok_or_else(|| {
        let known: Vec<&str> = POLICIES.iter().map(|(known, _)| *known).collect();
        let message = format!(
            "There is no keep-alive policy '{}'; available: {}.",
            config.policy,
            known.join(", ")
        );
        Error::new(Code::BadRequest, message)
    })
}
