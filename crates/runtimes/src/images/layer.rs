use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, XattrFlags},
    io::Errno,
};
use wisp_core::{Code, Error, Result};

use super::{Config, expand::storage};

/// What names in a layer's archive begin with that take something away from the layers below.
const WHITEOUT: &[u8] = b".wh.";
/// Names of the same kind that take nothing away.
const RESERVED: &[u8] = b".wh..wh.";
/// Takes away all that its directory has in the layers below.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// How overlayfs, mounted by root or by others, says the same.
const OPAQUE_ATTRIBUTES: [&str; 2] = ["trusted.overlay.opaque", "user.overlay.opaque"];
/// Longest header of an archive's entry that is not a file, such as a long name, in bytes: the library holds it in
/// memory.
const EXTENSION: u64 = 64 << 10;
/// Longest target of a symbolic link, as in the kernel.
const LINK: usize = 4095;
/// Paths in a layer are looked up within its directory, and not through any link.
const WITHIN: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

/// Unpacks a layer's uncompressed archive into an existing, empty directory, in overlayfs' form; returns its size in
/// bytes.
pub fn unpack(archive: &mut File, directory: &Path, limits: &Config) -> Result<u64> {
    check_headers(archive)?;
    archive.rewind().map_err(storage)?;
    let mut layer = Layer::open(directory, limits)?;
    let mut entries = tar::Archive::new(io::BufReader::with_capacity(128 << 10, archive));
    for entry in entries.entries().map_err(damaged)? {
        layer.add(entry.map_err(damaged)?)?;
    }
    layer.finish()
}

/// Refuses an archive with long headers, before the library reads them.
fn check_headers(archive: &mut File) -> Result<()> {
    archive.rewind().map_err(storage)?;
    let mut headers = tar::Archive::new(archive);
    for entry in headers.entries_with_seek().map_err(damaged)?.raw(true) {
        let entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_gnu_sparse() || kind.is_contiguous()) && entry.size() > EXTENSION {
            let size = entry.size();
            return Err(Error::new(
                Code::TooLarge,
                format!("The layer has a header of {size} bytes; {EXTENSION} are allowed."),
            ));
        }
    }
    Ok(())
}

/// A layer that is being unpacked.
struct Layer<'a> {
    root: OwnedFd,
    limits: &'a Config,
    opaque: &'static str,
    entries: u64,
    bytes: u64,
    /// Directories get their modes at the end: before, more is put into them.
    modes: Vec<(PathBuf, Mode)>,
    /// The directory of the last entry.
    last: Option<(PathBuf, OwnedFd)>,
}

impl<'a> Layer<'a> {
    fn open(directory: &Path, limits: &'a Config) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, directory, flags, Mode::empty());
        let root = root.map_err(|error| storage(error.into()))?;
        let [by_root, by_others] = OPAQUE_ATTRIBUTES;
        let opaque = if rustix::process::geteuid().is_root() {
            by_root
        } else {
            by_others
        };
        Ok(Self {
            root,
            limits,
            opaque,
            entries: 0,
            bytes: 0,
            modes: Vec::new(),
            last: None,
        })
    }

