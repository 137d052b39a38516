use serde::{Deserialize, Serialize};

use super::Isolation;
use crate::{Error, Result};

/// The limits of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionLimits {
    /// Longest run and longest initialisation, in milliseconds.
    pub timeout: u64,
    /// Memory of one instance, in MB.
    pub memory: u64,
    /// Logs kept of one activation, in MB.
    pub logs: u64,
    /// Activations that one instance runs at the same time.
    pub concurrency: u64,
    /// Most instances at the same time; the namespace's concurrency when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<u64>,
}

/// The least, usual and greatest value of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least that may be asked for.
    pub min: u64,
    /// What is given when nothing is asked for.
    pub default: u64,
    /// The most that may be asked for.
    pub max: u64,
}

impl Bounds {
    /// Refuses a value outside the bounds, in OpenWhisk's words: `what` is `memory size`, `unit` is `" MB"`.
    pub fn check(&self, what: &str, value: u64, unit: &str) -> Result<u64> {
        let refuse = |relation, threshold| {
            Err(Error::bad_request(format!(
                "{what} {value}{unit} {relation} allowed threshold of {threshold}{unit}"
            )))
        };
        match value {
            _ if value > self.max => refuse("exceeds", self.max),
            _ if value < self.min => refuse("below", self.min),
            _ => Ok(value),
        }
    }
}

/// Every limit of the platform, by name. The defaults are generous, for a machine with one owner;
/// [`Limits::openwhisk`] has the values that OpenWhisk ships with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Duration of a run and of an initialisation, in milliseconds.
    pub timeout: Bounds,
    /// Memory of an instance, in MB.
    pub memory: Bounds,
    /// Logs kept of an activation, in MB.
    pub logs: Bounds,
    /// Activations at the same time in one instance.
    pub concurrency: Bounds,
    /// Size of an action's code as it is sent (base64 for binaries), in bytes.
    pub code_size: u64,
    /// Size of an entity's parameters, and of its annotations, in bytes of JSON.
    pub parameters_size: u64,
    /// Size of an invocation's payload, in bytes.
    pub payload_size: u64,
    /// Size of a result, in bytes; a longer one becomes an application error.
    pub result_size: u64,
    /// Size of any request body, in bytes.
    pub request_size: u64,
    /// Actions in a sequence, nested ones counted.
    pub sequence_length: u64,
    /// Longest wait of a blocking invocation, in milliseconds.
    pub blocking_wait: u64,
    /// Size of a secret, in bytes.
    pub secret_size: u64,
    /// Secrets of a namespace.
    pub secrets: u64,
    /// Invocations a minute, by namespace.
    pub invocations_per_minute: u64,
    /// Invocations at the same time, by namespace.
    pub concurrent_invocations: u64,
    /// Trigger fires a minute, by namespace.
    pub fires_per_minute: u64,
    /// The weakest isolation that functions may run in.
    pub min_isolation: Isolation,
    /// Triggers with a feed, by namespace.
    pub feeds: u64,
    /// Size of a feed's filter, and of its map, in bytes.
    pub expression_size: u64,
    /// Values that either may read or make for one event; 64 bytes of a text are one.
    pub expression_steps: u64,
    /// How long either may take for one event, in milliseconds.
    pub expression_time: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Bounds {
                min: 100,
                default: 60_000,
                max: 3_600_000,
            },
            memory: Bounds {
                min: 128,
                default: 256,
                max: 4_096,
            },
            logs: Bounds {
                min: 0,
                default: 10,
                max: 64,
            },
            concurrency: Bounds {
                min: 1,
                default: 1,
                max: 500,
            },
            code_size: 48 << 20,
            parameters_size: 1 << 20,
            payload_size: 1 << 20,
            result_size: 1 << 20,
            request_size: 80 << 20,
            sequence_length: 50,
            blocking_wait: 60_000,
            secret_size: 64 << 10,
            secrets: 1_000,
            invocations_per_minute: 6_000_000,
            concurrent_invocations: 10_000,
            fires_per_minute: 6_000_000,
            min_isolation: Isolation::Wasm,
            feeds: 10_000,
            expression_size: 4_096,
            expression_steps: 1_000_000,
            expression_time: 1_000,
        }
    }
}

impl Limits {
    /// The limits that Apache OpenWhisk ships with.
    pub fn openwhisk() -> Self {
        Self {
            timeout: Bounds {
                min: 100,
                default: 60_000,
                max: 300_000,
            },
            memory: Bounds {
                min: 128,
                default: 256,
                max: 512,
            },
            logs: Bounds {
                min: 0,
                default: 10,
                max: 10,
            },
            concurrency: Bounds {
                min: 1,
                default: 1,
                max: 1,
            },
            request_size: 50 << 20,
            invocations_per_minute: 60,
            concurrent_invocations: 30,
            fires_per_minute: 60,
            ..Self::default()
        }
    }

    /// The limits of an action that asks for none.
    pub fn action_default(&self) -> ActionLimits {
        ActionLimits {
            timeout: self.timeout.default,
            memory: self.memory.default,
            logs: self.logs.default,
            concurrency: self.concurrency.default,
            instances: None,
        }
    }

    /// Refuses limits outside the bounds, in OpenWhisk's words.
    pub fn check(&self, limits: &ActionLimits) -> Result<()> {
        let ActionLimits {
            timeout,
            memory,
            logs,
            concurrency,
            ..
        } = *limits;
        self.timeout.check("duration", timeout, " milliseconds")?;
        self.memory.check("memory size", memory, " MB")?;
        self.logs.check("log size", logs, " MB")?;
        self.concurrency.check("concurrency", concurrency, "")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_use_openwhisks_words() {
        let limits = Limits::openwhisk();
        let refusal = |change: fn(&mut ActionLimits)| {
            let mut asked = limits.action_default();
            change(&mut asked);
            limits.check(&asked).map_err(|error| error.to_string())
        };
        assert_eq!(refusal(|_| ()), Ok(()));
        let expected = "duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds";
        assert_eq!(refusal(|l| l.timeout = 300_001), Err(expected.into()));
        assert_eq!(
            refusal(|l| l.memory = 64),
            Err("memory size 64 MB below allowed threshold of 128 MB".into())
        );
        assert_eq!(
            refusal(|l| l.concurrency = 2),
            Err("concurrency 2 exceeds allowed threshold of 1".into())
        );
    }
}
