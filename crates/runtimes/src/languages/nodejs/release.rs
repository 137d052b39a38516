//! Releases of Node.js beside the machine's own: each major version is a kind of its own.

use std::path::Path;

use wisp_core::Result;

use super::super::npm;

/// Installs the newest release of a major version with `npm` into `target`, a directory that is made or replaced. A
/// server finds it below its data directory when it starts, as `interpreters/nodejs-<major>`.
pub fn install(target: &Path, major: u32) -> Result<()> {
    let files = [
        ("install.sh", include_str!("release/install.sh")),
        ("major", &major.to_string()),
    ];
    npm::install(&format!("Node.js {major}"), &files, target)
}
