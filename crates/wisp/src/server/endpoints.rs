use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::paths;

/// Where a running server can be reached, written into its data directory for tools and tests.
#[derive(Serialize)]
pub(super) struct Endpoints {
    pub pid: u32,
    pub http: String,
    pub https: Option<String>,
}

const FILE: &str = "endpoints.json";

impl Endpoints {
    pub fn write(&self, data: &Path) -> Result<()> {
        paths::write_private(&data.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    pub fn remove(data: &Path) {
        // It may never have been written.
        let _ = std::fs::remove_file(data.join(FILE));
    }
}
