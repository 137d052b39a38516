use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
    os::unix::fs::{DirBuilderExt, symlink},
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags},
    thread::UnshareFlags,
};

use super::{
    super::{
        link::Link,
        messages::{Answer, Bind, Root, Setup},
    },
    etc, image, kernel, namespaces,
};

/// Where the root is built. Any directory that exists on every machine will do: it is covered only in the mount
/// namespace that is being prepared.
const SITE: &str = "/proc";
/// Directories of every root.
const DIRECTORIES: &[&str] = &["action", "compiled", "dev/shm", "etc", "proc", "requirements", "tmp"];
/// The devices of every root.
const DEVICES: &[&str] = &["full", "null", "random", "urandom", "zero"];
/// Links of every root.
const LINKS: &[(&str, &str)] = &[
    ("/proc/self/fd", "dev/fd"),
    ("/proc/self/fd/0", "dev/stdin"),
    ("/proc/self/fd/1", "dev/stdout"),
    ("/proc/self/fd/2", "dev/stderr"),
    ("/proc/self/mounts", "etc/mtab"),
];
/// Links into `/usr` that most machines have at their root.
const MERGED: &[&str] = &["bin", "sbin", "lib", "lib32", "lib64"];

/// Builds a root in a mount namespace of its own, which nothing but the answered descriptor keeps alive.
pub fn prepare(setup: &Setup, root: &Root, rootless: bool) -> Result<OwnedFd, String> {
    let failed = |error: io::Error| format!("prepare a root: {error}");
    let (ours, theirs) = Link::pair().map_err(failed)?;
    if kernel::fork().map_err(failed)?.is_none() {
        drop(ours);
        let (answer, namespace) = match build(setup, root, rootless) {
            Ok(namespace) => (Ok(()), Some(namespace)),
            Err(reason) => (Err(reason), None),
        };
        let descriptors: Vec<_> = namespace.iter().map(AsFd::as_fd).collect();
        let _ = theirs.send::<Answer>(&answer, &descriptors);
        kernel::exit(0);
    }
    drop(theirs);
    let (answer, mut descriptors) = ours
        .recv::<Answer>()
        .map_err(failed)?
        .ok_or("prepare a root: no answer")?;
    answer?;
    descriptors.pop().ok_or_else(|| "prepare a root: no descriptor".into())
}

fn build(setup: &Setup, root: &Root, rootless: bool) -> Result<OwnedFd, String> {
    let (binds, etc, more) = match root {
        Root::Minimal(binds) => (binds.clone(), setup.etc.as_slice(), [].as_slice()),
        // The image is laid over this root when a program starts, for each one anew.
        Root::Image(layers) => (image_binds(layers), [].as_slice(), image::DIRECTORIES),
    };
    let step = |what: &'static str| move |error: io::Error| format!("prepare a root: {what}: {error}");
    kernel::unshare(UnshareFlags::NEWNS).map_err(step("mount namespace"))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(|error| step("private mounts")(error.into()))?;
    let namespace = namespaces::mounts().map_err(step("mount namespace"))?;
    // Everything of the host is taken hold of before the site is covered.
    let trees = trees(etc, &binds, rootless)?;
    let files = etc::files(etc, &setup.hostname);
    let links = merged(&binds);
    mount_site().map_err(step("tmpfs"))?;
    skeleton(more, &files, &links).map_err(step("skeleton"))?;
    for (tree, target, directory) in trees {
        place(&tree, &target, directory).map_err(|error| format!("mount at {}: {error}", target.display()))?;
    }
    seal().map_err(step("change root"))?;
    Ok(namespace)
}

/// What is mounted: detached trees, their places relative to the root, and whether each is a directory.
fn trees(etc: &[String], binds: &[Bind], rootless: bool) -> Result<Vec<(OwnedFd, PathBuf, bool)>, String> {
    let mut wanted: Vec<(PathBuf, PathBuf, bool)> = Vec::new();
    for device in DEVICES {
        wanted.push((Path::new("/dev").join(device), Path::new("dev").join(device), true));
    }
    if rootless {
        // The kernel lets a user namespace mount a proc only where one is visible already; init replaces it.
        wanted.push(("/proc".into(), "proc".into(), false));
    }
    for name in etc {
        let source = Path::new("/etc").join(name);
        if source.is_dir() {
            wanted.push((source, Path::new("etc").join(name), false));
        }
    }
    let mut binds: Vec<_> = binds.iter().collect();
    binds.sort_by_key(|bind| bind.target.components().count());
    for bind in binds {
        wanted.push((bind.source.clone(), inside(&bind.target)?, false));
    }
    wanted
        .into_iter()
        .map(|(source, target, device)| {
            let failed = |error: io::Error| format!("mount {}: {error}", source.display());
            let directory = fs::metadata(&source).map_err(failed)?.is_dir();
            Ok((kernel::copy_tree(&source, device).map_err(failed)?, target, directory))
        })
        .collect()
}

fn image_binds(layers: &[PathBuf]) -> Vec<Bind> {
    let layers = layers.iter().enumerate();
    layers
        .map(|(number, source)| Bind {
            source: source.clone(),
            target: image::layer(number),
        })
        .collect()
}

/// A path of the sandbox, relative to its root.
fn inside(target: &Path) -> Result<PathBuf, String> {
    let relative = target
        .strip_prefix("/")
        .ok()
        .filter(|path| !path.as_os_str().is_empty());
    match relative {
        Some(path) if path.components().all(|part| matches!(part, Component::Normal(_))) => Ok(path.into()),
        _ => Err(format!(
            "mount at {}: not an absolute path below the root, without `..`",
            target.display()
        )),
    }
}

/// Links into `/usr` that the host has and no mount replaces.
fn merged(binds: &[Bind]) -> Vec<(PathBuf, &'static str)> {
    let usr = binds.iter().any(|bind| bind.target == Path::new("/usr"));
    let taken = |name: &str| binds.iter().any(|bind| bind.target == Path::new("/").join(name));
    let free = MERGED.iter().filter(|name| usr && !taken(name));
    free.filter_map(|name| Some((fs::read_link(Path::new("/").join(name)).ok()?, *name)))
        .collect()
}

fn mount_site() -> io::Result<()> {
    rustix::mount::mount(
        c"root",
        SITE,
        c"tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=0755,size=16m",
    )?;
    std::env::set_current_dir(SITE)
}

fn skeleton(more: &[&str], files: &[(PathBuf, Vec<u8>)], links: &[(PathBuf, &str)]) -> io::Result<()> {
    let make = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o755).create(path);
    for directory in DIRECTORIES.iter().chain(more) {
        make(Path::new(directory))?;
    }
    for (path, bytes) in files {
        let path = Path::new("etc").join(path);
        path.parent().map_or(Ok(()), make)?;
        fs::write(&path, bytes)?;
    }
    for (to, at) in LINKS {
        symlink(to, at)?;
    }
    links.iter().try_for_each(|(to, at)| symlink(to, at))
}

fn place(tree: &OwnedFd, target: &Path, directory: bool) -> io::Result<()> {
    if directory {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(target)?;
    } else {
        if let Some(parent) = target.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
        }
        if !target.exists() {
            fs::File::create(target)?;
        }
    }
    let place = rustix::fs::openat(CWD, target, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    kernel::attach(tree, place)
}

/// Makes the site the root, unchangeable, and lets go of the host.
fn seal() -> io::Result<()> {
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::RDONLY | MountFlags::BIND;
    Ok(rustix::mount::mount_remount(c"/", flags, c"")?)
}
