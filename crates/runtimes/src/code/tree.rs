use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
};

use wisp_core::{Code, Error, Result};

use super::Config;

/// Unpacked archives below this size may be compressed as well as they like.
const SMALL: u64 = 1 << 20;

/// A directory that an archive is unpacked into, within limits.
pub struct Tree<'a> {
    root: PathBuf,
    limits: &'a Config,
    packed: u64,
    entries: u64,
    bytes: u64,
    links: Vec<(PathBuf, PathBuf)>,
}

impl<'a> Tree<'a> {
    /// Fills the existing, empty directory `root` from an archive of `packed` bytes.
    pub fn new(root: PathBuf, limits: &'a Config, packed: u64) -> Self {
        Self {
            root,
            limits,
            packed,
            entries: 0,
            bytes: 0,
            links: Vec::new(),
        }
    }

    /// Adds a directory.
    pub fn directory(&mut self, name: &str) -> Result<()> {
        let path = self.entry(name)?;
        make_directories(&path).map_err(|error| failed(name, error))
    }

    /// Adds a file; an earlier one of the same name is replaced.
    pub fn file(&mut self, name: &str, executable: bool, content: impl Read) -> Result<()> {
        let path = self.entry(name)?;
        self.make_parent(name, &path)?;
        let mode = if executable || path == self.root.join("exec") {
            0o755
        } else {
            0o644
        };
        let left = self.room().saturating_sub(self.bytes);
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(&path)?;
            file.set_permissions(Permissions::from_mode(mode))?;
            io::copy(&mut content.take(left.saturating_add(1)), &mut file)
        };
        let count = write().map_err(|error| failed(name, error))?;
        self.bytes += count;
        if count > left { Err(self.too_much()) } else { Ok(()) }
    }

    /// Adds a symbolic link. It is made at the very end, so that nothing is ever written through one.
    pub fn link(&mut self, name: &str, target: &Path) -> Result<()> {
        let path = self.entry(name)?;
        let depth = path
            .strip_prefix(&self.root)
            .map_or(0, |inside| inside.components().count());
        if !stays_inside(target, depth.saturating_sub(1)) {
            let target = target.display();
            return Err(Error::bad_request(format!(
                "The archive's link '{name}' leads outside of it, to '{target}'."
            )));
        }
        self.make_parent(name, &path)?;
        self.links.push((path, target.to_owned()));
        Ok(())
    }

    /// Makes the links, in directories that all exist by now and are none themselves; returns the tree's size in bytes.
    pub fn finish(self) -> Result<u64> {
        for (path, target) in &self.links {
            symlink(target, path).map_err(|error| failed(&path.display().to_string(), error))?;
        }
        Ok(self.bytes)
    }

    fn make_parent(&self, name: &str, path: &Path) -> Result<()> {
        path.parent()
            .map_or(Ok(()), make_directories)
            .map_err(|error| failed(name, error))
    }

    /// Counts an entry; returns where it belongs.
    fn entry(&mut self, name: &str) -> Result<PathBuf> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            let limit = self.limits.entries;
            return Err(Error::new(
                Code::TooLarge,
                format!("The archive has more than {limit} entries."),
            ));
        }
        let mut path = PathBuf::new();
        for component in Path::new(name).components() {
            match component {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                _ => {
                    return Err(Error::bad_request(format!(
                        "The archive's entry '{name}' leads outside of it."
                    )));
                }
            }
        }
        if path.components().count() as u64 > self.limits.depth {
            let limit = self.limits.depth;
            return Err(Error::new(
                Code::TooLarge,
                format!("The archive's entry '{name}' lies deeper than {limit} levels."),
            ));
        }
        Ok(self.root.join(path))
    }

    fn room(&self) -> u64 {
        let by_ratio = self.packed.saturating_mul(self.limits.ratio).max(SMALL);
        self.limits.unpacked_size.min(by_ratio)
    }

    fn too_much(&self) -> Error {
        let Config {
            unpacked_size, ratio, ..
        } = self.limits;
        let message = format!(
            "The archive of {} bytes unpacks to more than {} bytes: at most {unpacked_size} bytes and {ratio} times its size are allowed.",
            self.packed,
            self.room(),
        );
        Error::new(Code::TooLarge, message)
    }
}

/// Makes a directory and those above it. Functions run as other users: they can read it whatever the server's umask.
pub fn make_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), make_directories)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Err(error) if !path.is_dir() => Err(error),
        _ => fs::set_permissions(path, Permissions::from_mode(0o755)),
    }
}

/// Whether a link in a real directory, `depth` levels below the root, leads to something below the root. Steps upwards
/// may only come first: behind a name, which may itself be a link, they could lead anywhere.
fn stays_inside(target: &Path, depth: usize) -> bool {
    let up = target
        .components()
        .take_while(|part| matches!(part, Component::ParentDir | Component::CurDir));
    let up = up.filter(|part| *part == Component::ParentDir).count();
    let mut rest = target
        .components()
        .skip_while(|part| matches!(part, Component::ParentDir | Component::CurDir));
    up <= depth && rest.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A full or broken disk is the platform's fault; anything else, such as a file in place of a directory, the archive's.
fn failed(name: &str, error: io::Error) -> Error {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull => Error::new(
            Code::Storage,
            "The code cannot be unpacked: writing to the cache failed.",
        )
        .because(error),
        _ => Error::bad_request(format!("The archive is damaged at '{name}'.")).because(error),
    }
}
