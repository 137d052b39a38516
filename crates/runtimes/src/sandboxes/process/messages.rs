//! What server, launcher and keepers tell each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An answer, or what went wrong in words.
pub type Answer<T = ()> = Result<T, String>;

/// The first message to the launcher: what all keepers have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Name of the machine inside.
    pub hostname: String,
    /// Files and directories below the host's `/etc` that are visible inside.
    pub etc: Vec<String>,
    /// Size of `/dev/shm`, in MB.
    pub shared_memory: u64,
    /// Greatest number of inodes in `/tmp`.
    pub scratch_inodes: u64,
    /// Signals and timers of a sandbox that may be pending.
    pub pending_signals: u64,
    /// Size of a sandbox's POSIX message queues, in bytes.
    pub message_queues: u64,
}

/// What the server asks of the launcher.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Fork a keeper; its ends of command and status sockets come along, and then the files by which it joins its control
    /// groups. The answer is its process id.
    Keeper(Park),
    /// Prepare a root. The answer brings a descriptor of its mount namespace.
    Root(Root),
}

/// What a root is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Root {
    /// A minimal tree with these mounts.
    Minimal(Vec<Bind>),
    /// The layers of an image, the lowest first.
    Image(Vec<PathBuf>),
}

/// What a keeper prepares.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Park {
    /// The host's user id that its program runs as.
    pub uid: u32,
    /// Whether it makes a TUN device.
    pub tun: bool,
}

/// A file or directory of the host and where it becomes visible.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bind {
    /// Path on the host.
    pub source: PathBuf,
    /// Path inside.
    pub target: PathBuf,
}

/// What the server asks of a keeper.
#[derive(Debug, Serialize, Deserialize)]
pub enum Command {
    /// Begin a program, once. Descriptors: control, standard output, standard error, root; the zygote's socket if one
    /// forks it, then [`Start::doors`] files by which it joins its control groups; and the control group when the kernel
    /// can clone into one. The answer to a fork is the program's process id.
    Start(Start),
    /// Make something visible in the running sandbox.
    Mount(Bind),
    /// Make a TCP socket in the sandbox's network; it comes with the answer.
    Socket,
}

/// The program and its limits, as far as the keeper enforces them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// Program and arguments.
    pub command: Vec<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// Working directory.
    pub directory: String,
    /// Processes and threads.
    pub pids: u64,
    /// Open files of a process.
    pub files: u64,
    /// Size of what can be written, in MB.
    pub scratch: u64,
    /// User and group that it runs as inside, if its root is an image.
    pub owner: Option<(u32, u32)>,
    /// How it comes to be.
    pub birth: Birth,
    /// How many files it must write itself into to join its control groups, if it is forked.
    pub doors: usize,
}

/// How a program comes to be; as in the port, whose descriptor travels beside the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Birth {
    /// By execution.
    Executed,
    /// By execution, as a zygote.
    Zygote,
    /// By a zygote's fork.
    Forked,
}

/// What a keeper asks of a zygote. Descriptors: for the answer, then the program's control, standard output and standard
/// error, then namespaces in the order of [`SPACES`], then the files by which it joins its control groups. The answer is
/// the program's pidfd with its process id; what goes wrong in the program until it is in its sandbox follows as text.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// Working directory.
    pub directory: String,
    /// Processes and threads.
    pub pids: u64,
    /// Open files of a process.
    pub files: u64,
    /// Types of the namespaces that come along, as for `setns`(2).
    pub spaces: Vec<i32>,
    /// User and group inside.
    pub user: u32,
    /// System calls that only a zygote may make.
    pub forbidden: Vec<i64>,
}

/// The namespaces that a forked program enters, in this order: the first before it is forked, and its user namespace
/// last, for with that it gives up the right to enter any.
pub const SPACES: [i32; 7] = [
    libc::CLONE_NEWPID,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
];
