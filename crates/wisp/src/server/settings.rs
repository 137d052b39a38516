use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisp_core::{model::Limits, ports::Retention};
use wisp_runtimes::languages;

use super::{Layers, Origin};

/// Everything that can be set, with what it is when nothing is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Address of the API.
    pub listen: String,
    /// HTTPS.
    pub tls: Tls,
    /// Directory of everything that is stored; the user's data directory when not set.
    pub data: Option<PathBuf>,
    /// Whether the well-known keys of OpenWhisk's tutorials are valid.
    pub dev: bool,
    /// Name of a set of limits: `laptop` or `openwhisk`.
    pub preset: String,
    /// Filter of the log, such as `info` or `wisp_worker=debug,warn`.
    pub log: String,
    /// File that the guest's key is written to, for the CLI; `wskprops` in the data directory when not set.
    pub wskprops: Option<PathBuf>,
    /// File with the key that seals callers' keys and secrets; in the user's configuration directory when not set.
    pub secret: Option<PathBuf>,
    /// Entities and keys that are kept in memory.
    pub cache_entries: usize,
    /// How long activation records are kept.
    pub retention: Keep,
    /// What functions and callers may use.
    pub limits: Limits,
    /// Connections.
    pub http: wisp_api::Settings,
    /// Web actions.
    pub web: wisp_api::WebSettings,
    /// APIs; an empty `url` is the address of this server.
    pub gateway: wisp_control::gateway::Settings,
    /// Workflows.
    pub workflows: wisp_control::workflows::Settings,
    /// Limits of orchestrations and entities as code.
    pub orchestrations: wisp_control::orchestrations::Settings,
    /// How rules deliver.
    pub delivery: wisp_control::delivery::Settings,
    /// Limits of buckets.
    pub buckets: wisp_control::buckets::Settings,
    /// Instances.
    pub worker: wisp_worker::Config,
    /// How long idle instances are kept, and when they are started ahead.
    pub keepalive: wisp_scheduler::keepalive::Config,
    /// Event sources.
    pub sources: wisp_sources::Config,
    /// Requests to servers that users name.
    pub outbound: super::outbound::Config,
    /// Storage.
    pub store: Store,
    /// Interpreters; an empty `api_host` is the address at which functions reach this server.
    pub languages: languages::Config,
    /// Unpacked code.
    pub code: wisp_runtimes::code::Config,
    /// Container images.
    pub images: wisp_runtimes::images::Config,
    /// Isolation.
    pub sandbox: wisp_runtimes::sandboxes::Config,
}

/// HTTPS.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// Address of the API over TLS; none when not set.
    pub listen: Option<String>,
    /// Certificate chain in PEM; a self-signed one is made when not set.
    pub certificate: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    pub key: Option<PathBuf>,
}

/// How long activation records are kept; whichever bound is reached first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keep {
    /// Greatest age, in seconds.
    pub seconds: u64,
    /// Greatest number in a namespace.
    pub count: u64,
    /// Greatest size of all together, in MB.
    pub megabytes: u64,
    /// Greatest age of a dead letter, in seconds.
    pub letters_seconds: u64,
    /// Greatest number of dead letters in a namespace.
    pub letters: u64,
    /// Greatest size of what the dead letters of a namespace say, in MB.
    pub letters_megabytes: u64,
    /// How often records and code are swept, in seconds.
    pub sweep_seconds: u64,
    /// How long uploaded code is kept that no action refers to, in seconds.
    pub code_grace_seconds: u64,
}

impl Keep {
    /// How long dead letters are kept.
    pub fn letters(&self) -> Retention {
        Retention {
            age: self.letters_seconds * 1000,
            count: self.letters,
            bytes: self.letters_megabytes << 20,
        }
    }

    /// The policy of a namespace that has none of its own.
    pub fn policy(&self) -> Retention {
        Retention {
            age: self.seconds * 1000,
            count: self.count,
            bytes: self.megabytes << 20,
        }
    }
}

/// Storage: the engine's name, and its settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// Name of the engine.
    pub engine: String,
    /// The engine's own settings; an empty directory is `store` in the data directory.
    #[serde(flatten)]
    pub config: wisp_store::Config,
}

impl Default for Store {
    fn default() -> Self {
        let config = wisp_store::Config {
            directory: PathBuf::new(),
            ..wisp_store::Config::default()
        };
        Self {
            engine: "embedded".into(),
            config,
        }
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            seconds: 7 * 24 * 3600,
            count: 1_000_000,
            megabytes: 8192,
            letters_seconds: 14 * 24 * 3600,
            letters: 10_000,
            letters_megabytes: 1024,
            sweep_seconds: 60,
            code_grace_seconds: 3600,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:3233".into(),
            tls: Tls::default(),
            data: None,
            dev: false,
            preset: "laptop".into(),
            log: "info".into(),
            wskprops: None,
            secret: None,
            cache_entries: 10_000,
            retention: Keep::default(),
            limits: Limits::default(),
            http: wisp_api::Settings::default(),
            web: wisp_api::WebSettings::default(),
            gateway: wisp_control::gateway::Settings::default(),
            workflows: wisp_control::workflows::Settings::default(),
            orchestrations: wisp_control::orchestrations::Settings::default(),
            delivery: wisp_control::delivery::Settings::default(),
            buckets: wisp_control::buckets::Settings::default(),
            worker: wisp_worker::Config::default(),
            keepalive: wisp_scheduler::keepalive::Config::default(),
            sources: wisp_sources::Config::default(),
            outbound: super::outbound::Config::default(),
            store: Store::default(),
            languages: languages::Config {
                api_host: String::new(),
                ..languages::Config::default()
            },
            code: wisp_runtimes::code::Config::default(),
            images: wisp_runtimes::images::Config::default(),
            sandbox: wisp_runtimes::sandboxes::Config::default(),
        }
    }
}

impl Settings {
    /// All settings with their origins: defaults under the preset under the file under the environment under flags.
    pub fn layers(file: Option<&Path>, flags: &[(&str, &str, Value)]) -> Result<Layers> {
        let lay = |defaults: &Settings| -> Result<Layers> {
            let mut layers = Layers::defaults(defaults)?;
            if let Some(file) = file {
                layers.file(file)?;
            }
            layers.environment(std::env::vars())?;
            for (flag, key, value) in flags {
                layers.set(key, value.clone(), Origin::Flag((*flag).to_owned()))?;
            }
            Ok(layers)
        };
        let layers = lay(&Settings::default())?;
        let preset = layers
            .get("preset")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        match preset.as_str() {
            "laptop" => Ok(layers),
            "openwhisk" => lay(&Settings {
                limits: Limits::openwhisk(),
                ..Settings::default()
            }),
            other => bail!("there is no preset '{other}'; available: laptop, openwhisk"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_documented_and_nothing_else() -> Result<()> {
        let page = include_str!("../../../../docs/reference/settings.md");
        let rows = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .filter_map(|line| line.split('|').nth(1));
        let documented: std::collections::BTreeSet<&str> =
            rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let layers = Layers::defaults(&Settings::default())?;
        let known: std::collections::BTreeSet<&str> = layers.iter().map(|(key, _, _)| key).collect();
        assert_eq!(documented, known);
        Ok(())
    }
}
