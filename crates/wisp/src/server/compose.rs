use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::{Context, Result};
use wisp_control::{Control, Kinds};
use wisp_core::ports::{Clock, EventSource, Language, Tasks};
use wisp_runtimes::{
    images,
    languages::{self, LANGUAGES},
    sandboxes::{self, SANDBOXES, process::network::Policy},
};
use wisp_sources::SOURCES;
use wisp_store::Engine;
use wisp_worker::Worker;

use super::{Settings, bootstrap, clock, outbound::Outside};

/// The platform's parts, put together. The only place where concrete parts meet.
pub(super) struct Platform {
    pub control: Control,
    pub worker: Worker,
    pub engine: Engine,
    pub images: images::Store,
    pub clock: Arc<dyn Clock>,
    pub tasks: clock::Tracked,
}

/// The sandbox of all languages.
const SANDBOX: &str = "process";

/// The server's address as functions see it.
const GATEWAY: &str = "10.0.2.2";

/// Puts the parts together as the settings say. `api` is where the API listens, which functions may call back.
pub(super) fn compose(settings: &Settings, data: &Path, api: SocketAddr) -> Result<Platform> {
    let clock: Arc<dyn Clock> = Arc::new(clock::Machine::new());
    let tasks = clock::Tracked::default();
    let shared: Arc<dyn Tasks> = Arc::new(tasks.clone());
    let engine = open_engine(settings, data)?;
    let images = open_images(settings, data, clock.clone())?;
    let languages = find_languages(settings, data, &engine, images.clone(), clock.clone(), api)?;
    let worker = Worker::new(wisp_worker::Parts {
        languages: languages.clone(),
        activations: engine.activations.clone(),
        clock: clock.clone(),
        tasks: shared.clone(),
        limits: settings.limits.clone(),
        keepalive: wisp_scheduler::keepalive::policy(&settings.keepalive)?,
        config: worker_config(settings)?,
    });
    let families = languages
        .iter()
        .map(|language| (language.family().to_owned(), language.kinds().to_vec()));
    let control = Control::new(wisp_control::Parts {
        records: engine.records.clone(),
        blobs: engine.blobs.clone(),
        activations: engine.activations.clone(),
        journal: engine.journal.clone(),
        bus: Arc::new(worker.clone()),
        clock: clock.clone(),
        tasks: shared,
        kinds: Kinds::new(families.collect()),
        sources: find_sources(settings, clock.clone()),
        outbound: Some(Arc::new(Outside::new(settings.outbound.clone(), network(settings)?))),
        limits: settings.limits.clone(),
        seal: bootstrap::seal(settings)?,
        gateway: gateway(settings, api),
        workflows: settings.workflows.clone(),
        orchestrations: settings.orchestrations.clone(),
        delivery: settings.delivery.clone(),
        buckets: settings.buckets.clone(),
        cache_entries: settings.cache_entries,
    });
    Ok(Platform {
        control,
        worker,
        engine,
        images,
        clock,
        tasks,
    })
}

fn find_sources(settings: &Settings, clock: Arc<dyn Clock>) -> Vec<Arc<dyn EventSource>> {
    let config = settings.sources.clone();
    let context = wisp_sources::Context { clock, config };
    SOURCES.iter().map(|(_, register)| register(&context)).collect()
}

/// What no function reaches, the platform does not reach for one either.
fn network(settings: &Settings) -> Result<Policy> {
    Ok(Policy::new(&settings.sandbox.process.network, None)?)
}

/// Opens the storage engine that the settings name.
pub(crate) fn open_engine(settings: &Settings, data: &Path) -> Result<Engine> {
    let mut config = settings.store.config.clone();
    if config.directory.as_os_str().is_empty() {
        config.directory = data.join("store");
    }
    let engine = wisp_store::open(&settings.store.engine, &config);
    engine.with_context(|| format!("cannot open the store in {}", config.directory.display()))
}

/// Opens the container images where the settings say.
pub(crate) fn open_images(settings: &Settings, data: &Path, clock: Arc<dyn Clock>) -> Result<images::Store> {
    let directory = settings.images.directory.clone().unwrap_or_else(|| data.join("images"));
    let store = images::Store::open(directory.clone(), settings.images.clone(), clock);
    store.with_context(|| format!("cannot open the container images in {}", directory.display()))
}

fn find_languages(
    settings: &Settings,
    data: &Path,
    engine: &Engine,
    images: images::Store,
    clock: Arc<dyn Clock>,
    api: SocketAddr,
) -> Result<Vec<Arc<dyn Language>>> {
    let (_, start) = SANDBOXES
        .iter()
        .find(|(name, _)| *name == SANDBOX)
        .context("no sandbox was built in")?;
    let config = settings.sandbox.clone();
    let sandbox = start(&sandboxes::Context {
        config,
        api: Some(api),
        clock: clock.clone(),
    })?;
    let mut config = settings.languages.clone();
    if config.api_host.is_empty() {
        config.api_host = format!("http://{GATEWAY}:{}", api.port());
    }
    let context = languages::Context::new(
        sandbox,
        engine.blobs.clone(),
        clock,
        data.to_owned(),
        config,
        settings.code.clone(),
    )?;
    let context = context.with_images(images).with_secret(bootstrap::secret(settings)?);
    LANGUAGES.iter().map(|(_, register)| Ok(register(&context))).collect()
}

/// Where APIs are; at this server unless the settings say otherwise.
fn gateway(settings: &Settings, api: SocketAddr) -> wisp_control::gateway::Settings {
    let mut gateway = settings.gateway.clone();
    if gateway.url.is_empty() {
        gateway.url = format!("http://{api}");
    }
    gateway
}

fn worker_config(settings: &Settings) -> Result<wisp_worker::Config> {
    let mut config = settings.worker.clone();
    if config.memory == 0 {
        let machine = rustix::system::sysinfo();
        config.memory = (machine.totalram as u64 * u64::from(machine.mem_unit) / 2) >> 20;
    }
    Ok(config)
}
