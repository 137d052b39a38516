//! Programs in Linux namespaces, control groups and a system call filter.
//!
//! ```text
//! server ── orders ──▶ launcher (small, single-threaded; forks fast)
//!    │                    └── keeper, one a sandbox: forked ahead of need, with its user, network, IPC and host-name
//!    └─ start, mount ───▶     namespaces made and its control groups joined, waiting for a program
//!                             └── init (pid 1 of the sandbox) ── program (pid 2)
//! ```
//! Whatever takes long happens before a program is asked for: a parked keeper only copies a prepared root, clones and
//! executes. Death runs down the same tree: server, launcher, keeper and init each die with the one above.

mod cell;
pub mod cgroup;
mod config;
mod halt;
pub mod launcher;
mod link;
mod messages;
pub mod network;
mod probe;
mod register;
mod roots;
mod sandbox;
mod spawn;
mod start;
mod warden;
mod yard;

pub use config::Config;
pub use probe::probe;
pub use register::register;
pub use sandbox::Process;
