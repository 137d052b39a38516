use std::{
    collections::HashSet,
    fs::{self, DirEntry, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use wisp_core::{Code, Error, Result, ports::Blobs};

use super::{
    blocking,
    directory::{Directory, TEMPORARY, write_durably},
    error,
};
use crate::digest::{digest, is_digest};

/// What is read at once if it is in memory, in bytes.
const SMALL: usize = 64 << 10;

/// Blobs as files, each named by its digest, below a folder of its first two digits.
pub(super) struct Files(Arc<Inner>);

struct Inner {
    directory: Arc<Directory>,
    root: PathBuf,
    /// A put that finds its blob makes it young again; a sweep must not remove it between the two.
    changing: Mutex<()>,
}

impl Files {
    /// Makes the folder if need be, and removes what a crash left unfinished.
    pub fn open(directory: Arc<Directory>) -> Result<Self> {
        let root = directory.blobs();
        fs::create_dir_all(&root).map_err(|cause| error::file("make", &root, cause))?;
        for entry in files(&root)? {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                remove(&entry.path())?;
            }
        }
        Ok(Self(Arc::new(Inner {
            directory,
            root,
            changing: Mutex::new(()),
        })))
    }
}

impl Inner {
    fn path(&self, digest: &str) -> PathBuf {
        self.root.join(&digest[..2]).join(digest)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, bytes: &[u8]) -> Result<String> {
        let digest = digest(bytes);
        let path = self.path(&digest);
        let _changing = self.changing();
        // Compared, not trusted: a damaged file is healed by putting its bytes again.
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return refresh(&path)
                .map(|()| digest)
                .map_err(|cause| error::file("touch", &path, cause));
        }
        self.directory.check_space()?;
        let folder = self.root.join(&digest[..2]);
        if !folder.is_dir() {
            let made = fs::create_dir(&folder).and_then(|()| File::open(&self.root)?.sync_all());
            made.map_err(|cause| error::file("make", &folder, cause))?;
        }
        write_durably(&path, bytes)?;
        Ok(digest)
    }

    fn get(&self, wanted: &str) -> Result<Option<Bytes>> {
        let path = self.path(wanted);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(error::file("read", &path, cause)),
        };
        if digest(&bytes) != wanted {
            let message = format!("{} does not hold the bytes that its name promises", path.display());
            return Err(Error::new(Code::Corrupted, message).with("remedy", "upload the code again"));
        }
        Ok(Some(bytes.into()))
    }

    /// A small, undamaged blob that the kernel has in memory.
    fn get_at_once(&self, wanted: &str) -> Option<Bytes> {
        let bytes = read_at_once(&self.path(wanted)).ok()?;
        (bytes.len() <= SMALL && digest(&bytes) == wanted).then(|| bytes.into())
    }

    fn sweep(&self, keep: &HashSet<String>, grace: Duration) -> Result<u64> {
        let mut removed = 0;
        for entry in files(&self.root)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !is_digest(&name) || keep.contains(&name) {
                continue;
            }
            let path = entry.path();
            let _changing = self.changing();
            let age = fs::metadata(&path).and_then(|file| file.modified());
            let age = age.map_err(|cause| error::file("look at", &path, cause))?.elapsed();
            // A file from the future has no age.
            if age.unwrap_or_default() >= grace {
                remove(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Reads the beginning of a file without waiting for a disk: up to a byte more than what is small.
fn read_at_once(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = vec![0; SMALL + 1];
    let flags = rustix::io::ReadWriteFlags::NOWAIT;
    let count = rustix::io::preadv2(&file, &mut [std::io::IoSliceMut::new(&mut bytes)], 0, flags)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// Makes a file young again, and durable, which it is not if the put that wrote it was cut short.
fn refresh(path: &Path) -> std::io::Result<()> {
    let file = File::options().append(true).open(path)?;
    file.set_modified(SystemTime::now())?;
    file.sync_all()?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// All files below the folders of `root`.
fn files(root: &Path) -> Result<Vec<DirEntry>> {
    let list = |folder: &Path| fs::read_dir(folder)?.collect::<std::io::Result<Vec<DirEntry>>>();
    let mut files = Vec::new();
    for folder in list(root).map_err(|cause| error::file("list", root, cause))? {
        if folder.path().is_dir() {
            files.extend(list(&folder.path()).map_err(|cause| error::file("list", &folder.path(), cause))?);
        }
    }
    Ok(files)
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|cause| error::file("remove", path, cause))
}

#[async_trait]
impl Blobs for Files {
    async fn put(&self, bytes: Bytes) -> Result<String> {
        let files = self.0.clone();
        blocking(move || files.put(&bytes)).await
    }

    async fn get(&self, digest: &str) -> Result<Option<Bytes>> {
        if !is_digest(digest) {
            return Ok(None);
        }
        // A cold start waits for its code: handing a read from memory to another thread would cost more than the read.
        if let Some(bytes) = self.0.get_at_once(digest) {
            return Ok(Some(bytes));
        }
        let (files, digest) = (self.0.clone(), digest.to_owned());
        blocking(move || files.get(&digest)).await
    }

    async fn sweep(&self, keep: &HashSet<String>, grace_seconds: u64) -> Result<u64> {
        let (files, keep) = (self.0.clone(), keep.clone());
        blocking(move || files.sweep(&keep, Duration::from_secs(grace_seconds))).await
    }
}
