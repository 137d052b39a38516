use std::{
    ffi::c_int,
    fs::File,
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    mount::{MountFlags, UnmountFlags},
    process::{DumpableBehavior, Gid, Signal, Uid, set_dumpable_behavior, set_parent_process_death_signal},
    thread::{CapabilitySet, CapabilitySets},
};

use super::{
    super::{
        link::Link,
        messages::{Answer, Birth},
    },
    Filter, kernel, namespaces,
    program::Program,
};

/// Files of `/proc` that tell of the host what no function needs to know.
const MASKED: &[&std::ffi::CStr] = &[
    c"/proc/cmdline",
    c"/proc/kallsyms",
    c"/proc/key-users",
    c"/proc/keys",
    c"/proc/modules",
];

/// Where init's own descriptors stand once everything else is closed: after 0, 1, 2 and the control socket.
const REPORT: c_int = 4;
const USER: c_int = 5;

/// When the whole machine runs out of memory, functions go before the server: `oom_score_adj` of `proc_pid`(5).
const EXPENDABLE: &str = "500";

/// What a step is called and why it failed.
pub type Failure = (&'static str, io::Error);

/// Becomes the sandbox's first process: closes the door behind itself, forks the program, reaps, ends as it ends.
///
/// `report` takes what goes wrong before the program is executed; `keeper` is the keeper's end of it, inherited.
pub fn run(
    program: &Program,
    user: &OwnedFd,
    rootless: bool,
    filter: &Filter,
    report: BorrowedFd<'_>,
    keeper: BorrowedFd<'_>,
) -> ! {
    let _ = keeper;
    let failure = match settle(program, user.as_fd(), report) {
        Ok((report, user)) => match confine(&report, user, program.user(), rootless, filter) {
            Ok(spaces) if program.birth == Birth::Forked => await_program(&report, &spaces),
            Ok(_) => supervise(program, report),
            Err(failure) => (failure, report),
        },
        Err(error) => {
            // Nothing can be said yet; the keeper sees the socket close.
            let _ = error;
            kernel::exit(126)
        }
    };
    tell(&failure.1, failure.0);
    kernel::exit(126)
}

/// Tells the keeper why no program will run.
pub fn tell(report: &Link, (step, error): Failure) {
    let _ = report.send(&Answer::<()>::Err(format!("{step}: {error}")), &[]);
}

/// Puts descriptors in their places and closes all others: one that leads to the host is a way out.
pub fn settle(program: &Program, user: BorrowedFd<'_>, report: BorrowedFd<'_>) -> io::Result<(Link, OwnedFd)> {
    // Its number is about to be given away: it must not be closed as this file.
    let null = ManuallyDrop::new(File::open("/dev/null")?);
    let [control, stdout, stderr] = program.channels() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let wanted = [
        null.as_fd(),
        stdout.as_fd(),
        stderr.as_fd(),
        control.as_fd(),
        report,
        user,
    ];
    // First out of the way of each other's places.
    let copies = wanted.map(|wanted| rustix::io::fcntl_dupfd_cloexec(wanted, 64));
    for (place, copy) in copies.into_iter().enumerate() {
        let cloexec = if place as c_int >= REPORT { libc::O_CLOEXEC } else { 0 };
        // SAFETY: the places belong to nobody in this process any more, which never returns to its callers.
        if unsafe { libc::dup3(copy?.as_raw_fd(), place as c_int, cloexec) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    kernel::close_range(USER + 1, c_int::MAX)?;
    // SAFETY: both were just made and are owned by nothing else.
    Ok(unsafe { (Link::from(OwnedFd::from_raw_fd(REPORT)), OwnedFd::from_raw_fd(USER)) })
}

/// Gives up everything that a function must not have; returns the namespaces that only exist from here on.
fn confine(
    report: &Link,
    user: OwnedFd,
    owner: (u32, u32),
    rootless: bool,
    filter: &Filter,
) -> Result<[OwnedFd; 2], Failure> {
    let step = |what| move |error: rustix::io::Errno| (what, io::Error::from(error));
    mount_proc(rootless).map_err(|error| ("mount /proc", error))?;
    std::fs::write("/proc/self/oom_score_adj", EXPENDABLE).map_err(|error| ("offer memory", error))?;
    let own = |name| namespaces::own(name).map_err(|error| ("namespaces", error));
    let spaces = [own("pid")?, own("cgroup")?];
    kernel::enter(&user, libc::CLONE_NEWUSER).map_err(|error| ("enter the user namespace", error))?;
    drop(user);
    if !rootless {
        rustix::thread::set_thread_groups(&[]).map_err(step("drop groups"))?;
    }
    let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(step("change group"))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(step("change user"))?;
    die_with_keeper(report)?;
    // Functions may neither trace init nor read its memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(step("hide init"))?;
    drop_capabilities().map_err(step("drop capabilities"))?;
    rustix::thread::set_no_new_privs(true).map_err(step("no new privileges"))?;
    filter.apply().map_err(|error| ("filter system calls", error))?;
    Ok(spaces)
}

/// Has the kernel end the caller when the keeper ends.
pub fn die_with_keeper(report: &Link) -> Result<(), Failure> {
    let step = |what| move |error: rustix::io::Errno| (what, io::Error::from(error));
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(step("die with the keeper"))?;
    // If the keeper died before that, its end of the socket is closed by now.
    let mut events = [PollFd::new(report, PollFlags::empty())];
    poll(&mut events, Some(&Default::default())).map_err(step("look at the keeper"))?;
    if events[0].revents().is_empty() {
        return Ok(());
    }
    kernel::exit(126)
}

fn mount_proc(rootless: bool) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    if rootless {
        // The host's own must be visible while the new one is made, and gone before it is used.
        use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
        let proc = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&proc)?;
        let attributes =
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let proc = fsmount(proc, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        rustix::mount::unmount(c"/proc", UnmountFlags::DETACH)?;
        kernel::attach(proc, namespaces::place("/proc".as_ref())?)?;
    } else {
        rustix::mount::mount(c"proc", c"/proc", c"proc", flags, c"")?;
    }
    for file in MASKED {
        match rustix::mount::mount_bind(c"/dev/null", *file) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Makes all capabilities but these impossible to regain.
pub fn drop_bounding(kept: &[CapabilitySet]) -> rustix::io::Result<()> {
    for capability in CapabilitySet::all().iter().filter(|one| !kept.contains(one)) {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // Kernels older than a capability do not know it.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn drop_capabilities() -> rustix::io::Result<()> {
    drop_bounding(&[])?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )
}

/// Hands the keeper the namespaces that the program will enter, and stays for what is orphaned in them.
fn await_program(report: &Link, spaces: &[OwnedFd; 2]) -> ! {
    kernel::ignore_children(true);
    let answer: Answer = Ok(());
    let told = report.send(&answer, &[spaces[0].as_fd(), spaces[1].as_fd()]);
    if told.is_err() || kernel::close_range(0, c_int::MAX).is_err() {
        kernel::exit(126);
    }
    loop {
        rustix::event::pause();
    }
}

fn supervise(program: &Program, report: Link) -> ! {
    let first = match kernel::fork() {
        Ok(Some(pid)) => pid,
        Ok(None) => {
            tell(&report, program.execute());
            kernel::exit(127)
        }
        Err(error) => {
            tell(&report, ("fork the program", error));
            kernel::exit(126)
        }
    };
    // Only the program holds the channels, so that they end with it; nothing else is left open.
    let _ = kernel::close_range(0, c_int::MAX);
    loop {
        let mut status = 0;
        // SAFETY: the status outlives the call.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        if pid == first {
            let signalled = libc::WIFSIGNALED(status);
            kernel::exit(if signalled {
                128 + libc::WTERMSIG(status)
            } else {
                libc::WEXITSTATUS(status)
            });
        }
        if pid < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            kernel::exit(126);
        }
    }
}
