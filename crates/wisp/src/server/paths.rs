use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use etcetera::BaseStrategy;

use super::Settings;
use crate::cli;

/// The data directory: as set, or `wisp` in the user's data directory (`~/.local/share/wisp`).
pub(crate) fn data(settings: &Settings) -> Result<PathBuf> {
    let data = settings.data.clone().or_else(cli::data_directory);
    let data = data.context("there is no home directory: say where the data is with --data DIRECTORY")?;
    Ok(std::path::absolute(data)?)
}

/// The secret that seals callers' keys: as set, or in the user's configuration directory, apart from the data.
pub(super) fn secret(settings: &Settings) -> Result<PathBuf> {
    if let Some(secret) = &settings.secret {
        return Ok(secret.clone());
    }
    let user = etcetera::choose_base_strategy().context("there is no home directory: set HOME, or `secret`")?;
    Ok(user.config_dir().join("wisp/secret"))
}

/// The file that tells the CLI the guest's key.
pub(super) fn wskprops(settings: &Settings, data: &Path) -> PathBuf {
    settings.wskprops.clone().unwrap_or_else(|| data.join("wskprops"))
}

/// Makes a directory that only its owner may enter, if it is not there.
pub(super) fn make_private(directory: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| {
        let place = directory.display();
        format!("cannot make the data directory {place}: name another one with --data, or make it writable")
    })
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(directory)?;
        let partial = path.with_extension("partial");
        // A partial file that a crash left may have other rights.
        let _ = std::fs::remove_file(&partial);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
