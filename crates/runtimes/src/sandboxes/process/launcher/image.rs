use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{DirBuilderExt, chown},
    },
    path::{Path, PathBuf},
};

use rustix::mount::{MountFlags, UnmountFlags};

use super::{super::messages::Setup, etc, kernel, namespaces, program::Program};

/// Where a prepared root shows the layers of an image, each as its number, and what is laid over them.
const LAYERS: &str = "/layers";
const UPPER: &str = "/upper";
const MERGED: &str = "/merged";

/// Directories of a prepared root that no minimal root has.
pub const DIRECTORIES: &[&str] = &["upper", "merged"];

/// Where the layer of this number is shown.
pub fn layer(number: usize) -> PathBuf {
    Path::new(LAYERS).join(number.to_string())
}

/// Files of `/etc` that are the sandbox's, whatever the image has.
const OWN: &[&str] = &["hostname", "hosts", "resolv.conf"];

/// To whom the files of an image belong.
pub struct Owner {
    /// User and group of the sandbox, seen from the host.
    pub host: (u32, u32),
    /// A user namespace that maps the owner of the unpacked files to that user; none if they are the same already.
    pub mapping: Option<OwnedFd>,
}

/// Makes an image the root: in a copy of a prepared root, lays a private writable layer over its layers, changes into
/// it, and adds what is the sandbox's own.
pub fn assemble(setup: &Setup, program: &Program, owner: &Owner) -> Result<(), String> {
    let step = |what: &'static str| move |error: io::Error| format!("image: {what}: {error}");
    let layers = map_layers(owner).map_err(step(
        "map the owners of its files (the data directory must be on a file system with idmapped mounts)",
    ))?;
    lay_over(program, owner, layers).map_err(step("overlay"))?;
    let devices = kernel::clone_tree("/dev".as_ref()).map_err(step("devices"))?;
    // Without privileges the kernel lets a proc be mounted only where one is visible already; init replaces it.
    let proc = match owner.mapping {
        Some(_) => None,
        None => Some(kernel::clone_tree("/proc".as_ref()).map_err(step("proc"))?),
    };
    change_root().map_err(step("change root"))?;
    // From here on every path, whatever links the image has, ends in the image.
    furnish(setup, devices, proc).map_err(step("directories"))?;
    working_directory(program, owner).map_err(step("working directory"))
}

/// Gives the layers to the sandbox's user; returns how many there are.
fn map_layers(owner: &Owner) -> io::Result<usize> {
    let count = fs::read_dir(LAYERS)?.count();
    if let Some(mapping) = &owner.mapping {
        for number in 0..count {
            let place = layer(number);
            let tree = kernel::clone_tree(&place)?;
            kernel::map_owners(&tree, mapping)?;
            kernel::attach(tree, namespaces::place(&place)?)?;
        }
    }
    Ok(count)
}

fn lay_over(program: &Program, owner: &Owner, layers: usize) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let size = kernel::path(format!(
        "mode=0755,size={}m,nr_inodes={}",
        program.scratch, program.inodes
    ))?;
    rustix::mount::mount(c"upper", UPPER, c"tmpfs", flags, size.as_c_str())?;
    let (upper, work) = (Path::new(UPPER).join("files"), Path::new(UPPER).join("work"));
    fs::DirBuilder::new().mode(0o755).create(&upper)?;
    fs::DirBuilder::new().mode(0o700).create(&work)?;
    chown(&upper, Some(owner.host.0), Some(owner.host.1))?;
    // The first is the uppermost.
    let lower: Vec<String> = (0..layers)
        .rev()
        .map(|number| layer(number).display().to_string())
        .collect();
    let mut options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.join(":"),
        upper.display(),
        work.display()
    );
    if owner.mapping.is_none() {
        options.push_str(",userxattr");
    }
    let options = kernel::path(options)?;
    Ok(rustix::mount::mount(
        c"image",
        MERGED,
        c"overlay",
        flags,
        options.as_c_str(),
    )?)
}

fn change_root() -> io::Result<()> {
    std::env::set_current_dir(MERGED)?;
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")
}

fn furnish(setup: &Setup, devices: OwnedFd, proc: Option<OwnedFd>) -> io::Result<()> {
    for (name, mode) in [("/dev", 0o755), ("/proc", 0o755), ("/etc", 0o755), ("/tmp", 0o1777)] {
        directory(Path::new(name), mode)?;
    }
    for (name, bytes) in etc::files(&[], &setup.hostname) {
        if OWN.iter().any(|own| name == Path::new(own)) {
            replace(&Path::new("/etc").join(name), &bytes)?;
        }
    }
    kernel::attach(devices, namespaces::place("/dev".as_ref())?)?;
    if let Some(proc) = proc {
        kernel::attach(proc, namespaces::place("/proc".as_ref())?)?;
    }
    let shared = kernel::path(format!("mode=1777,size={}m", setup.shared_memory))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(rustix::mount::mount(
        c"tmpfs",
        c"/dev/shm",
        c"tmpfs",
        flags,
        shared.as_c_str(),
    )?)
}

/// Makes a directory unless the image has it.
fn directory(path: &Path, mode: u32) -> io::Result<()> {
    match fs::DirBuilder::new().create(path) {
        // Its mode is set apart: the launcher's mask would take from it.
        Ok(()) => fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && fs::symlink_metadata(path)?.is_dir() => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}

/// Writes a file in the place of whatever the image has there: it may be a link.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::File::create_new(path)?;
    io::Write::write_all(&mut file, bytes)
}

/// Makes the working directory if the image names one that it does not have.
fn working_directory(program: &Program, owner: &Owner) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(program.directory().to_bytes()));
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    chown(path, Some(owner.host.0), Some(owner.host.1))
}

impl Owner {
    /// The user outside, and how files become this user's.
    pub fn new(uid: u32, rootless: bool) -> io::Result<Self> {
        if rootless {
            let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
            return Ok(Self {
                host: own,
                mapping: None,
            });
        }
        Ok(Self {
            host: (uid, uid),
            mapping: Some(namespaces::user((0, 0), uid, false)?),
        })
    }

    /// A user namespace in which the sandbox's user is `inside`.
    pub fn user(&self, inside: (u32, u32)) -> io::Result<OwnedFd> {
        match &self.mapping {
            Some(mapping) if inside == (0, 0) => Ok(mapping.as_fd().try_clone_to_owned()?),
            mapping => namespaces::user(inside, self.host.0, mapping.is_none()),
        }
    }
}
