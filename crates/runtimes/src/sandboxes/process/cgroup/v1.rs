use std::{
    fs::{self, File},
    io,
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
};

use super::{Limits, location::Location, v2};

/// The controllers in use; the first must be there.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
/// Keeper and init stand in the group beside the program.
const OWN_PIDS: u64 = 2;

/// The parent groups, one a controller, and that of the unified hierarchy beside them: version 1's own freezer keeps
/// what it has frozen from being killed.
#[derive(Debug)]
pub struct Tree {
    parents: Vec<(&'static str, PathBuf)>,
    freezer: Option<v2::Tree>,
}

impl Tree {
    /// Makes the parents.
    pub fn open(location: &Location) -> io::Result<Self> {
        let mut parents = Vec::new();
        for wanted in CONTROLLERS {
            let Some((_, own)) = location.controllers.iter().find(|(name, _)| name == wanted) else {
                continue;
            };
            location.sweep(own);
            let parent = own.join(&location.name);
            match fs::create_dir_all(&parent) {
                Ok(()) => parents.push((wanted, parent)),
                Err(error) if wanted == CONTROLLERS[0] => return Err(error),
                Err(error) => tracing::warn!(controller = wanted, %error, "no control group"),
            }
        }
        match parents.first() {
            Some((name, _)) if *name == CONTROLLERS[0] => Ok(Self {
                parents,
                freezer: v2::Tree::bare(location).ok(),
            }),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "no memory controller")),
        }
    }

    /// The controllers that hold.
    pub fn controllers(&self) -> Vec<&'static str> {
        self.parents.iter().map(|(name, _)| *name).collect()
    }

    /// Makes the group of a sandbox.
    pub fn create(&self, name: u32) -> io::Result<Group> {
        let directories: Vec<_> = self
            .parents
            .iter()
            .map(|(controller, at)| (*controller, at.join(name.to_string())))
            .collect();
        for (_, directory) in &directories {
            fs::create_dir_all(directory)?;
        }
        let freezer = self.freezer.as_ref().map(|tree| tree.create(name)).transpose()?;
        Ok(Group { directories, freezer })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for (_, parent) in &self.parents {
            let _ = fs::remove_dir(parent);
        }
    }
}

/// The group of a sandbox: a directory in each controller's hierarchy.
#[derive(Debug)]
pub struct Group {
    directories: Vec<(&'static str, PathBuf)>,
    freezer: Option<v2::Group>,
}

impl Group {
    fn directory(&self, controller: &str) -> Option<&Path> {
        self.directories
            .iter()
            .find(|(name, _)| *name == controller)
            .map(|(_, at)| at.as_path())
    }

    /// Sets all limits.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        self.limit_memory(limits.memory)?;
        if let Some(pids) = self.directory("pids") {
            fs::write(pids.join("pids.max"), (limits.pids + OWN_PIDS).to_string())?;
        }
        if let Some(cpu) = self.directory("cpu") {
            fs::write(cpu.join("cpu.shares"), limits.cpu_shares.to_string())?;
        }
        Ok(())
    }

    /// Sets the limit of memory, and that of memory with swap to the same.
    pub fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        let Some(memory) = self.directory("memory") else {
            return Ok(());
        };
        let (plain, swap) = (
            memory.join("memory.limit_in_bytes"),
            memory.join("memory.memsw.limit_in_bytes"),
        );
        let bytes = bytes.to_string();
        if !swap.exists() {
            fs::write(memory.join("memory.swappiness"), "0")?;
            return fs::write(plain, bytes);
        }
        // The limit with swap may never be the lower one: which is written first depends on the direction.
        match fs::write(&plain, &bytes) {
            Ok(()) => fs::write(swap, bytes),
            Err(_) => fs::write(swap, &bytes).and_then(|()| fs::write(plain, bytes)),
        }
    }

    /// Files into which a process writes `0` to move in. A thread that moves itself waits for nobody, while moving
    /// another, or a whole process, first waits for all processors, about 10 ms; and nobody forks meanwhile.
    pub fn doors(&self) -> io::Result<Vec<File>> {
        let open = |(_, at): &(_, PathBuf)| File::options().write(true).open(at.join("tasks"));
        self.directories.iter().map(open).collect()
    }

    /// Moves all processes but the keeper to where the sandbox is frozen.
    pub fn gather(&self, keeper: u32) -> io::Result<()> {
        let (Some(freezer), Some(memory)) = (&self.freezer, self.directory(CONTROLLERS[0])) else {
            return Ok(());
        };
        let mut there = freezer.processes()?;
        // What is forked meanwhile is found by the next look.
        loop {
            let here = v2::processes(memory)?;
            let missing: Vec<_> = here
                .into_iter()
                .filter(|one| *one != keeper && !there.contains(one))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            for process in missing {
                // Fails only for one that has ended.
                let _ = freezer.adopt(process);
                there.push(process);
            }
        }
    }

    /// What a sandbox is cloned into, so that it, but not its keeper, can be frozen.
    pub fn door(&self) -> Option<BorrowedFd<'_>> {
        self.freezer.as_ref().map(v2::Group::door)
    }

    /// Stops all processes of the sandbox, or lets them go on; none if that is not possible here.
    pub fn freeze(&self, frozen: bool) -> Option<io::Result<()>> {
        self.freezer.as_ref().map(|group| group.freeze(frozen))
    }

    /// How many processes the kernel has ended for want of memory.
    pub fn ooms(&self) -> u64 {
        let control = self.directory("memory").map(|memory| memory.join("memory.oom_control"));
        control
            .and_then(|path| super::v2::field(&path, "oom_kill"))
            .unwrap_or(0)
    }

    /// Bytes in use, without cached files.
    pub fn memory(&self) -> Option<u64> {
        let statistics = self.directory("memory")?.join("memory.stat");
        Some(super::v2::field(&statistics, "rss")? + super::v2::field(&statistics, "shmem").unwrap_or(0))
    }

    /// Removes the group.
    pub fn remove(&self) -> io::Result<()> {
        self.freezer.iter().try_for_each(v2::Group::remove)?;
        self.directories
            .iter()
            .try_for_each(|(_, at)| match fs::remove_dir(at) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            })
    }
}
