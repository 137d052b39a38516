use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use wisp_core::{Code, Error, Result};

use super::error;

/// Version of the layout that this program writes. It reads no later one.
const FORMAT: u32 = 1;
/// Free space beyond the reserve, in bytes, that no disk fills within [`LOOK_AGAIN`].
const PLENTY: u64 = 1 << 30;
/// How long a disk with plenty of space is not looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The data directory, held for this process alone.
pub(super) struct Directory {
    root: PathBuf,
    reserve: u64,
    opened: Instant,
    /// Milliseconds after `opened` until which there is certainly room.
    plenty_until: AtomicU64,
    /// The kernel gives the lock back when the file is closed, however the process ends.
    _lock: File,
}

impl Directory {
    /// Makes the directory if need be, locks it, and checks the version of its layout. `reserve` is in MB.
    pub fn open(root: &Path, reserve: u64) -> Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(root);
        made.map_err(|cause| error::file("make the data directory", root, cause))?;
        let lock = lock(root)?;
        let directory = Self {
            root: root.to_owned(),
            reserve: reserve << 20,
            opened: Instant::now(),
            plenty_until: AtomicU64::new(0),
            _lock: lock,
        };
        directory.check_format()?;
        Ok(directory)
    }

    /// Where fjall's files are.
    pub fn database(&self) -> PathBuf {
        self.root.join("database")
    }

    /// Where blobs are.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Refuses when the disk has less free space than is to be left. While there is plenty, it looks only now and then.
    pub fn check_space(&self) -> Result<()> {
        let now = self.opened.elapsed();
        if now < Duration::from_millis(self.plenty_until.load(Ordering::Relaxed)) {
            return Ok(());
        }
        let stat = rustix::fs::statvfs(&self.root);
        let stat = stat.map_err(|cause| error::file("look at the disk of", &self.root, cause.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free >= self.reserve.saturating_add(PLENTY) {
            let until = (now + LOOK_AGAIN).as_millis();
            self.plenty_until
                .store(u64::try_from(until).unwrap_or(0), Ordering::Relaxed);
        }
        if free >= self.reserve {
            return Ok(());
        }
        let (free, reserve, root) = (free >> 20, self.reserve >> 20, self.root.display());
        let message = format!("the disk of {root} is full: {free} MB free, and {reserve} MB must stay free");
        let remedy = "free some space, shorten the retention, or lower store.reserve";
        Err(Error::new(Code::Storage, message).with("remedy", remedy))
    }

    fn check_format(&self) -> Result<()> {
        let path = self.root.join("format");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && !self.database().exists() => {
                return write_durably(&path, format!("{FORMAT}\n").as_bytes());
            }
            Err(cause) => return Err(error::file("read", &path, cause)),
        };
        match text.trim().parse::<u32>() {
            Ok(version) if version <= FORMAT => Ok(()),
            Ok(version) => Err(Error::new(
                Code::Config,
                format!(
                    "the data directory {} has format {version}, of a later Wisp; this one reads formats up to {FORMAT}",
                    self.root.display()
                ),
            )
            .with("remedy", "start the later version, or choose another data directory")),
            Err(_) => {
                let path = path.display();
                Err(Error::new(Code::Corrupted, format!("{path} says '{}' where a number belongs", text.trim())))
            }
        }
    }
}

fn lock(root: &Path) -> Result<File> {
    let path = root.join("lock");
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let mut file = file.map_err(|cause| error::file("open", &path, cause))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(root, &mut file)),
        Err(TryLockError::Error(cause)) => return Err(error::file("lock", &path, cause)),
    }
    // Says who holds it; only for the message of others, so that it need not be durable.
    let noted = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    noted.map_err(|cause| error::file("write", &path, cause))?;
    Ok(file)
}

fn locked(root: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    let known = file.rewind().and_then(|()| file.read_to_string(&mut holder)).is_ok() && !holder.is_empty();
    let who = if known {
        format!("the process {holder}")
    } else {
        "another process".into()
    };
    let message = format!("the data directory {} is in use by {who}", root.display());
    Error::new(Code::Locked, message).with("remedy", "stop that server, or choose another data directory")
}

/// Writes a file so that it is there whole or not at all, also after power loss.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|cause| error::file("write", path, cause))
}

/// How names of files begin that are not whole yet; what a crash left of them may be removed.
pub(super) const TEMPORARY: &str = ".new-";
