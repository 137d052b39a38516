use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wisp_core::ports::ImportOptions;

/// A request to fetch an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePull {
    /// Its name.
    pub name: String,
}

/// A request to take images from a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageImport {
    /// The file or directory, on the server's machine; absolute.
    pub path: PathBuf,
    /// What it does not say itself.
    #[serde(flatten)]
    pub options: ImportOptions,
}
