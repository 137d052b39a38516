use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
};

use super::{Limits, location::Location};

/// The controllers in use; the first must be there.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
/// Init stands in the group beside the program.
const OWN_PIDS: u64 = 1;
/// Where the server itself goes: a group with controllers for its children may have no process of its own.
const SERVER: &str = "server";

/// What stops and resumes all processes of a group.
const FREEZE: &str = "cgroup.freeze";

/// The parent group.
#[derive(Debug)]
pub struct Tree {
    parent: PathBuf,
    controllers: Vec<&'static str>,
}

impl Tree {
    /// Makes the parent and hands it the controllers.
    pub fn open(location: &Location) -> io::Result<Self> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "no unified hierarchy");
        let own = location.unified.as_deref().ok_or_else(none)?;
        Self::below(own, location)
    }

    fn below(own: &Path, location: &Location) -> io::Result<Self> {
        let offered = fs::read_to_string(own.join("cgroup.controllers"))?;
        let offered = |name: &&'static str| offered.split_whitespace().any(|offer| offer == *name);
        let controllers: Vec<_> = CONTROLLERS.into_iter().filter(offered).collect();
        if controllers.first() != Some(&CONTROLLERS[0]) {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the memory controller is not delegated to this group",
            ));
        }
        location.sweep(own);
        let wanted: Vec<_> = controllers.iter().map(|name| format!("+{name}")).collect();
        let (wanted, subtree) = (wanted.join(" "), own.join("cgroup.subtree_control"));
        if fs::write(&subtree, &wanted).is_err() {
            // Processes stand in the way: this one moves aside. If there are others, the second attempt tells.
            fs::create_dir_all(own.join(SERVER))?;
            fs::write(own.join(SERVER).join("cgroup.procs"), std::process::id().to_string())?;
            fs::write(&subtree, &wanted)?;
        }
        let parent = own.join(&location.name);
        fs::create_dir_all(&parent)?;
        fs::write(parent.join("cgroup.subtree_control"), wanted)?;
        Ok(Self { parent, controllers })
    }

    /// Makes a parent without controllers, whose groups only stop and resume what is in them.
    pub fn bare(location: &Location) -> io::Result<Self> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "no unified hierarchy");
        let own = location.unified.as_deref().ok_or_else(none)?;
        location.sweep(own);
        let parent = own.join(&location.name);
        fs::create_dir_all(&parent)?;
        let tree = Self {
            parent,
            controllers: Vec::new(),
        };
        match tree.parent.join(FREEZE).exists() {
            true => Ok(tree),
            false => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the kernel cannot freeze control groups",
            )),
        }
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.parent
    }

    /// Makes the group of a sandbox.
    pub fn create(&self, name: u32) -> io::Result<Group> {
        let directory = self.parent.join(name.to_string());
        fs::create_dir_all(&directory)?;
        Ok(Group {
            door: File::open(&directory)?,
            directory,
            controllers: self.controllers.clone(),
        })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.parent);
    }
}

/// The group of a sandbox.
#[derive(Debug)]
pub struct Group {
    directory: PathBuf,
    door: File,
    controllers: Vec<&'static str>,
}

impl Group {
    fn write(&self, file: &str, value: impl ToString) -> io::Result<()> {
        fs::write(self.directory.join(file), value.to_string())
    }

    /// Sets all limits.
    pub fn limit(&self, limits: &Limits) -> io::Result<()> {
        self.limit_memory(limits.memory)?;
        self.write("memory.oom.group", 1)?;
        if self.controllers.contains(&"pids") {
            self.write("pids.max", limits.pids + OWN_PIDS)?;
        }
        if self.controllers.contains(&"cpu") {
            self.write("cpu.weight", weight(limits.cpu_shares))?;
        }
        Ok(())
    }

