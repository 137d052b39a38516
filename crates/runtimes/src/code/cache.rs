use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{sync::OnceCell, task::spawn_blocking};
use wisp_core::{Code as ErrorCode, Error, Result, model::CodeRef, ports::Blobs};

use super::{Config, make_directories, unpack::unpack};

/// Names of directories that are being filled or removed begin with this.
const TEMPORARY: &str = ".";

/// Code as an instance needs it.
#[derive(Clone, Debug)]
pub enum Code {
    /// The text of a source file.
    Text(String),
    /// A directory.
    Directory(Lease),
}

/// A directory of unpacked code; it is not removed while somebody holds this.
#[derive(Clone, Debug)]
pub struct Lease(Arc<Unpacked>);

#[derive(Debug)]
struct Unpacked {
    path: PathBuf,
    bytes: u64,
}

impl Lease {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

/// Unpacks blobs once, and keeps the results within a limit.
pub struct Cache {
    blobs: Arc<dyn Blobs>,
    directory: PathBuf,
    config: Config,
    entries: Mutex<HashMap<String, Entry>>,
    uses: AtomicU64,
}

#[derive(Default)]
struct Entry {
    unpacked: Arc<OnceCell<Lease>>,
    used: u64,
}

impl Cache {
    /// A cache in a directory of its own; what an earlier process left there is removed.
    pub fn open(blobs: Arc<dyn Blobs>, directory: PathBuf, config: Config) -> Result<Self> {
        let empty = || match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => make_directories(&directory),
        };
        empty().map_err(|error| storage(&directory, error))?;
        Ok(Self {
            blobs,
            directory,
            config,
            entries: Mutex::default(),
            uses: AtomicU64::new(0),
        })
    }

    /// The code as its language wants it: text as text, a binary unpacked.
    ///
    /// Fails with [`BadRequest`](ErrorCode::BadRequest) or [`TooLarge`](ErrorCode::TooLarge) if the user's code is at
    /// fault, with other codes if the platform is.
    pub async fn materialise(&self, code: &CodeRef) -> Result<Code> {
        if code.binary {
            return self.program(code).await;
        }
        let text = String::from_utf8(self.blob(&code.digest).await?.into());
        text.map(Code::Text)
            .map_err(|error| Error::bad_request("The code is not UTF-8 text.").because(error))
    }

    /// The code as a directory: an archive unpacked, anything else as the file `exec` in it.
    pub async fn program(&self, code: &CodeRef) -> Result<Code> {
        let unpacked = self.entry(&code.digest);
        let lease = unpacked.get_or_try_init(|| self.unpack(&code.digest)).await?.clone();
        self.evict();
        Ok(Code::Directory(lease))
    }

    /// The code as it was sent: text, or base64.
    pub async fn sent(&self, code: &CodeRef) -> Result<String> {
        let bytes = self.blob(&code.digest).await?;
        if code.binary {
            return Ok(BASE64_STANDARD.encode(bytes));
        }
        let text = String::from_utf8(bytes.into());
        text.map_err(|error| Error::bad_request("The code is not UTF-8 text.").because(error))
    }

    async fn blob(&self, digest: &str) -> Result<bytes::Bytes> {
        let missing = || Error::new(ErrorCode::Corrupted, format!("The code {digest} is not in the store."));
        self.blobs.get(digest).await?.ok_or_else(missing)
    }

    async fn unpack(&self, digest: &str) -> Result<Lease> {
        let code = self.blob(digest).await?;
        let path = self.directory.join(digest);
        let temporary = self.temporary(digest);
        let config = self.config.clone();
        let work = move || {
            make_directories(&temporary).map_err(|error| storage(&temporary, error))?;
            let unpacked = unpack(&code, &temporary, &config).and_then(|bytes| {
                fs::rename(&temporary, &path).map_err(|error| storage(&path, error))?;
                Ok(Lease(Arc::new(Unpacked { path, bytes })))
            });
            if unpacked.is_err() {
                remove(&temporary);
            }
            unpacked
        };
        spawn_blocking(work)
            .await
            .map_err(|error| Error::internal("Unpacking code was cut off.").because(error))?
    }

    /// Removes what was used least recently, and is not in use, until the rest fits.
    fn evict(&self) {
        let mut entries = self.entries();
        // Code that could not be unpacked, and that nobody waits for any more.
        entries.retain(|_, entry| entry.bytes().is_some() || Arc::strong_count(&entry.unpacked) > 1);
        let mut bytes: u64 = entries.values().filter_map(Entry::bytes).sum();
        while bytes > self.config.cache_size {
            let idle = entries
                .iter()
                .filter(|(_, entry)| entry.is_idle())
                .min_by_key(|(_, entry)| entry.used);
            let Some(digest) = idle.map(|(digest, _)| digest.clone()) else {
                return;
            };
            bytes -= entries.remove(&digest).as_ref().and_then(Entry::bytes).unwrap_or(0);
            // Renamed while the table is locked, so that unpacking it anew does not meet it.
            let doomed = self.temporary(&digest);
            if fs::rename(self.directory.join(&digest), &doomed).is_ok() {
                drop(spawn_blocking(move || remove(&doomed)));
            }
        }
    }

    fn entry(&self, digest: &str) -> Arc<OnceCell<Lease>> {
        let mut entries = self.entries();
        let entry = entries.entry(digest.to_owned()).or_default();
        entry.used = self.uses.fetch_add(1, Ordering::Relaxed);
        entry.unpacked.clone()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn temporary(&self, digest: &str) -> PathBuf {
        self.directory.join(format!(
            "{TEMPORARY}{digest}.{}",
            self.uses.fetch_add(1, Ordering::Relaxed)
        ))
    }
}

impl Entry {
    fn bytes(&self) -> Option<u64> {
        self.unpacked.get().map(|lease| lease.0.bytes)
    }

    /// Whether it is unpacked, and nobody but the cache holds it.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.unpacked) == 1
            && self
                .unpacked
                .get()
                .is_some_and(|lease| Arc::strong_count(&lease.0) == 1)
    }
}

fn remove(directory: &Path) {
    if let Err(error) = fs::remove_dir_all(directory) {
        tracing::warn!(directory = %directory.display(), %error, "unpacked code could not be removed");
    }
}

fn storage(path: &Path, error: io::Error) -> Error {
    Error::new(
        ErrorCode::Storage,
        format!("The cache of unpacked code cannot use {}.", path.display()),
    )
    .because(error)
}
