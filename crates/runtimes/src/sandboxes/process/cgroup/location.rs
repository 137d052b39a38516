use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// What parent groups are called: this, the server's process id, when that process started, and a count.
const PREFIX: &str = "wisp";
/// How many parents this process has named.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Where this process stands in the machine's hierarchies.
#[derive(Debug, PartialEq, Eq)]
pub struct Location {
    /// The directory of this process' group in the unified hierarchy.
    pub unified: Option<PathBuf>,
    /// Controllers with hierarchies of their own, and the directory of this process' group in each.
    pub controllers: Vec<(String, PathBuf)>,
    /// What this server's parent group is called.
    pub name: String,
    proc: PathBuf,
}

impl Location {
    /// Reads it from a mounted proc.
    pub fn read(proc: &Path) -> io::Result<Self> {
        let mounts = fs::read_to_string(proc.join("self/mountinfo"))?;
        let groups = fs::read_to_string(proc.join("self/cgroup"))?;
        let pid = std::process::id();
        let started = started(proc, pid).ok_or_else(|| io::Error::other("no start time of this process"))?;
        let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
        let mut location = Self {
            unified: None,
            controllers: Vec::new(),
            name: format!("{PREFIX}.{pid}.{started}.{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            proc: proc.into(),
        };
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(names), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            if names.is_empty() {
                location.unified = mounts
                    .iter()
                    .find(|mount| mount.unified)
                    .and_then(|mount| mount.directory(path));
                continue;
            }
            for name in names.split(',') {
                let mount = mounts
                    .iter()
                    .find(|mount| !mount.unified && mount.options.contains(&name));
                if let Some(directory) = mount.and_then(|mount| mount.directory(path)) {
                    location.controllers.push((name.into(), directory));
                }
            }
        }
        Ok(location)
    }

    /// Removes the groups of servers that are no longer alive from a directory. What cannot be removed is in use, or
    /// somebody else's, and stays.
    pub fn sweep(&self, directory: &Path) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(|name| self.dead(name)) {
                remove(&entry.path());
            }
        }
    }

    fn dead(&self, name: &str) -> bool {
        let mut parts = name.split('.');
        let (Some(PREFIX), Some(pid), Some(start)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let Ok(pid) = pid.parse() else { return false };
        started(&self.proc, pid).is_none_or(|alive| alive.to_string() != start)
    }
}

/// Removes a group and those in it, as far as no process is in them.
fn remove(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(directory);
}

/// When a process started, in clock ticks since the machine did; none if there is no such process.
fn started(proc: &Path, pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
    // The name may contain anything, so fields are counted from its closing parenthesis.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    unified: bool,
    options: Vec<&'a str>,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (head, tail) = line.split_once(" - ")?;
        let (mut head, mut tail) = (head.split(' ').skip(3), tail.split(' '));
        let (root, point) = (head.next()?, head.next()?);
        let unified = match tail.next()? {
            "cgroup2" => true,
            "cgroup" => false,
            _ => return None,
        };
        Some(Self {
            root,
            point,
            unified,
            options: tail.nth(1)?.split(',').collect(),
        })
    }

    /// The directory of a group, if this mount shows it.
    fn directory(&self, group: &str) -> Option<PathBuf> {
        let below = Path::new(group).strip_prefix(self.root).ok()?;
        Some(Path::new(self.point).join(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_groups_and_mounted_subtrees_are_found() {
        let proc = tempfile::tempdir().unwrap();
        let pid = std::process::id().to_string();
        fs::create_dir_all(proc.path().join("self")).unwrap();
        fs::create_dir_all(proc.path().join(&pid)).unwrap();
        let line = |root: &str, point: &str, kind: &str, options: &str| {
            format!("36 32 0:30 {root} {point} rw,relatime shared:9 - {kind} cgroup rw,{options}\n")
        };
        let mounts = line("/", "/cg/memory", "cgroup", "memory")
            + &line("/box", "/cg/cpu,cpuacct", "cgroup", "cpu,cpuacct")
            + &line("/", "/cg/unified", "cgroup2", "nsdelegate");
        fs::write(proc.path().join("self/mountinfo"), mounts).unwrap();
        fs::write(
            proc.path().join("self/cgroup"),
            "4:memory:/a/b\n3:cpu,cpuacct:/box/c\n2:pids:/x\n0::/d\n",
        )
        .unwrap();
        let fields: Vec<String> = (3..30).map(|field| field.to_string()).collect();
        fs::write(
            proc.path().join(&pid).join("stat"),
            format!("1 (odd ) name) {}", fields.join(" ")),
        )
        .unwrap();
        let location = Location::read(proc.path()).unwrap();
        assert_eq!(location.unified, Some("/cg/unified/d".into()));
        let controllers: Vec<_> = location
            .controllers
            .iter()
            .map(|(name, at)| (name.as_str(), at.to_str().unwrap()))
            .collect();
        assert_eq!(
            controllers,
            [
                ("memory", "/cg/memory/a/b"),
                ("cpu", "/cg/cpu,cpuacct/c"),
                ("cpuacct", "/cg/cpu,cpuacct/c")
            ]
        );
        assert!(
            location.name.starts_with(&format!("wisp.{pid}.22.")),
            "{}",
            location.name
        );
        assert!(!location.dead(&location.name));
        assert!(location.dead(&format!("wisp.{pid}.21.0")));
        assert!(location.dead("wisp.999999999.5.0"));
        assert!(!location.dead("wisp.slice") && !location.dead("other.1.2"));
    }
}
