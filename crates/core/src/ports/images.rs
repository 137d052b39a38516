use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A container image on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its names, such as `docker.io/library/hello:latest`.
    pub names: Vec<String>,
    /// SHA-256 of its configuration, in lower-case hexadecimal.
    pub id: String,
    /// Size of its unpacked layers, in bytes.
    pub size: u64,
    /// SHA-256 of each layer's uncompressed archive; the lowest first.
    pub layers: Vec<String>,
    /// What it starts, arguments included.
    pub command: Vec<String>,
    /// Its environment, `NAME=value`.
    pub environment: Vec<String>,
    /// Its working directory.
    pub directory: String,
    /// Its user, as the image names it; empty for root.
    pub user: String,
}

/// What an imported file does not say of the image in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOptions {
    /// Its name; required when the file has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it starts, instead of what the file says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// More environment, `NAME=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
}

/// The container images of this machine.
///
/// * What is stored was checked: every digest matches, nothing was written outside its own directory, limits held.
/// * A name means one image; another one by the same name takes it over.
/// * An image that runs stays whole until its last instance has ended, deleted or not.
#[async_trait]
pub trait Images: Send + Sync {
    /// All of them, by name.
    async fn list(&self) -> Result<Vec<Image>>;

    /// The image of a name.
    async fn get(&self, name: &str) -> Result<Image>;

    /// Takes a name away, and with the last one the image.
    async fn delete(&self, name: &str) -> Result<Image>;

    /// Fetches an image from its registry, even if one by this name is there.
    async fn pull(&self, name: &str) -> Result<Image>;

    /// Takes images from a file or directory of this machine: what `docker save` writes, an OCI layout, or an archive of
    /// a root file system.
    async fn import(&self, path: &Path, options: &ImportOptions) -> Result<Vec<Image>>;
}
