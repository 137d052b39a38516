use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::FileExt,
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::Sha256;

use crate::code::make_directories;

/// Bytes before the code in a file: its authentication.
const MAC: usize = 32;
/// What the secret is used for here: other uses have other keys.
const PURPOSE: &str = "compiled code";
/// Names of files that are being written begin with this.
const TEMPORARY: &str = ".";

/// Machine code in a file that nobody can change any more, not even who has it open.
#[derive(Debug)]
pub struct Compiled {
    file: File,
    /// Its bytes.
    pub size: u64,
    /// Whether it was made by an earlier process, perhaps for another engine.
    pub stored: bool,
}

impl Compiled {
    /// An empty file in memory, to be written to and then sealed.
    pub fn blank() -> io::Result<File> {
        // Without `EXEC` a machine may refuse to map it for execution; kernels that do not know the flag need none.
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let made = memfd_create(c"wisp-wasm", flags | MemfdFlags::EXEC).or_else(|_| memfd_create(c"wisp-wasm", flags));
        Ok(File::from(made?))
    }

    /// Seals a file that was written.
    pub fn seal(file: File, stored: bool) -> io::Result<Self> {
        fcntl_add_seals(
            &file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        let size = file.metadata()?.len();
        Ok(Self { file, size, stored })
    }

    /// The file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Compiled code on disk, by the digest of its source. What lies there is only believed if it was written by somebody
/// who knows the secret.
pub struct Vault {
    directory: PathBuf,
    key: Hmac<Sha256>,
    limit: u64,
    writes: AtomicU64,
}

impl Vault {
    /// The vault in a directory, which holds so many bytes at most.
    pub fn new(directory: PathBuf, secret: [u8; 32], limit: u64) -> Self {
        Self {
            directory,
            key: keyed(&keyed(&secret).chain_update(PURPOSE).finalize().into_bytes().into()),
            limit,
            writes: AtomicU64::new(0),
        }
    }

    /// What is stored under a digest; nothing if it is not there or not genuine.
    pub fn get(&self, digest: &str) -> Option<Compiled> {
        let path = self.path(digest);
        let found = self.read(digest, &path);
        match found {
            Ok(compiled) => Some(compiled),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled code is not used, and made anew");
                self.remove(digest);
                None
            }
        }
    }

    /// Stores what was compiled.
    pub fn put(&self, digest: &str, compiled: &Compiled) -> io::Result<()> {
        let mut code = vec![0; usize::try_from(compiled.size).map_err(io::Error::other)?];
        compiled.file.read_exact_at(&mut code, 0)?;
        make_directories(&self.directory)?;
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!("{TEMPORARY}{digest}.{number}"));
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(&self.mac(digest, &code).finalize().into_bytes())?;
            file.write_all(&code)?;
            file.sync_all()?;
            fs::rename(&temporary, self.path(digest))
        };
        let written = write();
        if written.is_err() {
            // What is left of it goes with the next eviction at the latest.
            let _ = fs::remove_file(&temporary);
        }
        self.evict();
        written
    }

    /// Forgets what is stored under a digest.
    pub fn remove(&self, digest: &str) {
        // It may never have been there.
        let _ = fs::remove_file(self.path(digest));
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.directory.join(digest)
    }

    /// Checks the very copy that will be executed: whoever changes the file afterwards is too late.
    fn read(&self, digest: &str, path: &Path) -> io::Result<Compiled> {
        let mut file = File::open(path)?;
        let mut expected = [0; MAC];
        file.read_exact(&mut expected)?;
        let mut code = Vec::new();
        file.read_to_end(&mut code)?;
        let genuine = self.mac(digest, &code).verify_slice(&expected);
        genuine.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it was not written by this platform"))?;
        // Used last now; a clock that cannot be set only makes eviction less fair.
        let _ = file.set_modified(SystemTime::now());
        let mut sealed = Compiled::blank()?;
        sealed.write_all(&code)?;
        Compiled::seal(sealed, true)
    }

    fn mac(&self, digest: &str, code: &[u8]) -> Hmac<Sha256> {
        self.key
            .clone()
            .chain_update(digest)
            .chain_update([0])
            .chain_update(code)
    }

    /// Removes what was used least recently until the rest fits.
    fn evict(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let facts = entry.metadata().ok()?;
                Some((facts.modified().ok()?, facts.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if bytes <= self.limit {
                return;
            }
            if fs::remove_file(&path).is_ok() {
                bytes -= size;
            }
        }
    }
}

/// The function of a key, which is filled up to a block with zeros (RFC 2104).
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn compiled(text: &[u8]) -> Compiled {
        let mut file = Compiled::blank().unwrap();
        file.write_all(text).unwrap();
        Compiled::seal(file, false).unwrap()
    }

    fn text(compiled: &Compiled) -> Vec<u8> {
        let mut text = vec![0; compiled.size as usize];
        compiled.file.read_exact_at(&mut text, 0).unwrap();
        text
    }

    #[test]
    fn only_what_was_stored_is_returned() {
        let directory = tempfile::tempdir().unwrap();
        let vault = |secret| Vault::new(directory.path().into(), [secret; 32], 1000);
        let own = vault(1);
        assert!(own.get("a").is_none());
        own.put("a", &compiled(b"code of a")).unwrap();
        own.put("b", &compiled(b"code of b")).unwrap();
        assert_eq!(text(&own.get("a").unwrap()), b"code of a");

        // Under another name.
        fs::copy(directory.path().join("a"), directory.path().join("b")).unwrap();
        assert!(own.get("b").is_none());
        // A bit of the code.
        let mut bytes = fs::read(directory.path().join("a")).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(directory.path().join("a"), &bytes).unwrap();
        assert!(own.get("a").is_none());
        // Shorter than its authentication.
        fs::write(directory.path().join("c"), b"short").unwrap();
        assert!(own.get("c").is_none());
        // Of somebody who does not know the secret.
        vault(2).put("a", &compiled(b"evil")).unwrap();
        assert!(own.get("a").is_none());
    }

    #[test]
    fn sealed_code_cannot_be_changed() {
        let compiled = compiled(b"code");
        assert!(compiled.file.write_at(b"evil", 0).is_err());
        assert!(compiled.file.set_len(0).is_err());
        assert_eq!(text(&compiled), b"code");
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let vault = Vault::new(directory.path().into(), [1; 32], 2 * (MAC as u64 + 4));
        for (age, digest) in [(3, "a"), (2, "b")] {
            vault.put(digest, &compiled(b"code")).unwrap();
            let file = File::options().write(true).open(directory.path().join(digest)).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age * 60))
                .unwrap();
        }
        assert!(vault.get("a").is_some());
        vault.put("c", &compiled(b"code")).unwrap();
        assert!(vault.get("b").is_none());
        assert!(vault.get("a").is_some() && vault.get("c").is_some());
    }
}
