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
        messages::{Answer, Birth, Park, Setup},
    },
    Filter, birth,
    image::{self, Owner},
    init, kernel, namespaces,
    program::Program,
    tun, zygote,
};

/// What surrounds a program, as far as it exists before the program does.
pub struct Shield {
    home: OwnedFd,
    /// The program's user namespace, and what its user is outside.
    user: OwnedFd,
    /// The host's user that the program runs as.
    uid: u32,
    rootless: bool,
    /// IPC, host-name and network namespaces.
    spaces: [OwnedFd; 3],
}

/// A sandbox with its program.
pub struct Sandbox {
    /// Its first process; with it all others end.
    pub init: OwnedFd,
    /// Its mount namespace.
    pub mounts: OwnedFd,
    /// The program and its process id, if init is not above it.
    pub program: Option<(OwnedFd, u32)>,
}

impl Shield {
    /// Moves the caller into new network, IPC and host-name namespaces, and makes a user namespace. Returns the TUN
    /// device too, if it was wanted and could be made.
    pub fn raise(setup: &Setup, park: Park, rootless: bool) -> io::Result<(Self, Option<OwnedFd>)> {
        let home = namespaces::mounts()?;
        let user = namespaces::user((namespaces::INSIDE, namespaces::INSIDE), park.uid, rootless)?;
        kernel::unshare(UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS)?;
        rustix::system::sethostname(setup.hostname.as_bytes())?;
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        namespaces::raise(&socket, b"lo")?;
        // A machine without the device still runs functions, without a network.
        let tun = if park.tun { tun::open(&socket).ok() } else { None };
        let spaces = [
            namespaces::own("ipc")?,
            namespaces::own("uts")?,
            namespaces::own("net")?,
        ];
        let shield = Self {
            home,
            user,
            uid: park.uid,
            rootless,
            spaces,
        };
        Ok((shield, tun))
    }

    /// Goes back to where the host's files are.
    pub fn leave_sandbox(&self) -> io::Result<()> {
        kernel::enter(&self.home, libc::CLONE_NEWNS)
    }

    /// Begins a program; returns as soon as it has been executed, or has been forked and is in its sandbox.
    pub fn run(&self, setup: &Setup, program: &Program, filter: &Filter) -> Result<Sandbox, String> {
        let (ours, theirs) = Link::pair().map_err(|error| format!("socket pair: {error}"))?;
        let entered = self.enter(setup, program);
        let cloned = entered.and_then(|(mounts, user)| {
            match self.clone(program).map_err(|error| format!("clone: {error}"))? {
                Some((_, init)) => Ok((init, mounts)),
                None if program.birth == Birth::Zygote => {
                    zygote::run(program, self.uid, self.rootless, filter, theirs.as_fd())
                }
                None => init::run(
                    program,
                    user.as_ref().unwrap_or(&self.user),
                    self.rootless,
                    filter,
                    theirs.as_fd(),
                    ours.as_fd(),
                ),
            }
        });
        drop(theirs);
        self.leave_sandbox()
            .map_err(|error| format!("return from the sandbox: {error}"))?;
        let (init, mounts) = cloned?;
        let mut sandbox = Sandbox {
            init,
            mounts,
            program: None,
        };
        match ours.recv::<Answer>() {
            Ok(None) => Ok(sandbox),
            Ok(Some((Ok(()), descriptors))) => {
                let spaces = birth::Spaces {
                    inits: descriptors.try_into().map_err(|_| "init sent no namespaces")?,
                    shields: &self.spaces,
                    mounts: &sandbox.mounts,
                    user: &self.user,
                };
                sandbox.program = Some(birth::ask(program, &spaces)?);
                Ok(sandbox)
            }
            Ok(Some((Err(reason), _))) => Err(reason),
            Err(error) => Err(format!("start the program: {error}")),
        }
    }

    /// Clones what becomes init. A zygote has none: its children must be able to enter process id namespaces, and that
    /// they can only from one above.
    fn clone(&self, program: &Program) -> io::Result<Option<(libc::pid_t, OwnedFd)>> {
        let space = if program.birth == Birth::Zygote {
            0
        } else {
            libc::CLONE_NEWPID
        };
        kernel::clone(space | libc::CLONE_NEWCGROUP, program.group())
    }

    /// Enters a copy of the program's root and adds what is the sandbox's own. Returns its mount namespace, and its user
    /// namespace if that is not the usual one.
    fn enter(&self, setup: &Setup, program: &Program) -> Result<(OwnedFd, Option<OwnedFd>), String> {
        let step = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        let owner = match program.owner {
            Some(_) => Some(self.owner().map_err(step("user namespace"))?),
            None => None,
        };
        let user = match &owner {
            Some(owner) => Some(owner.user(program.user()).map_err(step("user namespace"))?),
            None => None,
        };
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
        match &owner {
            Some(owner) => image::assemble(setup, program, owner)?,
            None => mount_scratch(setup, program).map_err(step("mount /tmp and /dev/shm"))?,
        }
        Ok((mounts, user))
    }

    /// The owner of an image's files. Its user may also listen where only root may elsewhere: nobody else is in this
    /// network.
    fn owner(&self) -> io::Result<Owner> {
        // Kernels without this setting keep the usual rule.
        let _ = std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
        Owner::new(self.uid, self.rootless)
    }
}

fn mount_scratch(setup: &Setup, program: &Program) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let scratch = format!("mode=1777,size={}m,nr_inodes={}", program.scratch, program.inodes);
    let shared = format!("mode=1777,size={}m", setup.shared_memory);
    for (target, options) in [(c"/tmp", scratch), (c"/dev/shm", shared)] {
        let options = kernel::path(&options)?;
        rustix::mount::mount(c"tmpfs", target, c"tmpfs", flags, options.as_c_str())?;
    }
    Ok(())
}
