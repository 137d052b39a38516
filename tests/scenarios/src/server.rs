use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

/// Longest start and longest stop of a server.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a data directory of its own.
pub struct Server {
    /// Address and port in clear.
    pub http: String,
    /// Address and port of TLS.
    pub https: String,
    program: PathBuf,
    data: TempDir,
    process: Mutex<Child>,
    subjects: AtomicUsize,
}

/// Somebody who calls.
pub struct Subject {
    /// The namespace.
    pub namespace: String,
    /// `uuid:key`.
    pub key: String,
}

/// Where a server listens, as it writes into its data directory.
#[derive(Deserialize)]
struct Endpoints {
    http: String,
    https: String,
}

impl Server {
    /// Starts `wisp serve` on free ports and waits until it is ready.
    pub fn start() -> Result<Self> {
        let program = program()?;
        let data = tempfile::Builder::new().prefix("wisp-scenarios-").tempdir()?;
        let log = fs::File::create(data.path().join("server.log"))?;
        let mut process = Command::new(&program)
            .args([
                "serve",
                "--dev",
                "--listen",
                "127.0.0.1:0",
                "--tls-listen",
                "127.0.0.1:0",
                "--set",
                "web.host=wisp.test",
                "--set",
                "gateway.jwks_plain=true",
                // Cases that look for an instance's memory find it: what is evicted is what was used longest ago.
                "--set",
                "keepalive.policy=fixed",
                "--data",
            ])
            .arg(data.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let endpoints = match endpoints(data.path(), &mut process) {
            Ok(endpoints) => endpoints,
            Err(error) => {
                process.kill().ok();
                let log = fs::read_to_string(data.path().join("server.log")).unwrap_or_default();
                return Err(error.context(format!("the server said:\n{log}")));
            }
        };
        let address = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Self {
            http: address(&endpoints.http),
            https: address(&endpoints.https),
            program,
            data,
            process: Mutex::new(process),
            subjects: AtomicUsize::new(0),
        })
    }

    /// Makes a subject with a namespace of the same name.
    pub fn subject(&self, limits: &BTreeMap<String, Value>) -> Result<Subject> {
        let namespace = format!("case-{:04}", self.subjects.fetch_add(1, Ordering::Relaxed));
        let printed = self.wisp(&["user", "create", &namespace])?;
        let key = Regex::new("[0-9a-f-]{36}:[A-Za-z0-9]{64}")?
            .find(&printed)
            .map(|key| key.as_str().to_owned());
        let key = key.with_context(|| format!("wisp user create printed no key: {printed}"))?;
        if !limits.is_empty() {
            let changes: Vec<String> = limits.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let arguments = ["user", "limits", &namespace]
                .into_iter()
                .chain(changes.iter().map(String::as_str));
            self.wisp(&arguments.collect::<Vec<_>>())?;
        }
        Ok(Subject { namespace, key })
    }

    /// Runs the command line on this server's data; what it printed.
    fn wisp(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .args(arguments)
            .arg("--data")
            .arg(self.data.path())
            .output()?;
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        ensure!(
            output.status.success(),
            "wisp {}: {stdout}{stderr}",
            arguments.join(" ")
        );
        Ok(stdout.into_owned())
    }

    /// Asks the server to finish, and waits until it has.
    pub fn stop(&self) -> Result<()> {
        let mut process = self.process.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Command::new("kill")
            .args(["-TERM", &process.id().to_string()])
            .status()?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = process.try_wait()? {
                ensure!(status.success(), "after SIGTERM the server ended with {status}");
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        process.kill()?;
        process.wait()?;
        bail!("the server did not end within {} s of SIGTERM", PATIENCE.as_secs())
    }
}

/// `WISP_BIN`, or the `wisp` that was built beside this program.
fn program() -> Result<PathBuf> {
    if let Some(path) = env::var_os("WISP_BIN") {
        return Ok(path.into());
    }
    let path = env::current_exe()?.with_file_name("wisp");
    ensure!(
        path.exists(),
        "{} is missing; run `cargo build --workspace` first",
        path.display()
    );
    Ok(path)
}

/// Waits until a server has written where it listens.
fn endpoints(data: &Path, process: &mut Child) -> Result<Endpoints> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = process.try_wait()? {
            bail!("the server ended with {status}");
        }
        if let Ok(text) = fs::read_to_string(data.join("endpoints.json"))
            && let Ok(endpoints) = serde_json::from_str(&text)
        {
            return Ok(endpoints);
        }
        sleep(Duration::from_millis(10));
    }
    bail!("the server wrote no endpoints.json within {} s", PATIENCE.as_secs())
}

impl Drop for Server {
    fn drop(&mut self) {
        // No server outlives its cases, whatever went wrong; one that has ended already is left alone.
        let process = self.process.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Ok(None) = process.try_wait() {
            process.kill().ok();
            process.wait().ok();
        }
    }
}
