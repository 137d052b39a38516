use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use wisp_core::{Code, Error, Result};
use zip::ZipArchive;

use super::{Config, format::Format, tree::Tree};

/// Longest target of a symbolic link, in bytes.
const LINK: u64 = 4096;
/// Longest extension of a tar header, such as a long name, in bytes: the library holds it in memory.
const EXTENSION: u64 = 64 << 10;

/// Unpacks code into an existing, empty directory; returns its size in bytes.
pub fn unpack(code: &[u8], directory: &Path, limits: &Config) -> Result<u64> {
    let mut tree = Tree::new(directory.to_owned(), limits, code.len() as u64);
    match Format::of(code) {
        Some(Format::Zip) => zip(code, &mut tree)?,
        Some(Format::TarGz) => tar_gz(code, &mut tree)?,
        Some(Format::Program) => tree.file("exec", true, code)?,
        None => {
            return Err(Error::bad_request(
                "The code is neither a zip or tar.gz archive, nor an ELF program, nor a script that begins with #!, nor WebAssembly.",
            ));
        }
    }
    tree.finish()
}

fn zip(code: &[u8], tree: &mut Tree<'_>) -> Result<()> {
    let damaged = |error| Error::bad_request("There was an error uncompressing the action archive.").because(error);
    let mut archive = ZipArchive::new(Cursor::new(code)).map_err(damaged)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        if entry.is_dir() {
            tree.directory(&name)?;
        } else if entry.is_symlink() {
            let mut target = String::new();
            entry
                .take(LINK)
                .read_to_string(&mut target)
                .map_err(|error| damaged(error.into()))?;
            tree.link(&name, Path::new(&target))?;
        } else {
            let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
            tree.file(&name, executable, entry)?;
        }
    }
    Ok(())
}

fn tar_gz(code: &[u8], tree: &mut Tree<'_>) -> Result<()> {
    let damaged = |error| Error::bad_request("There was an error uncompressing the action archive.").because(error);
    let mut headers = tar::Archive::new(GzDecoder::new(code));
    for entry in headers.entries().map_err(damaged)?.raw(true) {
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_dir() || kind.is_symlink()) && entry.size() > EXTENSION {
            let message = format!(
                "The archive has a header of {} bytes; {EXTENSION} are allowed.",
                entry.size()
            );
            return Err(Error::new(Code::TooLarge, message));
        }
    }
    let mut archive = tar::Archive::new(GzDecoder::new(code));
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            tree.directory(&name)?;
        } else if kind.is_file() {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
            tree.file(&name, executable, entry)?;
        } else if kind.is_symlink() {
            let target = entry
                .link_name()
                .map_err(damaged)?
                .map(PathBuf::from)
                .unwrap_or_default();
            tree.link(&name, &target)?;
        } else if !kind.is_pax_global_extensions() {
            return Err(Error::bad_request(format!(
                "The archive's entry '{name}' is neither file, directory nor link."
            )));
        }
    }
    Ok(())
}
