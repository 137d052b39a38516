use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Config, make_directories};

/// Names of directories that are being filled or removed begin with this.
const TEMPORARY: &str = ".";

/// What an engine has compiled of code, for the next instance of the same code in the same namespace.
///
/// It comes from an instance of that very code, before its first run, and is only ever read by other instances of it in
/// the same namespace: nobody can put anything into what another namespace, or other code, is given.
#[derive(Debug)]
pub struct Compiled {
    directory: PathBuf,
    config: Config,
    /// Held while entries are added and removed.
    changing: Mutex<()>,
}

/// Whose compiled code it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The namespace that it runs in.
    pub namespace: &'a str,
    /// Digest of the code.
    pub digest: &'a str,
    /// What compiled it, with all that makes a difference to it: a name without slashes.
    pub engine: &'a str,
}

/// Compiled code as an instance hands it over: base64 by path.
type Handed = BTreeMap<String, String>;

impl Compiled {
    /// What was kept in a directory of its own.
    pub fn open(directory: PathBuf, config: Config) -> io::Result<Self> {
        make_directories(&directory)?;
        Ok(Self {
            directory,
            config,
            changing: Mutex::default(),
        })
    }

    /// Whether compiled code of this much code is worth keeping.
    pub fn pays(&self, code_size: u64) -> bool {
        self.config.compiled_size > 0 && code_size >= self.config.compiled_from
    }

    /// The most that an instance may hand over, in bytes as base64 in JSON.
    pub fn most(&self) -> u64 {
        self.config.compiled_entry_size / 3 * 4 + (1 << 20)
    }

    /// Where the owner's compiled code is, if there is any.
    pub fn find(&self, owner: &Owner<'_>) -> Option<PathBuf> {
        let path = self.path(owner);
        path.is_dir().then_some(path)
    }

    /// Keeps what an instance of the owner handed over; the oldest of others go to make room.
    pub fn keep(&self, owner: &Owner<'_>, handed: &[u8]) -> io::Result<()> {
        let handed: Handed = serde_json::from_slice(handed)?;
        let mut files = Vec::new();
        for (path, text) in &handed {
            let bytes = BASE64_STANDARD.decode(text).map_err(io::Error::other)?;
            files.push((checked(path)?, bytes));
        }
        let size: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        if files.is_empty() || size > self.config.compiled_entry_size {
            return Err(io::Error::other(format!("{} files of {size} bytes", files.len())));
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(owner);
        if path.exists() {
            return Ok(());
        }
        self.make_room(size)?;
        let temporary = self.temporary(&path);
        let written = write(&temporary, &files).and_then(|()| fs::rename(&temporary, &path));
        written.inspect_err(|_| drop(fs::remove_dir_all(&temporary)))
    }

    fn make_room(&self, size: u64) -> io::Result<()> {
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            kept.push((entry.metadata()?.modified()?, bytes_below(&entry.path()), entry.path()));
        }
        kept.sort();
        let mut total: u64 = size + kept.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
        for (_, bytes, path) in kept {
            if total <= self.config.compiled_size {
                break;
            }
            // Renamed first, so that nobody is given half of it.
            let doomed = self.temporary(&path);
            fs::rename(&path, &doomed).and_then(|()| fs::remove_dir_all(&doomed))?;
            total -= bytes;
        }
        Ok(())
    }

    fn path(&self, owner: &Owner<'_>) -> PathBuf {
        // Namespaces may have any letters: as digits they cannot be mistaken for one another, nor for a path.
        let namespace: String = owner.namespace.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.directory
            .join(format!("{namespace}-{}-{}", owner.engine, owner.digest))
    }

    fn temporary(&self, path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.directory.join(format!("{TEMPORARY}{name}"))
    }
}

/// A relative path of plain names.
fn checked(path: &str) -> io::Result<&str> {
    let plain = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    match path.split('/').count() <= 3 && path.split('/').all(plain) {
        true => Ok(path),
        false => Err(io::Error::other(format!("{path:?} is no path of compiled code"))),
    }
}

fn write(directory: &Path, files: &[(&str, Vec<u8>)]) -> io::Result<()> {
    let _ = fs::remove_dir_all(directory);
    for (path, bytes) in files {
        let path = directory.join(path);
        path.parent().map_or(Ok(()), make_directories)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else {
        return fs::metadata(path).map_or(0, |file| file.len());
    };
    entries.flatten().map(|entry| bytes_below(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn compiled(size: u64) -> (tempfile::TempDir, Compiled) {
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            compiled_size: size,
            compiled_entry_size: 100,
            ..Config::default()
        };
        let compiled = Compiled::open(directory.path().join("compiled"), config).unwrap();
        (directory, compiled)
    }

    fn owner(namespace: &'static str) -> Owner<'static> {
        Owner {
            namespace,
            digest: "abc",
            engine: "node-22",
        }
    }

    fn handed(path: &str, size: usize) -> Vec<u8> {
        serde_json::to_vec(&Handed::from([(
            path.to_owned(),
            BASE64_STANDARD.encode(vec![7; size]),
        )]))
        .unwrap()
    }

    #[test]
    fn each_namespace_finds_its_own_only() {
        let (_kept, compiled) = compiled(1000);
        compiled.keep(&owner("guest"), &handed("v22/x.cache", 50)).unwrap();
        let found = compiled.find(&owner("guest")).unwrap();
        assert_eq!(fs::read(found.join("v22/x.cache")).unwrap(), [7; 50]);
        for other in ["gues", "guest-node", "../guest", "guest/", ""] {
            assert_eq!(compiled.find(&owner(other)), None, "{other}");
        }
        // What is there stays as it was first.
        compiled.keep(&owner("guest"), &handed("v22/x.cache", 3)).unwrap();
        assert_eq!(fs::read(found.join("v22/x.cache")).unwrap(), [7; 50]);
    }

    #[test]
    fn what_no_launcher_hands_over_is_refused() {
        let (directory, compiled) = compiled(1000);
        for path in ["../x", "/etc/x", "a/../../x", "", "a//b", ".x", "a/b/c/d", "a\0b"] {
            assert!(compiled.keep(&owner("guest"), &handed(path, 1)).is_err(), "{path}");
        }
        assert!(compiled.keep(&owner("guest"), &handed("large", 101)).is_err());
        for text in ["", "[]", "{}", r#"{"a":"?"}"#, r#"{"a":1}"#] {
            assert!(compiled.keep(&owner("guest"), text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(bytes_below(directory.path()), 0);
        assert_eq!(compiled.find(&owner("guest")), None);
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let (directory, compiled) = compiled(120);
        for namespace in ["one", "two", "three"] {
            compiled.keep(&owner(namespace), &handed("x", 50)).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(compiled.find(&owner("one")), None);
        assert!(compiled.find(&owner("two")).is_some() && compiled.find(&owner("three")).is_some());
        assert_eq!(bytes_below(directory.path()), 100);
    }
}
