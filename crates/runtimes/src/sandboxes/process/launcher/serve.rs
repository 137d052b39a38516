use std::{fs::File, io, os::fd::AsFd, process::ExitCode};

use rustix::{
    mount::MountPropagationFlags,
    process::{Resource, Rlimit, Signal, geteuid, getpid, getrlimit, set_parent_process_death_signal, setrlimit},
    thread::UnshareFlags,
};

use super::{
    super::{
        link::Link,
        messages::{Answer, Order, Setup},
    },
    Filter, keeper, kernel, namespaces, roots,
};

/// The argument with which the server executes itself as a launcher. Whoever owns `main` must call [`launcher_main`]
/// when it is the first argument, before any thread exists.
pub const ARGUMENT: &str = "sandbox-launcher";

/// Serves the server at the other end of standard input until that is closed.
pub fn launcher_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{ARGUMENT}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let link = take_stdin()?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let Some((setup, _)) = link.recv::<Setup>()? else {
        return Ok(());
    };
    restrain(&setup)?;
    let rootless = !geteuid().is_root();
    if rootless {
        namespaces::become_owner()?;
    }
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The children of a zygote that has ended are waited for here, like all others.
    rustix::process::set_child_subreaper(Some(getpid()))?;
    // A mount namespace of its own: what is done here is never seen outside, what is mounted outside appears here.
    kernel::unshare(UnshareFlags::NEWNS)?;
    rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let filter = Filter::compile().map_err(io::Error::other)?;
    kernel::ignore_children(true);
    let answer: Answer = Ok(());
    link.send(&answer, &[])?;
    while let Some((order, descriptors)) = link.recv::<Order>()? {
        match order {
            Order::Keeper(park) => link.send(&keeper::fork(&setup, park, &filter, rootless, descriptors), &[])?,
            Order::Root(root) => match roots::prepare(&setup, &root, rootless) {
                Ok(root) => link.send(&answer, &[root.as_fd()])?,
                Err(reason) => link.send(&Answer::<()>::Err(reason), &[])?,
            },
        }
    }
    Ok(())
}

/// Limits what the kernel charges to whoever made a user namespace as well: unlimited, one function could use up what
/// the server's own user may have, and with it that of every program of the host. A namespace takes its limits from here.
fn restrain(setup: &Setup) -> io::Result<()> {
    for (resource, most) in [
        (Resource::Sigpending, setup.pending_signals),
        (Resource::Msgqueue, setup.message_queues),
    ] {
        let most = Some(getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most)));
        setrlimit(
            resource,
            Rlimit {
                current: most,
                maximum: most,
            },
        )?;
    }
    Ok(())
}

/// Moves the socket away from where keepers would inherit it, and closes whatever else the server left open.
fn take_stdin() -> io::Result<Link> {
    let link = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
    kernel::close_all_but(&[link.as_fd()], 3)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(link.into())
}
