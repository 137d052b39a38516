//! The packages that every Node function can `require`: OpenWhisk's runtime brings them, so functions count on them.

use std::path::Path;

use wisp_core::Result;

use super::super::npm;

const FILES: &[(&str, &str)] = &[
    ("install.sh", include_str!("packages/install.sh")),
    ("package.json", include_str!("packages/package.json")),
    ("package-lock.json", include_str!("packages/package-lock.json")),
];

/// Installs the packages with `npm` into `target`, a `node_modules` directory that is made or replaced. A server finds
/// them when it starts.
pub fn install(target: &Path) -> Result<()> {
    npm::install("the packages", FILES, target)
}
