use serde::{Deserialize, Serialize};

use super::network;

/// The settings of the process sandbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The executable that becomes the launcher; by default the one that runs. `/proc/self/exe`.
    pub launcher: String,
    /// First of the host's user and group ids that sandboxes run as, one each, when the server is root. 200000.
    pub first_uid: u32,
    /// How many ids from there on may be used: the greatest number of sandboxes at a time. 65536.
    pub uids: u32,
    /// Sandboxes with a network that are prepared ahead of need. 4.
    pub parked: usize,
    /// Sandboxes without a network that are prepared ahead of need. 1.
    pub parked_offline: usize,
    /// Longest wait for a prepared sandbox and for its program to be executed, in milliseconds. 10000.
    pub start_timeout_ms: u64,
    /// Sets of mounts whose prepared roots are kept. 64.
    pub roots: usize,
    /// Size of `/dev/shm`, in MB; what is used of it counts towards the memory limit. 64.
    pub shared_memory: u64,
    /// Signals and timers of a sandbox that may be pending: the kernel charges them to the server's user, too. 1024.
    pub pending_signals: u64,
    /// Size of a sandbox's POSIX message queues, in bytes: the kernel charges them to the server's user, too. 98304.
    pub message_queues: u64,
    /// Greatest number of inodes in `/tmp`. 65536.
    pub scratch_inodes: u64,
    /// Name of the machine inside. `sandbox`.
    pub hostname: String,
    /// Files and directories of the host's `/etc` that are visible inside, where they exist: certificate
    /// authorities, the loader's cache, the time zone.
    pub etc: Vec<String>,
    /// What sandboxes with a network reach.
    pub network: network::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            launcher: "/proc/self/exe".into(),
            first_uid: 200_000,
            uids: 65_536,
            parked: 4,
            parked_offline: 1,
            start_timeout_ms: 10_000,
            roots: 64,
            shared_memory: 64,
            pending_signals: 1024,
            message_queues: 98_304,
            scratch_inodes: 65_536,
            hostname: "sandbox".into(),
            etc: [
                "alternatives",
                "ca-certificates",
                "ld.so.cache",
                "localtime",
                "mime.types",
                "pki/ca-trust/extracted",
                "pki/tls/certs",
                "protocols",
                "services",
                "ssl/certs",
                "ssl/openssl.cnf",
            ]
            .map(Into::into)
            .into(),
            network: network::Config::default(),
        }
    }
}
