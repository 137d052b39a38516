use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of container images.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where they are kept; `<data>/images` when not set.
    pub directory: Option<PathBuf>,
    /// When an action's image is fetched from its registry: `missing`, `always` or `never`.
    pub pull: Pull,
    /// Registries that images may come from, such as `docker.io`; all when empty.
    pub registries: Vec<String>,
    /// Registries that are asked without TLS, such as `127.0.0.1:5000`.
    pub insecure: Vec<String>,
    /// Docker's `config.json` with credentials of registries; that of the server's user when not set.
    pub docker_config: Option<PathBuf>,
    /// Longest silence of a registry, in seconds.
    pub registry_timeout: u64,
    /// Longest pull of an image, in seconds.
    pub pull_timeout: u64,
    /// Size of a layer, uncompressed, in bytes.
    pub layer_size: u64,
    /// Size of all layers of an image, uncompressed, in bytes.
    pub image_size: u64,
    /// Size of all images together, in bytes.
    pub store_size: u64,
    /// Layers of an image.
    pub layers: usize,
    /// Files, directories and links of a layer.
    pub entries: u64,
    /// Directories above a file of a layer.
    pub depth: usize,
    /// How long to wait for the end of an activation's log, in milliseconds, when an image has not shown yet whether it
    /// marks it.
    pub log_grace: u64,
}

/// When an action's image is fetched from its registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// When none by its name is there.
    #[default]
    Missing,
    /// Before each start of an instance, to see whether its name means another image now.
    Always,
    /// Never: only what was pulled or imported by hand runs.
    Never,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directory: None,
            pull: Pull::Missing,
            registries: Vec::new(),
            insecure: Vec::new(),
            docker_config: None,
            registry_timeout: 30,
            pull_timeout: 900,
            layer_size: 8 << 30,
            image_size: 16 << 30,
            store_size: 64 << 30,
            layers: 127,
            entries: 500_000,
            depth: 64,
            log_grace: 1000,
        }
    }
}
