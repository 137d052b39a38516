//! A sandbox to try things in, and what a program in it had to say.

use std::{
    fs::File,
    io::Read,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::{Duration, Instant, SystemTime},
};

use wisp_core::{
    model::Millis,
    ports::{Birth, BoxFuture, Cell, Channel, Clock, Exit, Mount, Network, Sandbox, SandboxSpec},
};
use wisp_runtimes::sandboxes::process::{Config, Process};

/// Longest that anything in these tests may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Machine;

impl Clock for Machine {
    fn now(&self) -> Millis {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis() as Millis
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The launcher that tests use; another path when they run as a user who cannot see the build directory.
pub fn launcher() -> String {
    std::env::var("WISP_TEST_LAUNCHER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_wisp-sandbox-launcher").into())
}

/// A sandbox with these settings; functions reach the API at `api`.
pub fn sandbox_with(config: Config, api: Option<SocketAddr>) -> Arc<Process> {
    let other = config.launcher != Config::default().launcher;
    let launcher = if other { config.launcher.clone() } else { launcher() };
    Arc::new(Process::start(Config { launcher, ..config }, api, Arc::new(Machine)).unwrap())
}

/// A sandbox with the default settings.
pub fn sandbox() -> Arc<Process> {
    sandbox_with(Config::default(), None)
}

/// Whether this test runs as root; without, there are no limits of memory and processes on every machine.
pub fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A specification for a Python script.
pub fn python(script: &str) -> SandboxSpec {
    spec(&["/usr/bin/python3", "-S", "-E", "-c", script])
}

/// A specification for a program that sees the host's `/usr`.
pub fn spec(command: &[&str]) -> SandboxSpec {
    SandboxSpec {
        command: command.iter().map(ToString::to_string).collect(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        directory: "/tmp".into(),
        mounts: vec![Mount {
            source: "/usr".into(),
            target: "/usr".into(),
        }],
        memory: 128,
        pids: 64,
        files: 256,
        scratch: 16,
        cpu_shares: 1024,
        network: Network::None,
        image: None,
        listener: None,
        birth: Birth::Executed,
    }
}

/// A specification for a shell script.
pub fn shell(script: &str) -> SandboxSpec {
    spec(&["/bin/sh", "-c", script])
}

/// What a program left behind.
#[derive(Debug)]
pub struct Left {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

/// Reads everything until the other end closes, without blocking the runtime.
pub async fn drain(descriptor: std::os::fd::OwnedFd) -> String {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        File::from(descriptor).read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the program keeps its output open")
        .unwrap()
}

/// Runs a program to its end.
pub async fn run(sandbox: &Process, spec: &SandboxSpec) -> Left {
    let (cell, channel) = sandbox.start(spec).await.unwrap();
    finish(cell, channel).await
}

/// Waits for a program's end.
pub async fn finish(cell: Box<dyn Cell>, channel: Channel) -> Left {
    let (stdout, stderr) = tokio::join!(drain(channel.stdout), drain(channel.stderr));
    let exit = tokio::time::timeout(PATIENCE, cell.wait())
        .await
        .expect("the program does not end");
    Left { exit, stdout, stderr }
}

/// A directory for everybody to read, with one file.
pub fn directory(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(directory.path().join(name), text).unwrap();
    let path = directory.path().to_owned();
    (directory, path)
}
