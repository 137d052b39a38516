use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    mount::MountFlags,
    net::{AddressFamily, SocketFlags, SocketType, socket_with},
    thread::UnshareFlags,
};

use super::{
    super::{
        link::Link,
        messages::{Park, Setup},
    },
    Filter, init, kernel, namespaces,
    program::Program,
    tun,
};

/// What surrounds a program, as far as it exists before the program does.
pub struct Shield {
    home: OwnedFd,
    user: OwnedFd,
    rootless: bool,
}

impl Shield {
    /// Moves the caller into new network, IPC and host-name namespaces, and makes a user namespace. Returns the TUN
    /// device too, if it was wanted and could be made.
    pub fn raise(setup: &Setup, park: Park, rootless: bool) -> io::Result<(Self, Option<OwnedFd>)> {
        let home = namespaces::mounts()?;
        let user = namespaces::user(park.uid, rootless)?;
        kernel::unshare(UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS)?;
        rustix::system::sethostname(setup.hostname.as_bytes())?;
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        namespaces::raise(&socket, b"lo")?;
        // A machine without the device still runs functions, without a network.
        let tun = if park.tun { tun::open(&socket).ok() } else { None };
        Ok((Self { home, user, rootless }, tun))
    }

    /// Goes back to where the host's files are.
    pub fn leave_sandbox(&self) -> io::Result<()> {
        kernel::enter(&self.home, libc::CLONE_NEWNS)
    }

    /// Starts a program; returns its init and its mount namespace as soon as it has been executed.
    pub fn run(&self, setup: &Setup, program: &Program, filter: &Filter) -> Result<(OwnedFd, OwnedFd), String> {
        let (ours, theirs) = Link::pair().map_err(|error| format!("socket pair: {error}"))?;
        let entered = self.enter(setup, program);
        let cloned = entered.and_then(|mounts| {
            let flags = libc::CLONE_NEWPID | libc::CLONE_NEWCGROUP;
            match kernel::clone(flags, program.group()).map_err(|error| format!("clone: {error}"))? {
                Some((_, init)) => Ok((init, mounts)),
                None => init::run(program, &self.user, self.rootless, filter, theirs.as_fd(), ours.as_fd()),
            }
        });
        drop(theirs);
        self.leave_sandbox()
            .map_err(|error| format!("return from the sandbox: {error}"))?;
        let sandbox = cloned?;
        match ours.recv::<String>() {
            Ok(None) => Ok(sandbox),
            Ok(Some((reason, _))) => Err(reason),
            Err(error) => Err(format!("start the program: {error}")),
        }
    }

    /// Enters a copy of the program's root and adds what is the sandbox's own.
    fn enter(&self, setup: &Setup, program: &Program) -> Result<OwnedFd, String> {
        let step = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        // Opened by way of the host's proc, which is out of sight afterwards.
        let proc = rustix::fs::open(
            c"/proc",
            rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .map_err(|error| step("proc")(error.into()))?;
        kernel::enter(program.root(), libc::CLONE_NEWNS).map_err(step("enter the root"))?;
        kernel::unshare(UnshareFlags::NEWNS).map_err(step("copy the root"))?;
        let mounts = rustix::fs::openat(
            proc,
            c"self/ns/mnt",
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .map_err(|error| step("mount namespace")(error.into()))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        let scratch = format!("mode=1777,size={}m,nr_inodes={}", program.scratch, setup.scratch_inodes);
        let shared = format!("mode=1777,size={}m", setup.shared_memory);
        for (target, options) in [(c"/tmp", scratch), (c"/dev/shm", shared)] {
            let options = kernel::path(&options).map_err(step("options"))?;
            rustix::mount::mount(c"tmpfs", target, c"tmpfs", flags, options.as_c_str())
                .map_err(|error| step("mount /tmp and /dev/shm")(error.into()))?;
        }
        Ok(mounts)
    }
}
