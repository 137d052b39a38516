use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;

use crate::{Error, Result};

/// What to start in a sandbox, and within which limits.
#[derive(Clone, Debug)]
pub struct SandboxSpec {
    /// Program and arguments; the program is an absolute path inside the sandbox. In an image it may be a name that its
    /// `PATH` finds.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// Working directory inside the sandbox.
    pub directory: PathBuf,
    /// What of the host is visible, beside a minimal root (`/dev`, `/proc`, `/etc` with resolver and users, `/tmp`).
    pub mounts: Vec<Mount>,
    /// Memory, in MB; `/tmp` counts towards it.
    pub memory: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Open files of a process.
    pub files: u64,
    /// Size of `/tmp`, in MB.
    pub scratch: u64,
    /// Share of the processor relative to other sandboxes; 1024 is one share.
    pub cpu_shares: u64,
    /// What of the network is reachable.
    pub network: Network,
    /// A listening socket that the program has as descriptor 3 instead of a connected one; then [`Channel::control`] is
    /// connected to nothing.
    pub listener: Option<Arc<OwnedFd>>,
    /// The files of an image as the root, instead of the minimal one; then nothing is mounted beside them but `/dev`
    /// and `/proc`.
    pub image: Option<ImageRoot>,
    /// How the program comes to be.
    pub birth: Birth,
}

/// How a program comes to be in its sandbox.
#[derive(Clone, Debug, Default)]
pub enum Birth {
    /// It is executed.
    #[default]
    Executed,
    /// It is executed, and forks programs for other sandboxes: a zygote. It sees no `/proc` and reaches no network, and
    /// its control socket keeps messages apart (`SOCK_SEQPACKET`). It must run nobody's code but the platform's.
    Zygote,
    /// The zygote with this control socket forks it; the command is not used.
    Forked(Arc<OwnedFd>),
}

/// An image's files, unpacked on the host, below a private writable layer of [`SandboxSpec::scratch`] MB.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageRoot {
    /// Directories with what each layer adds, in overlayfs' form; the lowest first, at least one.
    pub layers: Vec<PathBuf>,
    /// The user that the program runs as, seen from inside; all files of the image are this user's.
    pub user: u32,
    /// Its group.
    pub group: u32,
}

/// A part of the host's file system, visible read-only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mount {
    /// Path on the host: a file or a directory.
    pub source: PathBuf,
    /// Path in the sandbox.
    pub target: PathBuf,
}

/// What a sandbox can reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Network {
    /// Nothing but its own loopback interface.
    None,
    /// The outside world and the platform's API, but no loopback service of the host.
    #[default]
    Outbound,
}

/// The worker's ends of a sandbox's descriptors.
#[derive(Debug)]
pub struct Channel {
    /// A connected stream socket; the program has the other end as descriptor 3.
    pub control: OwnedFd,
    /// Read end of the program's standard output.
    pub stdout: OwnedFd,
    /// Read end of the program's standard error.
    pub stderr: OwnedFd,
}

/// How a sandbox's first process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, or 128 plus the signal's number.
    pub code: i32,
    /// Whether the kernel ended a process of this sandbox for want of memory.
    pub out_of_memory: bool,
}

/// Starts programs in isolation.
///
/// * Limits hold even if the code misbehaves.
/// * Nothing of the host is visible but what the spec mounts, and nothing of it can be changed.
/// * When the cell is dropped or stopped, every process in it is dead, and what it used is given back.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// The name in configuration, such as `process`.
    fn name(&self) -> &'static str;

    /// Starts a program; returns when it has been executed (not when it is ready).
    async fn start(&self, spec: &SandboxSpec) -> Result<(Box<dyn Cell>, Channel)>;
}

/// A started sandbox.
#[async_trait]
pub trait Cell: Send + Sync {
    /// Makes a file or directory of the host visible, read-only, at an existing mount point of the running sandbox
    /// (`/action` is always there, empty).
    async fn mount(&self, source: &Path, target: &Path) -> Result<()>;

    /// Changes the memory limit, in MB. One below what is in use may be refused.
    async fn set_memory(&self, megabytes: u64) -> Result<()>;

    /// Stops all processes where they stand until [`thaw`](Self::thaw), so that none of them uses the processor;
    /// idempotent. A frozen cell can be stopped and be mounted into. Where a machine lacks the means, they go on.
    ///
    /// # Errors
    /// When the processes evade it.
    async fn freeze(&self) -> Result<()> {
        Ok(())
    }

    /// Lets the processes go on; idempotent.
    async fn thaw(&self) -> Result<()> {
        Ok(())
    }

    /// A new TCP socket in the sandbox's network, not connected: the way to a port of its loopback interface, which
    /// nothing else outside reaches.
    async fn socket(&self) -> Result<OwnedFd> {
        Err(Error::internal("this sandbox has no network that can be entered"))
    }

    /// Bytes of memory in use that nothing but an end gives back (no cached files); none where nobody counts.
    fn memory(&self) -> Option<u64> {
        None
    }

    /// Waits until the first process has ended; may be called several times.
    async fn wait(&self) -> Exit;

    /// Ends every process; idempotent. Returns when all are gone.
    async fn stop(&self);
}
