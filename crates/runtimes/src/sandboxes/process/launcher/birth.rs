use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Deserialize;

use super::{super::link::Link, program::Program};

/// Longest wait for a zygote, in seconds: it serves one request after the other, and may still be importing.
const PATIENCE: i64 = 20;

/// The namespaces of a sandbox, in the order of [`SPACES`](super::super::messages::SPACES).
pub struct Spaces<'a> {
    /// Of process ids and of control groups.
    pub inits: [OwnedFd; 2],
    /// Of IPC, host name and network.
    pub shields: &'a [OwnedFd; 3],
    /// Of mounts.
    pub mounts: &'a OwnedFd,
    /// Of users.
    pub user: &'a OwnedFd,
}

impl Spaces<'_> {
    fn all(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let last = [self.mounts, self.user];
        self.inits.iter().chain(self.shields).chain(last).map(AsFd::as_fd)
    }
}

/// Has a program forked by its zygote; returns it, with its process id, when it is in its sandbox.
pub fn ask(program: &Program, spaces: &Spaces<'_>) -> Result<(OwnedFd, u32), String> {
    let (zygote, doors) = program.zygote().ok_or("a fork needs a zygote")?;
    let failed = |error: io::Error| format!("ask the zygote: {error}");
    let (ours, theirs) = Link::pair().map_err(failed)?;
    let mut descriptors = vec![theirs.as_fd()];
    descriptors.extend(program.channels().iter().map(AsFd::as_fd));
    descriptors.extend(spaces.all());
    descriptors.extend(doors.iter().map(AsFd::as_fd));
    let zygote = Link::from(zygote.try_clone_to_owned().map_err(failed)?);
    zygote.send(&program.request(), &descriptors).map_err(failed)?;
    drop(theirs);
    let mut born = None;
    // The two of them may speak in any order; when both are silent, the program is in its place.
    loop {
        wait(&ours)?;
        match ours.recv::<News>().map_err(failed)? {
            Some((News::Born(process), mut descriptors)) => born = descriptors.pop().zip(Some(process)),
            Some((News::Failed(reason), _)) => return Err(reason),
            None => return born.ok_or_else(|| "the zygote has ended".into()),
        }
    }
}

/// What comes back: the process id from the zygote, whatever went wrong from it or from the program.
#[derive(Deserialize)]
#[serde(untagged)]
enum News {
    Born(u32),
    Failed(String),
}

fn wait(answers: &Link) -> Result<(), String> {
    let patience = Timespec {
        tv_sec: PATIENCE,
        tv_nsec: 0,
    };
    match poll(&mut [PollFd::new(answers, PollFlags::IN)], Some(&patience)) {
        Ok(1..) => Ok(()),
        Ok(0) => Err(format!("no answer of the zygote in {PATIENCE} s")),
        Err(error) => Err(format!("wait for the zygote: {error}")),
    }
}
