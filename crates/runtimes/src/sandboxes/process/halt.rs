//! Stops the processes of a sandbox one by one, where no control group can stop them together.

use std::{
    collections::HashSet,
    fs, io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How often the tree is looked through; each time finds what was forked meanwhile.
const ROUNDS: usize = 32;

/// A process and the one above it.
struct Child {
    process: u32,
    parent: u32,
}

/// Stops all processes below a keeper's init, which itself goes on reaping, and a program that was forked elsewhere
/// with all below it; returns those that were stopped.
///
/// # Errors
/// When processes are forked faster than they can be stopped; then all go on.
pub fn stop(keeper: u32, forked: Option<u32>) -> io::Result<Vec<OwnedFd>> {
    let mut stopped = Vec::new();
    let mut seen = HashSet::new();
    for _ in 0..ROUNDS {
        let found: Vec<Child> = below(keeper)
            .into_iter()
            .chain(forked.into_iter().flat_map(from))
            .filter(|child| seen.insert(child.process))
            .collect();
        if found.is_empty() {
            return Ok(stopped);
        }
        stopped.extend(found.iter().filter_map(Child::stop));
    }
    resume(&stopped);
    Err(io::Error::other(
        "its processes multiply faster than they can be stopped",
    ))
}

/// Lets processes go on.
pub fn resume(stopped: &[OwnedFd]) {
    for process in stopped {
        // Fails only for one that has ended.
        let _ = pidfd_send_signal(process, Signal::CONT);
    }
}

impl Child {
    /// Stops it, unless its id belongs to somebody else by now.
    fn stop(&self) -> Option<OwnedFd> {
        let pid = Pid::from_raw(self.process.try_into().ok()?)?;
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        if parent(self.process)? != self.parent {
            return None;
        }
        pidfd_send_signal(process.as_fd(), Signal::STOP).ok()?;
        Some(process)
    }
}

/// All processes below the children of this one.
fn below(keeper: u32) -> Vec<Child> {
    descend(children(keeper))
}

/// A process and all below it.
fn from(process: u32) -> Vec<Child> {
    let mut found = descend(vec![process]);
    found.extend(parent(process).map(|parent| Child { process, parent }));
    found
}

/// All processes below these.
fn descend(mut parents: Vec<u32>) -> Vec<Child> {
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        for process in children(parent) {
            parents.push(process);
            found.push(Child { process, parent });
        }
    }
    found
}

/// The children of all threads of a process; none where the kernel does not tell.
fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The process above another.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may contain anything, so fields are counted from its closing parenthesis.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