    fn add(&mut self, entry: tar::Entry<'_, impl Read>) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let most = self.limits.entries;
            return Err(
                Error::new(Code::TooLarge, format!("The layer has more than {most} entries."))
                    .with("setting", "images.entries"),
            );
        }
        let path = self.inside(&entry.path_bytes())?;
        let Some(name) = path.file_name().map(OsStr::to_owned) else {
            return Ok(());
        };
        let parent = self.parent(path.parent().unwrap_or(Path::new("")))?;
        let made = match name.as_bytes().strip_prefix(WHITEOUT) {
            Some(_) if name.as_bytes() == OPAQUE => self.make_opaque(&parent),
            Some(_) if name.as_bytes().starts_with(RESERVED) => Ok(()),
            Some(hidden) => white_out(&parent, OsStr::from_bytes(hidden)),
            None => self.make(entry, &path, &parent, &name),
        };
        self.last = Some((path.parent().unwrap_or(Path::new("")).to_owned(), parent));
        made.map_err(|error| failed(&path, error))
    }

    fn make(
        &mut self,
        entry: tar::Entry<'_, impl Read>,
        path: &Path,
        parent: &OwnedFd,
        name: &OsStr,
    ) -> io::Result<()> {
        let header = entry.header();
        let kind = header.entry_type();
        // Who may do what in an image is its one user's affair; nobody on the host becomes somebody else by it.
        let mode = Mode::from_raw_mode(header.mode().unwrap_or(0o755) & 0o1777);
        if kind.is_dir() {
            self.modes.push((path.to_owned(), mode));
            return make_directory(parent, name);
        }
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            return match kind.is_symlink() {
                true if target.is_empty() || target.len() > LINK => Err(io::ErrorKind::InvalidInput.into()),
                true => replacing(parent, name, || rustix::fs::symlinkat(&*target, parent, name)),
                false => self.link(&target, parent, name),
            };
        }
        if kind.is_file() || kind.is_gnu_sparse() || kind.is_contiguous() {
            let time = header.mtime().unwrap_or_default();
            return self.file(entry, parent, name, mode, time);
        }
        // Devices, pipes: the sandbox has its own devices, and nobody is at the other end of a pipe.
        Ok(())
    }

    fn file(&mut self, content: impl Read, parent: &OwnedFd, name: &OsStr, mode: Mode, time: u64) -> io::Result<()> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = replacing(parent, name, || {
            rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR)
        })?;
        let mut file = File::from(file);
        let left = self.limits.layer_size.saturating_sub(self.bytes);
        let count = io::copy(&mut content.take(left.saturating_add(1)), &mut file)?;
        self.bytes += count;
        if count > left {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        rustix::fs::fchmod(&file, mode)?;
        // Interpreters compare the times of sources with those noted in what they compiled.
        let time = Timespec {
            tv_sec: i64::try_from(time).unwrap_or_default(),
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        Ok(rustix::fs::futimens(&file, &times)?)
    }

    fn link(&mut self, target: &[u8], parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
        let target = self.inside(target).map_err(io::Error::other)?;
        let from = self.directory(target.parent().unwrap_or(Path::new("")))?;
        let original = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        replacing(parent, name, || {
            rustix::fs::linkat(&from, original, parent, name, AtFlags::empty())
        })
    }

    fn make_opaque(&self, directory: &OwnedFd) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
        Ok(rustix::fs::fsetxattr(
            directory,
            self.opaque,
            b"y",
            XattrFlags::empty(),
        )?)
    }

    /// A path of the archive, relative to the layer's directory.
    fn inside(&self, name: &[u8]) -> Result<PathBuf> {
        let shown = String::from_utf8_lossy(name);
        let mut path = PathBuf::new();
        for component in Path::new(OsStr::from_bytes(name)).components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir | Component::RootDir => {}
                _ => {
                    return Err(Error::bad_request(format!(
                        "The layer's entry '{shown}' leads outside of it."
                    )));
                }
            }
        }
        if path.components().count() > self.limits.depth {
            let most = self.limits.depth;
            return Err(Error::new(
                Code::TooLarge,
                format!("The layer's entry '{shown}' lies deeper than {most} levels."),
            )
            .with("setting", "images.depth"));
        }
        Ok(path)
    }

    fn directory(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        Ok(rustix::fs::openat2(&self.root, path, flags, Mode::empty(), WITHIN)?)
    }

    /// An entry's directory, made if it is not there.
    fn parent(&mut self, path: &Path) -> Result<OwnedFd> {
        if let Some((last, directory)) = self.last.take()
            && last == path
        {
            return Ok(directory);
        }
        let opened = match self.directory(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_directories(path),
            opened => opened,
        };
        opened.map_err(|error| failed(path, error))
    }

    fn make_directories(&self, path: &Path) -> io::Result<OwnedFd> {
        let mut directory = self.directory(Path::new(""))?;
        let mut reached = PathBuf::new();
        for part in path.components() {
            make_directory(&directory, part.as_os_str())?;
            reached.push(part);
            directory = self.directory(&reached)?;
        }
        Ok(directory)
    }

    fn finish(self) -> Result<u64> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        for (path, mode) in self.modes.iter().rev() {
            let set = rustix::fs::openat2(&self.root, path, flags, Mode::empty(), WITHIN)
                .and_then(|directory| rustix::fs::fchmod(directory, *mode));
            match set {
                // It was replaced by something else, which has its own mode.
                Ok(()) | Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {}
                Err(error) => return Err(failed(path, error.into())),
            }
        }
        Ok(self.bytes)
    }
}

fn make_directory(parent: impl AsFd, name: &OsStr) -> io::Result<()> {
    match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
        // If it is no directory, whoever enters it finds out.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Hides a name of the layers below, in overlayfs' way.
fn white_out(parent: &OwnedFd, hidden: &OsStr) -> io::Result<()> {
    if matches!(hidden.as_bytes(), b"" | b"." | b"..") {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    match rustix::fs::mknodat(parent, hidden, FileType::CharacterDevice, Mode::empty(), 0) {
        // The layer has something of its own by this name, which hides what is below anyway.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes something in the place of what has this name; never through it. Directories are not replaced.
fn replacing<T>(parent: &OwnedFd, name: &OsStr, make: impl Fn() -> rustix::io::Result<T>) -> io::Result<T> {
    match make() {
        Err(Errno::EXIST) => {
            rustix::fs::unlinkat(parent, name, AtFlags::empty())?;
            Ok(make()?)
        }
        made => Ok(made?),
    }
}

fn damaged(error: io::Error) -> Error {
    Error::bad_request(format!("The layer's archive is damaged: {error}.")).because(error)
}

/// A full disk is the platform's fault; anything else, such as a way through a link, the image's.
fn failed(path: &Path, error: io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::QuotaExceeded => storage(error),
        io::ErrorKind::FileTooLarge => Error::new(
            Code::TooLarge,
            format!("The layer is larger than allowed when it is unpacked, at '{path}'."),
        )
        .with("setting", "images.layer_size"),
        _ => Error::bad_request(format!("The layer cannot be unpacked at '{path}': {error}.")).because(error),
    }
}
