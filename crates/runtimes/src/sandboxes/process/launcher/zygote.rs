use std::{io, os::fd::BorrowedFd};

use rustix::{
    mount::UnmountFlags,
    process::{Gid, Uid},
    thread::{CapabilitySet, CapabilitySets},
};

use super::{
    Filter,
    init::{self, Failure},
    kernel,
    program::Program,
};

/// What it takes to enter namespaces. Of what these allow beside that, the filter of system calls leaves nothing.
const PLACING: [CapabilitySet; 2] = [CapabilitySet::SYS_ADMIN, CapabilitySet::SYS_CHROOT];

/// Becomes a zygote: a program in a root, network and groups of its own, but in nobody's process id and user namespace,
/// whose children can enter those of their sandboxes.
pub fn run(program: &Program, uid: u32, rootless: bool, filter: &Filter, report: BorrowedFd<'_>) -> ! {
    // It needs no second descriptor of its own; any will do.
    let Ok((report, spare)) = init::settle(program, report, report) else {
        kernel::exit(126);
    };
    drop(spare);
    let failure = match confine(uid, rootless, filter).and_then(|()| init::die_with_keeper(&report)) {
        Ok(()) => program.execute(),
        Err(failure) => failure,
    };
    init::tell(&report, failure);
    kernel::exit(126)
}

fn confine(uid: u32, rootless: bool, filter: &Filter) -> Result<(), Failure> {
    let step = |what| move |error: rustix::io::Errno| (what, io::Error::from(error));
    if rootless {
        // It would show the host's processes.
        rustix::mount::unmount(c"/proc", UnmountFlags::DETACH).map_err(step("unmount /proc"))?;
    } else {
        rustix::thread::set_thread_groups(&[]).map_err(step("drop groups"))?;
    }
    init::drop_bounding(&PLACING).map_err(step("drop capabilities"))?;
    rustix::thread::set_keep_capabilities(true).map_err(step("keep capabilities"))?;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(uid));
    if !rootless {
        rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(step("change group"))?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(step("change user"))?;
    }
    keep_capabilities().map_err(step("drop capabilities"))?;
    rustix::thread::set_no_new_privs(true).map_err(step("no new privileges"))?;
    filter.apply_to_zygote().map_err(|error| ("filter system calls", error))
}

/// Keeps those capabilities that place children, through the execution of the program, and no other.
fn keep_capabilities() -> rustix::io::Result<()> {
    let kept = PLACING
        .into_iter()
        .fold(CapabilitySet::empty(), |kept, next| kept | next);
    rustix::thread::set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: kept,
        },
    )?;
    PLACING
        .into_iter()
        .try_for_each(|kept| rustix::thread::configure_capability_in_ambient_set(kept, true))
}
