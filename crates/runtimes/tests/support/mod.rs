//! What tests of languages stand on: real time, blobs in memory.
// Each test uses a part of this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, value::RawValue};
use tempfile::TempDir;
use wisp_core::{
    Result,
    model::{CodeRef, Outcome, Parameter},
    ports::{
        Blobs, BoxFuture, Clock, Init, Instance, InstanceLimits, Kind, Language, Lineage, Network, Ran, Run, Sandbox,
    },
};
use wisp_runtimes::{
    code, images,
    languages::{Config, Context, LANGUAGES},
    sandboxes::{self, SANDBOXES},
};

pub struct RealTime(Instant);

impl RealTime {
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

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

pub struct Platform {
    pub blobs: Arc<Memory>,
    pub languages: Vec<Arc<dyn Language>>,
    pub images: images::Store,
    data: TempDir,
}

impl Platform {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        Self::with_images(config, images::Config::default())
    }

    pub fn with_images(mut config: Config, images: images::Config) -> Self {
        config.skeleton = env!("CARGO_BIN_EXE_wisp-sandbox-launcher").into();
        config.workerd = config.workerd.or_else(workerd);
        #[cfg(feature = "wasm")]
        {
            config.wasm_host = env!("CARGO_BIN_EXE_wisp-wasm-host").into();
        }
        let data = tempfile::tempdir().unwrap();
        let blobs = Arc::new(Memory::default());
        let clock: Arc<dyn Clock> = Arc::new(RealTime(Instant::now()));
        let path = PathBuf::from(data.path());
        let context = Context::new(
            sandbox(clock.clone()),
            blobs.clone(),
            clock.clone(),
            path,
            config,
            code::Config::default(),
        )
        .unwrap();
        let images = images::Store::open(data.path().join("images"), images, clock).unwrap();
        let context = context.with_images(images.clone());
        let languages = LANGUAGES.iter().map(|(_, register)| register(&context)).collect();
        Self {
            blobs,
            languages,
            images,
            data,
        }
    }

    /// The directory that languages keep their files in.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    pub fn language(&self, family: &str) -> &dyn Language {
        &**self
            .languages
            .iter()
            .find(|language| language.family() == family)
            .unwrap()
    }

    /// An instance of a family's default kind, and how its initialisation ended.
    pub async fn init(&self, family: &str, action: &Action<'_>) -> (Box<dyn Instance>, Ran) {
        self.init_of(&Lineage::default(), family, action).await
    }

    /// An instance of a lineage, and how its initialisation ended.
    pub async fn init_of(&self, lineage: &Lineage, family: &str, action: &Action<'_>) -> (Box<dyn Instance>, Ran) {
        let kinds = self.language(family).kinds();
        let kind = kinds.iter().find(|kind| kind.default).unwrap();
        self.init_kind(kind, lineage, action).await
    }

    /// An instance of a kind, and how its initialisation ended.
    pub async fn init_kind(&self, kind: &Kind, lineage: &Lineage, action: &Action<'_>) -> (Box<dyn Instance>, Ran) {
        let family = kind.name.split(':').next().unwrap();
        let language = self.language(family);
        let limits = InstanceLimits {
            memory: 256,
            concurrency: action.concurrency,
            network: Network::None,
            isolation: kind.isolation(),
        };
        let instance = language.start_of(kind, limits, lineage).await.unwrap();
        let init = Init {
            namespace: action.namespace.into(),
            name: "test".into(),
            code: code_ref(&self.blobs, action.code.clone(), action.binary).await,
            main: action.main.into(),
            plain: false,
            environment: action
                .environment
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect(),
            annotations: action.annotations.iter().cloned().collect(),
            timeout: action.init_timeout,
            log_limit: 1 << 20,
        };
        let ran = instance.init(&init).await.unwrap();
        (instance, ran)
    }

    /// The outcome of one run in a new instance, as text, and its log lines.
    pub async fn run(&self, family: &str, action: Action<'_>, arguments: Value) -> (String, Vec<String>) {
        let (instance, ran) = self.init(family, &action).await;
        let ran = if ran.outcome.is_none() {
            instance.run(&run(arguments)).await.unwrap()
        } else {
            ran
        };
        instance.stop().await;
        (outcome(&ran), ran.logs.into_iter().map(|line| line.text).collect())
    }
}

/// What is deployed.
#[derive(Clone)]
pub struct Action<'a> {
    pub code: Vec<u8>,
    pub binary: bool,
    pub main: &'a str,
    pub environment: &'a [(&'a str, &'a str)],
    pub namespace: &'a str,
    pub concurrency: u64,
    pub init_timeout: Duration,
    pub annotations: &'a [Parameter],
}

/// An action of source text.
pub fn text(code: &str) -> Action<'_> {
    Action {
        code: code.into(),
        binary: false,
        main: "main",
        environment: &[],
        namespace: "guest",
        concurrency: 1,
        init_timeout: Duration::from_secs(10),
        annotations: &[],
    }
}

/// An action of a zip archive with these files.
pub fn zipped<'a>(files: &[(&str, &str)]) -> Action<'a> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    Action {
        code: zip.finish().unwrap().into_inner(),
        binary: true,
        main: "main",
        environment: &[],
        namespace: "guest",
        concurrency: 1,
        init_timeout: Duration::from_secs(10),
        annotations: &[],
    }
}

/// A run with these arguments.
pub fn run(arguments: Value) -> Run {
    Run {
        value: RawValue::from_string(arguments.to_string()).unwrap().into(),
        context: vec![("activation_id", "0123".into()), ("deadline", "1700000000000".into())],
        timeout: Duration::from_secs(10),
        log_limit: 1 << 20,
        result_limit: 1 << 20,
        pieces: None,
    }
}

/// `Success {"a":1}`, `DeveloperError {"error":"…"}`, `Exited` ….
pub fn outcome(ran: &Ran) -> String {
    match &ran.outcome {
        Some(Outcome::Success(json)) => format!("Success {json}"),
        Some(Outcome::ApplicationError(json)) => format!("ApplicationError {json}"),
        Some(Outcome::DeveloperError(json)) => format!("DeveloperError {json}"),
        Some(other) => format!("{other:?}"),
        None => "initialised".into(),
    }
}

/// Where `tests/prepare.sh` puts workerd.
fn workerd() -> Option<PathBuf> {
    if let Some(place) = std::env::var_os("WISP_LANGUAGES_WORKERD") {
        return Some(place.into());
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
    let places = std::fs::read_dir(cache.join("wisp")).ok()?.flatten();
    let mut places = places.map(|place| place.path());
    places.find(|place| place.join("workerd").is_file())
}

fn sandbox(clock: Arc<dyn Clock>) -> Arc<dyn Sandbox> {
    let mut config = sandboxes::Config::default();
    config.process.launcher = env!("CARGO_BIN_EXE_wisp-sandbox-launcher").into();
    let (_, register) = SANDBOXES.iter().find(|(name, _)| *name == "process").unwrap();
    register(&sandboxes::Context {
        config,
        api: None,
        clock,
    })
    .unwrap()
}
