use std::{
    collections::HashMap,
    fs::{self, File, Permissions},
    io,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use sha2::{Digest, Sha256};
use tokio::{
    sync::{OnceCell, Semaphore},
    task::spawn_blocking,
};
use wisp_core::{Code, Error, Result};

use super::{Config, discovery::Interpreter};
use crate::code::make_directories;

/// Longest file of requirements, in bytes.
const TEXT: u64 = 64 << 10;
/// How many of the installer's last lines the developer is told.
const LINES: usize = 8;
/// How often it is looked whether the installer has ended.
const PAUSE: Duration = Duration::from_millis(50);
/// As whom the installer runs if the server is root: `nobody`.
const NOBODY: u32 = 65_534;

/// A directory of installed packages; it is not removed while somebody holds this.
pub type Layer = Arc<PathBuf>;

/// Why there is no layer, for the developer.
type Reason = String;

/// What functions require, installed once for each interpreter, list and namespace: code from outside is shared by nobody
/// else, and its name is the digest of these.
pub struct Layers {
    directory: PathBuf,
    config: Arc<Config>,
    known: Mutex<HashMap<String, Arc<OnceCell<Layer>>>>,
    /// One installation at a time.
    turn: Semaphore,
}

impl Layers {
    /// Those in this directory, which earlier processes have installed.
    pub fn new(directory: PathBuf, config: Arc<Config>) -> Self {
        Self {
            directory,
            config,
            known: Mutex::default(),
            turn: Semaphore::new(1),
        }
    }

    /// The layer with what the file `requirements` lists, installed unless it is there; the developer's mistakes are a
    /// reason.
    pub async fn get(
        &self,
        interpreter: &Interpreter,
        namespace: &str,
        requirements: &Path,
    ) -> Result<Result<Layer, Reason>> {
        let wanted = match read(requirements).and_then(|text| normalise(&text)) {
            Ok(wanted) => wanted,
            Err(reason) => return Ok(Err(reason)),
        };
        let name = name(interpreter, namespace, &wanted);
        let cell = self.known().entry(name.clone()).or_default().clone();
        let layer = cell
            .get_or_try_init(|| self.installed(interpreter, &wanted, &name))
            .await;
        match layer {
            Ok(layer) => {
                // Fails only if the clock or the disk does; then it is taken for older than it is.
                let _ = File::open(&**layer).and_then(|layer| layer.set_modified(SystemTime::now()));
                Ok(Ok(layer.clone()))
            }
            Err(Missing::Reason(reason)) => Ok(Err(reason)),
            Err(Missing::Fault(error)) => Err(error),
        }
    }

    async fn installed(&self, interpreter: &Interpreter, wanted: &[String], name: &str) -> Result<Layer, Missing> {
        let path = self.directory.join(name);
        if path.is_dir() {
            return Ok(Arc::new(path));
        }
        // Nobody closes the semaphore, so that this cannot fail.
        let _turn = self.turn.acquire().await;
        self.make_room();
        let job = Job {
            interpreter: interpreter.path.clone(),
            wanted: wanted.to_vec(),
            new: self.directory.join(format!(".{name}")),
            config: self.config.clone(),
        };
        let layer = Arc::new(path);
        let target = layer.clone();
        let installed = spawn_blocking(move || {
            let done = job.run(&target);
            // What is left of a failure; a success has moved away.
            let _ = fs::remove_dir_all(&job.new);
            done
        });
        let fault = |error: Error| Missing::Fault(error);
        let done = installed
            .await
            .map_err(|error| fault(Error::internal("An installation was cut off.").because(error)))?;
        match done {
            Ok(Ok(())) => Ok(layer),
            Ok(Err(reason)) => Err(Missing::Reason(reason)),
            Err(error) => {
                let place = self.directory.display();
                Err(fault(
                    Error::new(
                        Code::Storage,
                        format!("Requirements cannot be installed below {place}."),
                    )
                    .because(error),
                ))
            }
        }
    }

    /// Removes the layers that were used least recently, and are not in use, until a new one fits.
    fn make_room(&self) {
        let most = self.config.requirements_cache << 20;
        let mut layers: Vec<_> = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        layers.sort_unstable();
        let mut sizes: Vec<u64> = layers.iter().map(|(_, path)| size(path).unwrap_or(0)).collect();
        let mut total: u64 = sizes.drain(..).sum();
        let mut known = self.known();
        for (_, path) in layers {
            if total + (self.config.requirements_size << 20) <= most {
                return;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let used = known
                .get(&name)
                .is_some_and(|cell| cell.get().is_none_or(|layer| Arc::strong_count(layer) > 1));
            if !used {
                known.remove(&name);
                total = total.saturating_sub(size(&path).unwrap_or(0));
                let _ = fs::remove_dir_all(&path);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<Layer>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no layer.
enum Missing {
    Reason(Reason),
    Fault(Error),
}

/// One installation.
struct Job {
    interpreter: PathBuf,
    wanted: Vec<String>,
    /// Where the layer grows.
    new: PathBuf,
    config: Arc<Config>,
}

impl Job {
    fn run(&self, target: &Path) -> io::Result<Result<(), Reason>> {
        // Not below the server's data, which the installer cannot enter.
        let place = tempfile::Builder::new().prefix("wisp-requirements-").tempdir()?;
        let place = place.path();
        let (list, log, packages) = (
            place.join("requirements.txt"),
            place.join("log"),
            place.join("packages"),
        );
        fs::write(&list, self.wanted.join("\n"))?;
        fs::set_permissions(&list, Permissions::from_mode(0o644))?;
        if geteuid().is_root() {
            chown(place, Some(NOBODY), Some(NOBODY))?;
        }
        let mut child = self.pip(place, &log)?;
        let failed = |what: String| format!("requirements.txt could not be installed: {what}");
        let status = self.wait(&mut child)?;
        let Some(status) = status else {
            let limit = self.config.requirements_timeout;
            return Ok(Err(failed(format!(
                "it took longer than {limit} s (setting languages.requirements_timeout)."
            ))));
        };
        if !status.success() {
            return Ok(Err(failed(last_lines(&log))));
        }
        let (bytes, limit) = (size(&packages)?, self.config.requirements_size);
        if bytes > limit << 20 {
            return Ok(Err(failed(format!(
                "it has {} MB, more than the limit of {limit} MB (setting languages.requirements_size).",
                bytes >> 20
            ))));
        }
        // An earlier process may have been ended while it did the same.
        let _ = fs::remove_dir_all(&self.new);
        copy(&packages, &self.new)?;
        fs::rename(&self.new, target)?;
        Ok(Ok(()))
    }

    /// Runs pip as nobody, with the server's `PIP_*` and nothing else of its environment.
    fn pip(&self, place: &Path, log: &Path) -> io::Result<Child> {
        let output = File::create(log)?;
        let mut command = Command::new(&self.interpreter);
        command
            .args([
                "-I",
                "-m",
                "pip",
                "install",
                "--no-input",
                "--disable-pip-version-check",
            ])
            .args(["--no-cache-dir", "--no-compile", "--quiet"])
            .args(["--requirement", "requirements.txt", "--target", "packages"]);
        if !self.config.requirements_builds {
            command.args(["--only-binary", ":all:"]);
        }
        command.env_clear().env("PATH", &self.config.path).env("HOME", place);
        command.envs(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PIP_")));
        command.current_dir(place).env("TMPDIR", place).process_group(0);
        command
            .stdin(std::process::Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output);
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.spawn()
    }

    /// Waits for the installer; none if it had to be ended.
    fn wait(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let end = Instant::now() + Duration::from_secs(self.config.requirements_timeout);
        let mut status = None;
        while status.is_none() && Instant::now() < end {
            status = child.try_wait()?;
            std::thread::sleep(PAUSE);
        }
        if let Some(group) = Pid::from_raw(child.id().try_into().unwrap_or(0)) {
            // Whatever it has started ends with it.
            let _ = kill_process_group(group, Signal::KILL);
        }
        child.wait()?;
        Ok(status)
    }
}

fn read(requirements: &Path) -> Result<String, Reason> {
    let failed = |error: io::Error| format!("requirements.txt cannot be read: {error}.");
    let size = fs::symlink_metadata(requirements).map_err(failed)?;
    if !size.is_file() || size.len() > TEXT {
        return Err(format!("requirements.txt is no file of at most {TEXT} bytes."));
    }
    fs::read_to_string(requirements).map_err(failed)
}

/// The requirements without comments, sorted. Only names with versions, extras and markers may stand there: options and
/// addresses would let a function choose what the server's installer reads and runs.
fn normalise(text: &str) -> Result<Vec<String>, Reason> {
    let mut wanted = Vec::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let named = line.starts_with(|first: char| first.is_ascii_alphanumeric());
        let known = |letter: char| letter.is_ascii_alphanumeric() || " ._-[],<>=!~;'\"()*+".contains(letter);
        if !named || !line.chars().all(known) {
            return Err(format!(
                "requirements.txt has the line `{line}`; only names with versions, extras and markers are allowed, such as `numpy>=2`."
            ));
        }
        wanted.push(line.to_owned());
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

fn name(interpreter: &Interpreter, namespace: &str, wanted: &[String]) -> String {
    let mut digest = Sha256::new();
    for part in [
        &interpreter.path.to_string_lossy(),
        interpreter.full_version.as_str(),
        namespace,
    ] {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(wanted.join("\n"));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last of what the installer said.
fn last_lines(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Copies files and directories, readable for functions; returns when all of it is there.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    if metadata.is_file() {
        fs::copy(from, to)?;
    } else if metadata.is_dir() {
        make_directories(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        // A link could lead anywhere, and packages have none.
        return Ok(());
    }
    let runs = metadata.is_dir() || metadata.permissions().mode() & 0o100 != 0;
    fs::set_permissions(to, Permissions::from_mode(if runs { 0o755 } else { 0o644 }))
}

fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requirements_are_names_with_versions() {
        let wanted = normalise("# ours\npandas>=2,<4 ; python_version > '3.8'  # why\n\nnumpy==2.4.6\nnumpy==2.4.6\n");
        assert_eq!(
            wanted.unwrap(),
            ["numpy==2.4.6", "pandas>=2,<4 ; python_version > '3.8'"]
        );
        for line in [
            "--index-url=http://evil",
            "-e .",
            "./local",
            "/etc/passwd",
            "a @ https://example.org/a.whl",
            "git+https://example.org/a",
            "a\\",
        ] {
            assert!(normalise(line).unwrap_err().contains(line), "{line}");
        }
    }
}
