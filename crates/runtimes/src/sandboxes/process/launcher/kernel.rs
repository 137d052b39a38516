//! System calls that the libraries in use do not offer, or offer with more ceremony than a single thread needs.

use std::{
    ffi::{CStr, CString, c_int, c_long},
    io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    path::Path,
};

use rustix::{
    mount::{MoveMountFlags, OpenTreeFlags},
    thread::UnshareFlags,
};

/// As in `linux/sched.h`; `libc`'s constant is too narrow.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A path as system calls take it.
pub fn path(path: impl AsRef<Path>) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    Ok(CString::new(path.as_ref().as_os_str().as_bytes())?)
}

/// Moves the calling thread into new namespaces.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: this process has one thread, so no other thread's view of descriptors can change.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Enters the namespace that a descriptor stands for.
pub fn enter(namespace: impl AsFd, kind: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open for the time of the call; the process has one thread.
    check(unsafe { libc::setns(namespace.as_fd().as_raw_fd(), kind) }.into()).map(drop)
}

/// Forks. The process has one thread, so the child may go on like any program.
pub fn fork() -> io::Result<Option<libc::pid_t>> {
    // SAFETY: the process has one thread; no lock can be held by another.
    let pid = check(unsafe { libc::fork() }.into())?;
    Ok((pid != 0).then_some(pid as libc::pid_t))
}

/// Clones with the given flags, into a control group if one is named; returns pid and pidfd to the parent, none to the
/// child.
pub fn clone(flags: c_int, group: Option<BorrowedFd<'_>>) -> io::Result<Option<(libc::pid_t, OwnedFd)>> {
    let mut pidfd: c_int = -1;
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut arguments: libc::clone_args = unsafe { mem::zeroed() };
    arguments.flags = (flags | libc::CLONE_PIDFD) as u64;
    arguments.pidfd = &raw mut pidfd as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(group) = group {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM this is a fork, and the process has one thread; the structure outlives the call.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, mem::size_of_val(&arguments)) })?;
    // SAFETY: the kernel has just made this descriptor for the parent alone.
    Ok((pid != 0).then(|| (pid as libc::pid_t, unsafe { OwnedFd::from_raw_fd(pidfd) })))
}

/// Closes every descriptor from `first` on, but some.
pub fn close_all_but(kept: &[BorrowedFd<'_>], mut first: c_int) -> io::Result<()> {
    let mut kept: Vec<_> = kept
        .iter()
        .map(AsRawFd::as_raw_fd)
        .filter(|kept| *kept >= first)
        .collect();
    kept.sort_unstable();
    for kept in kept {
        if kept > first {
            close_range(first, kept - 1)?;
        }
        first = kept + 1;
    }
    close_range(first, c_int::MAX)
}

/// Closes all descriptors of a range, ends included.
pub fn close_range(first: c_int, last: c_int) -> io::Result<()> {
    // SAFETY: the caller owns the range; nothing in it is used afterwards.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}

/// Whether ended children vanish by themselves.
pub fn ignore_children(ignore: bool) {
    let action = if ignore { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: no handler is installed, only a disposition.
    unsafe { libc::signal(libc::SIGCHLD, action) };
}

/// A detached copy of the mount tree at a path, as it is.
pub fn clone_tree(source: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    Ok(rustix::mount::open_tree(rustix::fs::CWD, source, flags)?)
}

/// Shows the files of a detached tree as those of other users: a user namespace says which.
pub fn map_owners(tree: impl AsFd, users: impl AsFd) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: users.as_fd().as_raw_fd() as u64,
    };
    set_attributes(&tree, &attributes, 0)
}

fn set_attributes(tree: impl AsFd, attributes: &libc::mount_attr, flags: c_int) -> io::Result<()> {
    // SAFETY: the structure and the empty path outlive the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | flags,
            attributes as *const libc::mount_attr,
            mem::size_of_val(attributes),
        )
    })
    .map(drop)
}

/// A detached copy of the mount tree at a path, read-only throughout, without devices unless asked for.
pub fn copy_tree(source: &Path, devices: bool) -> io::Result<OwnedFd> {
    let tree = clone_tree(source)?;
    let mut set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID;
    if !devices {
        set |= libc::MOUNT_ATTR_NODEV;
    }
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    set_attributes(&tree, &attributes, libc::AT_RECURSIVE)?;
    Ok(tree)
}

/// Attaches a detached tree at an open place.
pub fn attach(tree: impl AsFd, place: impl AsFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(rustix::mount::move_mount(tree, c"", place, c"", flags)?)
}

/// Replaces this process by a program.
pub fn execute(program: &CStr, arguments: &[*const libc::c_char], environment: &[*const libc::c_char]) -> io::Error {
    // SAFETY: both arrays end in a null pointer and point to strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Ends this process, without any of what a library would do on exit.
pub fn exit(code: c_int) -> ! {
    // SAFETY: has no preconditions.
    unsafe { libc::_exit(code) }
}
