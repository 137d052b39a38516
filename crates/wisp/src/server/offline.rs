use std::{path::Path, sync::Arc};

use anyhow::{Result, bail};
use async_trait::async_trait;
use tokio_util::sync::{CancellationToken, DropGuard};
use wisp_api::{Listener, State};
use wisp_control::{Control, Kinds};
use wisp_core::{
    Code, Error,
    model::{Activation, Invocation},
    ports::Bus,
};

use super::{Settings, bootstrap, clock, compose};

/// Serves the administration of a data directory that no server has open, on the socket where a server would, until
/// the guard is dropped. A server that has it open is in the way: [`Code::Locked`].
pub(crate) async fn administer(data: &Path) -> Result<DropGuard> {
    let settings: Settings = Settings::layers(None, &[])?.read()?;
    if !data.join("store").exists() {
        let place = data.display();
        bail!("nothing is stored in {place}: start a server with `wisp serve`, or name its data with --data");
    }
    let engine = compose::open_engine(&settings, data)?;
    let images = compose::open_images(&settings, data, Arc::new(clock::Machine::new()))?;
    let control = Control::new(wisp_control::Parts {
        records: engine.records.clone(),
        blobs: engine.blobs.clone(),
        activations: engine.activations.clone(),
        journal: engine.journal.clone(),
        bus: Arc::new(NoWorkers),
        clock: Arc::new(clock::Machine::new()),
        tasks: Arc::new(clock::Tracked::default()),
        kinds: Kinds::default(),
        sources: Vec::new(),
        outbound: None,
        limits: settings.limits.clone(),
        seal: bootstrap::seal(&settings)?,
        gateway: settings.gateway.clone(),
        workflows: settings.workflows.clone(),
        orchestrations: settings.orchestrations.clone(),
        delivery: settings.delivery.clone(),
        buckets: settings.buckets.clone(),
        cache_entries: settings.cache_entries,
    });
    let state = State {
        control,
        metrics: Arc::new(String::new),
        images: Some(Arc::new(images)),
        settings: settings.http,
        web: wisp_api::WebSettings::default(),
    };
    let listener = Listener::unix(&data.join(super::ADMIN_SOCKET))?;
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(wisp_api::serve(
        vec![listener],
        wisp_api::admin_router(state),
        settings.http,
        stopped,
    ));
    Ok(stop.drop_guard())
}

/// Nothing runs while there is no server.
struct NoWorkers;

#[async_trait]
impl Bus for NoWorkers {
    async fn run(&self, _: Invocation, _: bool) -> wisp_core::Result<Arc<Activation>> {
        Err(Error::new(
            Code::Unavailable,
            "no server is running: start one with `wisp serve`",
        ))
    }
}
