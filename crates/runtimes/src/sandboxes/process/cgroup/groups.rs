use std::{fs::File, io, os::fd::BorrowedFd, path::Path};

use super::{location::Location, v1, v2};

/// What a group may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory, in bytes; no swap beside it.
    pub memory: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Share of the processor; 1024 is one.
    pub cpu_shares: u64,
}

/// Where this machine lets groups be made.
#[derive(Debug)]
pub enum Groups {
    /// The unified hierarchy.
    V2(v2::Tree),
    /// A hierarchy for each controller.
    V1(v1::Tree),
    /// Nowhere; the reason why.
    None(String),
}

impl Groups {
    /// Finds a place for groups, makes the parent and removes what dead servers left.
    pub fn open() -> Self {
        let location = match Location::read(Path::new("/proc")) {
            Ok(location) => location,
            Err(error) => return Groups::None(format!("/proc tells of no control groups: {error}")),
        };
        let second = v2::Tree::open(&location);
        let first = v1::Tree::open(&location);
        match (second, first) {
            (Ok(tree), _) => Groups::V2(tree),
            (_, Ok(tree)) => Groups::V1(tree),
            (Err(second), Err(first)) => Groups::None(format!("version 2: {second}; version 1: {first}")),
        }
    }

    /// Makes the group of a sandbox.
    pub fn create(&self, name: u32) -> io::Result<Group> {
        Ok(match self {
            Groups::V2(tree) => Group::V2(tree.create(name)?),
            Groups::V1(tree) => Group::V1(tree.create(name)?),
            Groups::None(_) => Group::None,
        })
    }

    /// What limits are held, in words.
    pub fn describe(&self) -> String {
        match self {
            Groups::V2(tree) => format!("version 2, below {}", tree.path().display()),
            Groups::V1(tree) => format!("version 1: {}", tree.controllers().join(", ")),
            Groups::None(reason) => reason.clone(),
        }
    }
}

/// The group of one sandbox.
#[derive(Debug)]
pub enum Group {
    /// In the unified hierarchy.
    V2(v2::Group),
    /// In each controller's hierarchy.
    V1(v1::Group),
    /// Not there.
    None,
}

impl Group {
    /// Sets the limits. The keeper and init are not counted among the processes.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        match self {
            Group::V2(group) => group.limit(limits),
            Group::V1(group) => group.limit(limits),
            Group::None => Ok(()),
        }
    }

    /// Changes the memory limit, in bytes.
    pub fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        match self {
            Group::V2(group) => group.limit_memory(bytes),
            Group::V1(group) => group.limit_memory(bytes),
            Group::None => Ok(()),
        }
    }

    /// Files into which a keeper writes `0` to move in, where sandboxes cannot be cloned into their group.
    pub fn keeper_doors(&self) -> io::Result<Vec<File>> {
        match self {
            Group::V1(group) => group.doors(),
            Group::V2(_) | Group::None => Ok(Vec::new()),
        }
    }

    /// What a sandbox is cloned into, where that is possible.
    pub fn door(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Group::V2(group) => Some(group.door()),
            Group::V1(group) => group.door(),
            Group::None => None,
        }
    }

    /// What a zygote is cloned into: not where it could be frozen, for its children would remain there.
    pub fn zygote_door(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Group::V2(group) => Some(group.door()),
            Group::V1(_) | Group::None => None,
        }
    }

    /// Files into which a process that is forked elsewhere writes `0` to move in.
    pub fn doors(&self) -> io::Result<Vec<File>> {
        match self {
            Group::V2(group) => group.doors(),
            Group::V1(group) => group.doors(),
            Group::None => Ok(Vec::new()),
        }
    }

    /// Moves the processes of a program that was forked elsewhere to where the sandbox is frozen, if that is another
    /// group than where its limits hold. Slow at first, so never while a request waits.
    pub fn gather(&self, keeper: u32) -> io::Result<()> {
        match self {
            Group::V1(group) => group.gather(keeper),
            Group::V2(_) | Group::None => Ok(()),
        }
    }

    /// Stops all processes of the sandbox, or lets them go on; none if no group can.
    pub fn freeze(&self, frozen: bool) -> Option<io::Result<()>> {
        match self {
            Group::V2(group) => Some(group.freeze(frozen)),
            Group::V1(group) => group.freeze(frozen),
            Group::None => None,
        }
    }

    /// How many processes the kernel has ended for want of memory.
    pub fn ooms(&self) -> u64 {
        match self {
            Group::V2(group) => group.ooms(),
            Group::V1(group) => group.ooms(),
            Group::None => 0,
        }
    }

    /// Bytes in use, without cached files.
    pub fn memory(&self) -> Option<u64> {
        match self {
            Group::V2(group) => group.memory(),
            Group::V1(group) => group.memory(),
            Group::None => None,
        }
    }

    /// Removes the group; fails while a process is in it.
    pub fn remove(&self) -> io::Result<()> {
        match self {
            Group::V2(group) => group.remove(),
            Group::V1(group) => group.remove(),
            Group::None => Ok(()),
        }
    }
}
