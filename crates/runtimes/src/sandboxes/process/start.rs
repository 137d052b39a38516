use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use wisp_core::ports::{Birth, Cell, Channel, SandboxSpec};

use super::{
    Process,
    cell::{Desk, Running},
    cgroup::Limits,
    link::Link,
    messages::{self, Command, Start},
    network::Relay,
    yard::Parked,
};

/// Starts a program in a parked sandbox.
pub async fn start(process: &Process, spec: &SandboxSpec) -> Result<(Box<dyn Cell>, Channel), String> {
    loop {
        let parked = process.yard.take(spec.network).await?;
        let generation = parked.generation;
        let root = process.roots.get(&process.yard, generation, spec).await?;
        if let Some(started) = begin(process, parked, spec, &root).await? {
            return Ok(started);
        }
        // The keeper died with its launcher while it was parked; the next is one of the new launcher, or says why not.
    }
}

/// Hands the program to the keeper; none if the keeper is dead.
async fn begin(
    process: &Process,
    parked: Parked,
    spec: &SandboxSpec,
    root: &OwnedFd,
) -> Result<Option<(Box<dyn Cell>, Channel)>, String> {
    let failed = |error: io::Error| error.to_string();
    let limits = Limits {
        memory: spec.memory << 20,
        pids: spec.pids,
        cpu_shares: spec.cpu_shares,
    };
    parked
        .place
        .group
        .limit(&limits)
        .map_err(|error| format!("set limits: {error}"))?;
    let (channel, theirs) = channel(spec).map_err(failed)?;
    let doors = match &spec.birth {
        Birth::Forked(_) => parked.place.group.doors().map_err(failed)?,
        Birth::Executed | Birth::Zygote => Vec::new(),
    };
    let Parked {
        keeper,
        commands,
        status,
        tun,
        place,
        successor: _successor,
        ..
    } = parked;
    let relay = relay(process, tun).map_err(failed)?;
    let desk = Desk::new(commands).map_err(failed)?;
    let mut descriptors: Vec<BorrowedFd<'_>> = theirs.iter().map(AsFd::as_fd).collect();
    descriptors.push(root.as_fd());
    if let Birth::Forked(zygote) = &spec.birth {
        descriptors.push(zygote.as_fd());
    }
    descriptors.extend(doors.iter().map(AsFd::as_fd));
    descriptors.extend(match &spec.birth {
        Birth::Zygote => place.group.zygote_door(),
        Birth::Executed | Birth::Forked(_) => place.group.door(),
    });
    let Ok(answer) = desk.ask(&command(spec, doors.len()), &descriptors).await else {
        return Ok(None);
    };
    let forked = answer?;
    drop(theirs);
    let running = Running::new(keeper, forked, desk, status, place, relay, process.yard.clone()).map_err(failed)?;
    Ok(Some((Box::new(running), channel)))
}

/// The network of a sandbox that has one.
fn relay(process: &Process, tun: Option<OwnedFd>) -> io::Result<Option<Relay>> {
    let (policy, config) = (&process.policy, &process.network);
    tun.map(|tun| Relay::start(tun, policy.clone(), config.clone(), process.clock.clone()))
        .transpose()
}

fn command(spec: &SandboxSpec, doors: usize) -> Command {
    Command::Start(Start {
        command: spec.command.clone(),
        environment: spec
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        directory: spec.directory.to_string_lossy().into_owned(),
        pids: spec.pids,
        files: spec.files,
        scratch: spec.scratch,
        owner: spec.image.as_ref().map(|image| (image.user, image.group)),
        birth: match &spec.birth {
            Birth::Executed => messages::Birth::Executed,
            Birth::Zygote => messages::Birth::Zygote,
            Birth::Forked(_) => messages::Birth::Forked,
        },
        doors,
    })
}

/// The worker's ends of a program's descriptors, and the program's.
fn channel(spec: &SandboxSpec) -> io::Result<(Channel, [OwnedFd; 3])> {
    let (control, connected): (OwnedFd, OwnedFd) = match &spec.birth {
        Birth::Zygote => Link::pair().map(|(ours, theirs)| (ours.into(), theirs.into()))?,
        Birth::Executed | Birth::Forked(_) => UnixStream::pair().map(|(ours, theirs)| (ours.into(), theirs.into()))?,
    };
    let listener = spec.listener.as_deref();
    let their_control = listener.map_or_else(|| Ok(connected), OwnedFd::try_clone)?;
    let (stdout, their_stdout) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let (stderr, their_stderr) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    Ok((
        Channel {
            control,
            stdout,
            stderr,
        },
        [their_control, their_stdout, their_stderr],
    ))
}
