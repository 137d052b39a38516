use std::{fs, fs::File, io, os::unix::process::CommandExt, path::Path, process::Command};

use rustix::{process::geteuid, thread::UnshareFlags};

use super::{super::Check, cgroup::Groups};

/// The first kernel with every system call in use: `mount_setattr` was the last of them.
const KERNEL: (u32, u32) = (5, 12);

/// What this machine offers to sandboxes. Tries things out, but leaves nothing behind.
pub fn probe() -> Vec<Check> {
    checks(&Groups::open())
}

/// The same, with control groups that are open already.
pub fn checks(groups: &Groups) -> Vec<Check> {
    vec![kernel(), user(), namespaces(), limits(groups), filter(), tun()]
}

fn kernel() -> Check {
    let name = "kernel";
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse().ok());
    let found: Option<(u32, u32)> = numbers.next().zip(numbers.next());
    let release = format!("Linux {}", release.trim());
    match found {
        Some(found) if found < KERNEL => {
            Check::missing(name, release, format!("use Linux {}.{} or newer", KERNEL.0, KERNEL.1))
        }
        _ => Check::ok(name, release),
    }
}

fn user() -> Check {
    if geteuid().is_root() {
        return Check::ok("user", "root: every sandbox runs as a user of its own");
    }
    let uid = geteuid().as_raw();
    let remedy = "run the server as root to give each sandbox a user of its own";
    Check::limited("user", format!("user {uid}: all sandboxes run as this user"), remedy)
}

/// Tries to make the namespaces of a sandbox, in a process of its own.
fn namespaces() -> Check {
    let name = "namespaces";
    let flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    let mut command = Command::new("/proc/self/exe");
    // SAFETY: between fork and exec only one system call is made, which needs no lock and no memory; its error, made
    // up when it succeeds, keeps the program from being executed.
    unsafe {
        command.pre_exec(move || {
            // SAFETY: the forked process has one thread.
            rustix::thread::unshare_unsafe(flags)?;
            Err(rustix::io::Errno::EXIST.into())
        });
    }
    match command.spawn() {
        Err(error) if error.raw_os_error().is_none() || error.kind() == io::ErrorKind::AlreadyExists => Check::ok(
            name,
            "user, mount, process, network, IPC, host name and control group namespaces can be made",
        ),
        Err(error) => Check::missing(name, format!("namespaces cannot be made: {error}"), remedy()),
        Ok(_) => Check::ok(name, "namespaces can be made"),
    }
}

/// What most probably keeps user namespaces from being made.
fn remedy() -> String {
    let zero = |path: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == "0");
    let one = |path: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
    if zero("/proc/sys/kernel/unprivileged_userns_clone") {
        return "sysctl kernel.unprivileged_userns_clone=1".into();
    }
    if one("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") {
        return "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with `userns`".into();
    }
    if zero("/proc/sys/user/max_user_namespaces") {
        return "sysctl user.max_user_namespaces=16384".into();
    }
    "run the server as root; in a container, allow unshare and mount (--privileged, or a profile that does)".into()
}

fn limits(groups: &Groups) -> Check {
    let name = "limits";
    let found = groups.describe();
    match groups {
        Groups::V1(tree) if tree.controllers().len() < 3 => Check::limited(
            name,
            format!("control groups {found}"),
            "mount the controllers memory, pids and cpu",
        ),
        Groups::V1(_) | Groups::V2(_) => Check::ok(name, format!("control groups {found}")),
        Groups::None(_) => Check::limited(
            name,
            format!("no limits of memory, processes and processor: {found}"),
            "run the server as root, or as a systemd service with Delegate=yes",
        ),
    }
}

fn filter() -> Check {
    if Path::new("/proc/sys/kernel/seccomp/actions_avail").exists() {
        Check::ok("system call filter", "seccomp")
    } else {
        Check::missing(
            "system call filter",
            "the kernel has no seccomp",
            "use a kernel with CONFIG_SECCOMP_FILTER",
        )
    }
}

fn tun() -> Check {
    match File::options().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Check::ok("network", "functions reach the outside through /dev/net/tun"),
        Err(error) => Check::limited(
            "network",
            format!("functions have no network: /dev/net/tun: {error}"),
            "load the module tun and let the server's user read and write /dev/net/tun",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandboxes::Health;

    #[test]
    fn every_finding_says_what_to_do_unless_all_is_well() {
        let checks = probe();
        assert_eq!(checks.len(), 6);
        for check in checks {
            assert_eq!(check.health == Health::Ok, check.remedy.is_empty(), "{check:?}");
            assert!(!check.detail.is_empty());
        }
    }

    #[test]
    fn namespaces_are_really_tried() {
        let check = namespaces();
        let status = Command::new("unshare")
            .args(["--user", "--net", "--pid", "--fork", "true"])
            .status();
        assert_eq!(
            status.is_ok_and(|status| status.success()),
            check.health == Health::Ok,
            "{check:?}"
        );
    }
}
