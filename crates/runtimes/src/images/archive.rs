use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
};

use sha2::{Digest, Sha256};
use wisp_core::{Code, Error, Result};

use super::expand::storage;

/// Longest manifest or configuration, in bytes.
pub const DOCUMENT: u64 = 8 << 20;
/// Most files of an archive of images.
const ENTRIES: usize = 100_000;

/// The files of an exported image: a directory, or an uncompressed archive that is read in place.
pub enum Archive {
    /// A directory.
    Directory(PathBuf),
    /// An archive, and where in it each file is.
    File(File, HashMap<PathBuf, Entry>),
}

/// A file of an archive.
pub enum Entry {
    /// Its content.
    Content {
        /// Where it begins, in bytes.
        offset: u64,
        /// Its size, in bytes.
        size: u64,
    },
    /// The file that it stands for.
    Link(PathBuf),
}

impl Archive {
    /// Looks through an uncompressed archive.
    pub fn open(mut file: File) -> Result<Self> {
        file.rewind().map_err(storage)?;
        let mut entries = HashMap::new();
        let mut archive = tar::Archive::new(&file);
        for entry in archive.entries_with_seek().map_err(damaged)?.raw(true) {
            let entry = entry.map_err(damaged)?;
            let path = tidy(&PathBuf::from(
                String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
            ));
            let kind = entry.header().entry_type();
            if kind.is_file() {
                let (offset, size) = (entry.raw_file_position(), entry.size());
                entries.insert(path, Entry::Content { offset, size });
            } else if kind.is_symlink() {
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = PathBuf::from(String::from_utf8_lossy(&target).into_owned());
                let beside = path.parent().unwrap_or(Path::new("")).join(target);
                entries.insert(path, Entry::Link(tidy(&beside)));
            }
            if entries.len() > ENTRIES {
                // More than images have: a root file system, which is unpacked otherwise.
                break;
            }
        }
        Ok(Self::File(file, entries))
    }

    /// Whether it has a file.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Archive::Directory(directory) => directory.join(name).is_file(),
            Archive::File(_, entries) => entries.contains_key(Path::new(name)),
        }
    }

    /// A document of it, whole.
    pub fn document(&self, name: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.reader(name)?.take(DOCUMENT + 1).read_to_end(&mut bytes);
        read.map_err(damaged)?;
        if bytes.len() as u64 > DOCUMENT {
            return Err(Error::new(
                Code::TooLarge,
                format!("'{name}' of the image has more than {DOCUMENT} bytes."),
            ));
        }
        Ok(bytes)
    }

    /// The content of a file of it.
    pub fn reader(&self, name: &str) -> Result<Box<dyn Read + '_>> {
        let path = tidy(Path::new(name));
        let missing = || Error::bad_request(format!("The image is not whole: '{name}' is missing."));
        match self {
            Archive::Directory(directory) => {
                let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
                let file = File::options()
                    .read(true)
                    .custom_flags(flags.bits().cast_signed())
                    .open(directory.join(path));
                Ok(Box::new(file.map_err(|error| missing().because(error))?))
            }
            Archive::File(file, entries) => {
                let entry = match entries.get(&path) {
                    Some(Entry::Link(target)) => entries.get(target),
                    entry => entry,
                };
                let Some(Entry::Content { offset, size }) = entry else {
                    return Err(missing());
                };
                let mut file = file;
                file.seek(SeekFrom::Start(*offset)).map_err(storage)?;
                Ok(Box::new(file.take(*size)))
            }
        }
    }
}

/// A path without `.` and `..`, relative to the archive.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => tidied.push(part),
            Component::ParentDir => drop(tidied.pop()),
            _ => {}
        }
    }
    tidied
}

/// The digest of a document, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

fn damaged(error: io::Error) -> Error {
    Error::bad_request(format!("The image's archive is damaged: {error}.")).because(error)
}
