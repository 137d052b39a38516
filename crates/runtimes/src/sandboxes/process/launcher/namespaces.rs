use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat2},
    net::{AddressFamily, SocketFlags, SocketType, socket_with},
    process::{getegid, geteuid},
    thread::UnshareFlags,
};

use super::kernel;

/// The user and group that programs run as, seen from inside.
pub const INSIDE: u32 = 1000;

/// Makes the caller, who is not root, owner of a user namespace in which sandboxes can be built.
pub fn become_owner() -> io::Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    kernel::unshare(UnshareFlags::NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("{0} {0} 1", gid.as_raw()))?;
    fs::write("/proc/self/uid_map", format!("{0} {0} 1", uid.as_raw()))
}

/// A TCP socket in the caller's network namespace.
pub fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?)
}

/// A user namespace that knows one user and group: those of `inside`, who are `uid` outside (or the caller, if that is
/// not root).
pub fn user(inside: (u32, u32), uid: u32, rootless: bool) -> io::Result<OwnedFd> {
    let (uid, gid) = if rootless {
        (geteuid().as_raw(), getegid().as_raw())
    } else {
        (uid, uid)
    };
    let (ours, theirs) = super::super::link::Link::pair()?;
    let Some(pid) = kernel::fork()? else {
        drop(ours);
        let unshared = kernel::unshare(UnshareFlags::NEWUSER).map_err(|error| error.to_string());
        let _ = theirs.send(&unshared, &[]);
        // The namespace must live until the parent holds it.
        let _ = theirs.recv::<()>();
        kernel::exit(0);
    };
    drop(theirs);
    let answer = ours
        .recv::<Result<(), String>>()?
        .ok_or_else(|| io::Error::other("the helper has gone"))?;
    let namespace = answer.0.map_err(io::Error::other).and_then(|()| {
        fs::write(format!("/proc/{pid}/gid_map"), format!("{} {gid} 1", inside.1))?;
        fs::write(format!("/proc/{pid}/uid_map"), format!("{} {uid} 1", inside.0))?;
        Ok(OwnedFd::from(File::open(format!("/proc/{pid}/ns/user"))?))
    });
    drop(ours);
    // SAFETY: the child is ours and not yet reaped; a null status is allowed.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    // SAFETY: as above.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    namespace
}

/// The caller's own mount namespace.
pub fn mounts() -> io::Result<OwnedFd> {
    own("mnt")
}

/// One of the caller's own namespaces, by its name in `/proc/self/ns`.
pub fn own(name: &str) -> io::Result<OwnedFd> {
    Ok(File::open(Path::new("/proc/self/ns").join(name))?.into())
}

/// Brings an interface of the caller's network namespace up.
pub fn raise(socket: impl AsFd, interface: &[u8]) -> io::Result<()> {
    let mut request = request(interface);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the request is a whole `ifreq` and outlives the call.
    match unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// An interface request for this name.
pub fn request(interface: &[u8]) -> libc::ifreq {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(interface) {
        *place = *byte as libc::c_char;
    }
    request
}

/// An existing mount point of the caller's mount namespace. Symbolic links on the way are refused: they belong to
/// the function.
pub fn place(target: &Path) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(
        CWD,
        target,
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        resolve,
    )?)
}