    /// Sets the limit of memory, and allows no swap.
    pub fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        self.write("memory.max", bytes)?;
        if self.directory.join("memory.swap.max").exists() {
            self.write("memory.swap.max", 0)
        } else {
            Ok(())
        }
    }

    /// Stops all processes in it, or lets them go on.
    pub fn freeze(&self, frozen: bool) -> io::Result<()> {
        self.write(FREEZE, u8::from(frozen))
    }

    /// The file into which a process writes `0` to move in.
    pub fn doors(&self) -> io::Result<Vec<File>> {
        let file = File::options().write(true).open(self.directory.join("cgroup.procs"))?;
        Ok(vec![file])
    }

    /// The processes in it.
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        processes(&self.directory)
    }

    /// Moves a process in.
    pub fn adopt(&self, process: u32) -> io::Result<()> {
        self.write("cgroup.procs", process)
    }

    /// What a sandbox is cloned into.
    pub fn door(&self) -> BorrowedFd<'_> {
        self.door.as_fd()
    }

    /// How many processes the kernel has ended for want of memory.
    pub fn ooms(&self) -> u64 {
        field(&self.directory.join("memory.events"), "oom_kill").unwrap_or(0)
    }

    /// Bytes in use, without cached files.
    pub fn memory(&self) -> Option<u64> {
        let statistics = self.directory.join("memory.stat");
        Some(field(&statistics, "anon")? + field(&statistics, "shmem").unwrap_or(0))
    }

    /// Removes the group, ending what may still be in it.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                let _ = self.write("cgroup.kill", 1);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Version 1's shares (2 to 262144, one is 1024) as version 2's weight (1 to 10000, one is 100).
fn weight(shares: u64) -> u64 {
    (shares.clamp(2, 262_144) * 100 / 1024).clamp(1, 10_000)
}

/// A number from a file of lines `name number`.
pub fn field(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(key, _)| *key == name)?
        .1
        .trim()
        .parse()
        .ok()
}

/// The processes in a group, of either version.
pub fn processes(directory: &Path) -> io::Result<Vec<u32>> {
    let list = fs::read_to_string(directory.join("cgroup.procs"))?;
    Ok(list.lines().filter_map(|line| line.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(own: &Path) -> Location {
        let mut location = Location::read(Path::new("/proc")).unwrap();
        location.unified = Some(own.into());
        location
    }

    #[test]
    fn limits_are_written_where_the_kernel_reads_them() {
        let own = tempfile::tempdir().unwrap();
        fs::write(own.path().join("cgroup.controllers"), "cpu io memory pids\n").unwrap();
        fs::create_dir(own.path().join("wisp.999999999.1.0")).unwrap();
        let location = location(own.path());
        let tree = Tree::open(&location).unwrap();
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(read(own.path().join("cgroup.subtree_control")), "+memory +pids +cpu");
        assert!(!own.path().join("wisp.999999999.1.0").exists(), "left by a dead server");
        let group = tree.create(7).unwrap();
        let at = own.path().join(&location.name).join("7");
        fs::write(at.join("memory.swap.max"), "max").unwrap();
        group
            .limit(&Limits {
                memory: 1 << 28,
                pids: 64,
                cpu_shares: 2048,
            })
            .unwrap();
        let values = [
            "memory.max",
            "memory.swap.max",
            "memory.oom.group",
            "pids.max",
            "cpu.weight",
        ];
        assert_eq!(
            values.map(|file| read(at.join(file))),
            ["268435456", "0", "1", "65", "200"]
        );
        fs::write(at.join("memory.events"), "low 0\noom 3\noom_kill 2\n").unwrap();
        assert_eq!(group.ooms(), 2);
    }

    #[test]
    fn a_group_without_memory_controller_is_refused() {
        let own = tempfile::tempdir().unwrap();
        fs::write(own.path().join("cgroup.controllers"), "hugetlb\n").unwrap();
        assert!(
            Tree::open(&location(own.path()))
                .unwrap_err()
                .to_string()
                .contains("memory controller")
        );
    }
}
