//! workerd, from its npm package.

use std::path::Path;

use wisp_core::Result;

use super::super::npm;

const FILES: &[(&str, &str)] = &[
    ("install.sh", include_str!("package/install.sh")),
    ("package.json", include_str!("package/package.json")),
    ("package-lock.json", include_str!("package/package-lock.json")),
];

/// Installs the program with `npm` into `target`, a directory that is made or replaced. A server finds it when it
/// starts.
pub fn install(target: &Path) -> Result<()> {
    npm::install("workerd", FILES, target)
}
