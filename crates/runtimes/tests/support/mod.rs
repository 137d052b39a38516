//! What tests of languages stand on: real time, blobs in memory.
// Each test uses a part of this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempDir;
use wisp_core::{
    Result,
    model::CodeRef,
    ports::{Blobs, BoxFuture, Cell, Channel, Clock, Exit, Language, Sandbox, SandboxSpec},
};
use wisp_runtimes::{
    code,
    languages::{Config, Context, LANGUAGES},
};

pub struct RealTime(Instant);

impl Clock for RealTime {
    fn now(&self) -> u64 {
        SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[derive(Default)]
pub struct Memory(Mutex<HashMap<String, Bytes>>);

#[async_trait]
impl Blobs for Memory {
    async fn put(&self, bytes: Bytes) -> Result<String> {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let digest = format!("{:064x}", hasher.finish());
        self.0.lock().unwrap().insert(digest.clone(), bytes);
        Ok(digest)
    }
    async fn get(&self, digest: &str) -> Result<Option<Bytes>> {
        Ok(self.0.lock().unwrap().get(digest).cloned())
    }
    async fn sweep(&self, _keep: &HashSet<String>, _grace: u64) -> Result<u64> {
        Ok(0)
    }
}

/// Stores code.
pub async fn code_ref(blobs: &Memory, code: Vec<u8>, binary: bool) -> CodeRef {
    let size = code.len() as u64;
    CodeRef {
        digest: blobs.put(code.into()).await.unwrap(),
        size,
        binary,
    }
}

pub struct Unconfined;

struct Process(Mutex<std::process::Child>);

#[async_trait]
impl Sandbox for Unconfined {
    fn name(&self) -> &'static str {
        "unconfined"
    }
    async fn start(&self, spec: &SandboxSpec) -> Result<(Box<dyn Cell>, Channel)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let (stdout, out) = std::io::pipe().unwrap();
        let (stderr, err) = std::io::pipe().unwrap();
        let here = |word: &String| {
            let mount = spec
                .mounts
                .iter()
                .find(|m| word.starts_with(m.target.to_str().unwrap()) && m.source != m.target);
            mount.map_or(word.clone(), |m| {
                word.replacen(m.target.to_str().unwrap(), m.source.to_str().unwrap(), 1)
            })
        };
        let child = Command::new("/bin/sh")
            .args(["-c", "exec \"$@\" 3<&0 </dev/null", "sh"])
            .args(spec.command.iter().map(here))
            .env_clear()
            .envs(spec.environment.iter().map(|(k, v)| (k, here(v))))
            .current_dir(&spec.directory)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap();
        let channel = Channel {
            control: ours.into(),
            stdout: stdout.into(),
            stderr: stderr.into(),
        };
        Ok((Box::new(Process(Mutex::new(child))), channel))
    }
}

#[async_trait]
impl Cell for Process {
    async fn mount(&self, _source: &std::path::Path, _target: &std::path::Path) -> Result<()> {
        panic!("not confined");
    }
    async fn set_memory(&self, _megabytes: u64) -> Result<()> {
        Ok(())
    }
    async fn wait(&self) -> Exit {
        loop {
            if let Some(status) = self.0.lock().unwrap().try_wait().unwrap() {
                use std::os::unix::process::ExitStatusExt;
                let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
                return Exit {
                    code,
                    out_of_memory: false,
                };
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    async fn stop(&self) {
        let mut child = self.0.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.0.get_mut().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

pub struct Platform {
    pub blobs: Arc<Memory>,
    pub languages: Vec<Arc<dyn Language>>,
    _data: TempDir,
}

impl Platform {
    pub fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let blobs = Arc::new(Memory::default());
        let clock = Arc::new(RealTime(Instant::now()));
        let path = PathBuf::from(data.path());
        let config = Config::default();
        let context = Context::new(
            Arc::new(Unconfined),
            blobs.clone(),
            clock,
            path,
            config,
            code::Config::default(),
        )
        .unwrap();
        let languages = LANGUAGES.iter().map(|(_, register)| register(&context)).collect();
        Self {
            blobs,
            languages,
            _data: data,
        }
    }

    pub fn language(&self, family: &str) -> &dyn Language {
        &**self
            .languages
            .iter()
            .find(|language| language.family() == family)
            .unwrap()
    }
}
