use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use wisp_core::ports::{Cell, Channel, SandboxSpec};

use super::{
    Process,
    cell::{Desk, Running},
    cgroup::Limits,
    messages::{Command, Start},
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
    let (channel, theirs) = channel(spec.listener.as_deref()).map_err(failed)?;
    let Parked {
        keeper,
        commands,
        status,
        tun,
        place,
        ..
    } = parked;
    let relay = relay(process, tun).map_err(failed)?;
    let desk = Desk::new(commands).map_err(failed)?;
    let mut descriptors: Vec<BorrowedFd<'_>> = theirs.iter().map(AsFd::as_fd).collect();
    descriptors.push(root.as_fd());
    descriptors.extend(place.group.door());
    let Ok(answer) = desk.ask(&command(spec), &descriptors).await else {
        return Ok(None);
    };
    answer?;
    drop(theirs);
    let running = Running::new(keeper, desk, status, place, relay, process.yard.clone()).map_err(failed)?;
    Ok(Some((Box::new(running), channel)))
}

/// The network of a sandbox that has one.
fn relay(process: &Process, tun: Option<OwnedFd>) -> io::Result<Option<Relay>> {
    let (policy, config) = (&process.policy, &process.network);
    tun.map(|tun| Relay::start(tun, policy.clone(), config.clone(), process.clock.clone()))
        .transpose()
}

fn command(spec: &SandboxSpec) -> Command {
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
    })
}

/// The worker's ends of a program's descriptors, and the program's.
fn channel(listener: Option<&OwnedFd>) -> io::Result<(Channel, [OwnedFd; 3])> {
    let (control, connected) = UnixStream::pair()?;
    let their_control = listener.map_or_else(|| Ok(connected.into()), OwnedFd::try_clone)?;
    let (stdout, their_stdout) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let (stderr, their_stderr) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    Ok((
        Channel {
            control: control.into(),
            stdout,
            stderr,
        },
        [their_control, their_stdout, their_stderr],
    ))
}
