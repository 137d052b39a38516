use std::{
    ffi::c_int,
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Signal, getpid, getppid, pidfd_send_signal, set_parent_process_death_signal},
};

use super::{
    super::{
        link::Link,
        messages::{Answer, Bind, Command, Park, Setup, Start},
    },
    Filter, kernel, namespaces,
    program::Program,
    shield::{Sandbox, Shield},
};

/// Forks a keeper that serves the given command and status sockets, and joins its control groups by the files that
/// follow them; returns its process id.
pub fn fork(
    setup: &Setup,
    park: Park,
    filter: &Filter,
    rootless: bool,
    descriptors: Vec<OwnedFd>,
) -> Answer<libc::pid_t> {
    let mut descriptors = descriptors.into_iter();
    let (Some(commands), Some(status)) = (descriptors.next(), descriptors.next()) else {
        return Err("a keeper needs two sockets".into());
    };
    let doors: Vec<File> = descriptors.map(File::from).collect();
    let parent = getpid();
    if let Some(pid) = kernel::fork().map_err(|error| format!("fork a keeper: {error}"))? {
        return Ok(pid);
    }
    let (commands, status) = (Link::from(commands), Link::from(status));
    let born = set_parent_process_death_signal(Some(Signal::KILL));
    if born.is_err() || getppid() != Some(parent) {
        kernel::exit(1);
    }
    kernel::ignore_children(false);
    match join(doors).and_then(|()| prepare(setup, park, rootless, &commands, &status)) {
        Ok(shield) => Keeper {
            setup,
            filter,
            shield,
            commands,
            status,
            sandbox: None,
        }
        .serve(),
        Err(error) => {
            let _ = commands.send(&Answer::<bool>::Err(format!("prepare a sandbox: {error}")), &[]);
            kernel::exit(1)
        }
    }
}

/// Moves the caller into its control groups.
fn join(doors: Vec<File>) -> io::Result<()> {
    doors.into_iter().try_for_each(|mut door| door.write_all(b"0"))
}

/// Makes all that needs no program.
fn prepare(setup: &Setup, park: Park, rootless: bool, commands: &Link, status: &Link) -> io::Result<Shield> {
    kernel::close_all_but(&[commands.as_fd(), status.as_fd()], 3)?;
    let (shield, tun) = Shield::raise(setup, park, rootless)?;
    let answer: Answer<bool> = Ok(tun.is_some());
    commands.send(&answer, &tun.iter().map(AsFd::as_fd).collect::<Vec<_>>())?;
    Ok(shield)
}

/// The process above one sandbox: starts its program, mounts into it, ends it, reports its end.
struct Keeper<'a> {
    setup: &'a Setup,
    filter: &'a Filter,
    shield: Shield,
    commands: Link,
    status: Link,
    sandbox: Option<Sandbox>,
}

impl Keeper<'_> {
    fn serve(mut self) -> ! {
        loop {
            let mut events = vec![PollFd::new(&self.commands, PollFlags::IN)];
            events.extend(self.sandbox.iter().flat_map(Sandbox::ends));
            if poll(&mut events, None).is_err() {
                continue;
            }
            let ordered = events[0].revents();
            if events[1..].iter().any(|event| !event.revents().is_empty()) {
                self.finish();
            }
            if !ordered.is_empty() && !self.obey() {
                self.finish();
            }
        }
    }

    /// Carries out one command; false when no more will come.
    fn obey(&mut self) -> bool {
        let Ok(Some((command, descriptors))) = self.commands.recv::<Command>() else {
            return false;
        };
        let answer: Answer<(Option<u32>, Option<OwnedFd>)> = match command {
            Command::Start(start) => self.shield_program(start, descriptors).map(|forked| (forked, None)),
            Command::Mount(bind) => self
                .mount(&bind)
                .map(|()| (None, None))
                .map_err(|error| format!("mount {}: {error}", bind.source.display())),
            Command::Socket => namespaces::socket()
                .map(|socket| (None, Some(socket)))
                .map_err(|error| error.to_string()),
        };
        let (answer, brought) = match answer {
            Ok((forked, brought)) => (Ok(forked), brought),
            Err(reason) => (Err(reason), None),
        };
        let brought: Vec<_> = brought.iter().map(AsFd::as_fd).collect();
        self.commands.send::<Answer<Option<u32>>>(&answer, &brought).is_ok()
    }

    fn shield_program(&mut self, start: Start, descriptors: Vec<OwnedFd>) -> Answer<Option<u32>> {
        if self.sandbox.is_some() {
            return Err("this sandbox has a program already".into());
        }
        let program = Program::new(start, self.setup.scratch_inodes, descriptors)?;
        let sandbox = self.shield.run(self.setup, &program, self.filter)?;
        let forked = sandbox.program.as_ref().map(|(_, process)| *process);
        self.sandbox = Some(sandbox);
        Ok(forked)
    }

    fn mount(&self, bind: &Bind) -> io::Result<()> {
        let Some(sandbox) = &self.sandbox else {
            return Err(io::Error::other("no program runs yet"));
        };
        let tree = kernel::copy_tree(&bind.source, false)?;
        kernel::enter(&sandbox.mounts, libc::CLONE_NEWNS)?;
        let mounted = namespaces::place(&bind.target).and_then(|place| kernel::attach(tree, place));
        self.shield.leave_sandbox()?;
        mounted
    }

    /// Ends the sandbox, if it has not ended itself, reports how, and ends this process.
    fn finish(&self) -> ! {
        if let Some(sandbox) = &self.sandbox {
            let _ = pidfd_send_signal(&sandbox.init, Signal::KILL);
            let _ = self.status.send(&exit_code(&sandbox.init), &[]);
        }
        kernel::exit(0)
    }
}

impl Sandbox {
    /// What tells that it is over: the end of its first process, or of a program that is not below it.
    fn ends(&self) -> impl Iterator<Item = PollFd<'_>> {
        let program = self.program.iter().map(|(program, _)| program);
        [&self.init]
            .into_iter()
            .chain(program)
            .map(|process| PollFd::new(process, PollFlags::IN))
    }
}

/// Waits for a sandbox's first process, and with it for all of them.
fn exit_code(init: &OwnedFd) -> c_int {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    loop {
        match waitid(WaitId::PidFd(init.as_fd()), WaitIdOptions::EXITED) {
            Ok(Some(status)) => {
                return status
                    .exit_status()
                    .unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(libc::SIGKILL));
            }
            Err(rustix::io::Errno::INTR) | Ok(None) => {}
            Err(_) => return 128 + libc::SIGKILL,
        }
    }
}
