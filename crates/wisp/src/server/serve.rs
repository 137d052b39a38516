use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use wisp_api::{Listener, State};
use wisp_core::Code;

use super::{
    Settings, bootstrap,
    compose::{Platform, compose},
    deliveries,
    endpoints::Endpoints,
    paths, retention, telemetry, tls, usage,
};

/// Serves until SIGTERM or SIGINT, then finishes what runs and leaves everything else for the next start.
pub(crate) async fn serve(settings: Settings) -> Result<()> {
    telemetry::log(&settings.log)?;
    let recorder = telemetry::metrics()?;
    let data = paths::data(&settings)?;
    paths::make_private(&data)?;
    let http = patiently(async || Listener::tcp(&settings.listen).await.map_err(anyhow::Error::from)).await?;
    let address = http.address().context("a TCP socket has an address")?;
    let platform = patiently(async || compose(&settings, &data, address)).await?;
    bootstrap::subjects(&platform.control, &settings, &data, &format!("http://{address}")).await?;
    let resumed = platform.control.recover().await?;
    if resumed > 0 {
        tracing::info!(resumed, "accepted invocations of the previous run were taken up again");
    }
    platform.control.install_builtins().await?;
    let feeds = platform.control.resume_feeds().await?;
    if feeds > 0 {
        tracing::info!(feeds, "feeds of triggers are listened to again");
    }
    let workflows = platform.control.resume_workflows().await?;
    if workflows > 0 {
        tracing::info!(workflows, "executions of workflows go on");
    }
    if !settings.orchestrations.open_namespace.is_empty() {
        let namespace = &settings.orchestrations.open_namespace;
        tracing::warn!(
            "orchestrations.open_namespace: any program on this machine may do all in the namespace {namespace}"
        );
    }
    platform.worker.prewarm();
    let stop = CancellationToken::new();
    retention::start(settings.retention.clone(), &platform, stop.clone());
    usage::start(settings.gateway.flush_seconds, &platform, stop.clone());
    deliveries::start(&platform, stop.clone());
    let serving = start_api(&settings, &data, &platform, recorder, http, address, stop.clone()).await?;
    wait_for_signal().await?;
    shut_down(platform, settings.http.drain_seconds, stop, serving).await?;
    Endpoints::remove(&data);
    Ok(())
}

/// Answers on all sockets from now on, and says where they are.
async fn start_api(
    settings: &Settings,
    data: &Path,
    platform: &Platform,
    recorder: PrometheusHandle,
    http: Listener,
    address: SocketAddr,
    stop: CancellationToken,
) -> Result<JoinHandle<()>> {
    let worker = platform.worker.clone();
    let render = move || {
        telemetry::observe(worker.census());
        recorder.render()
    };
    let state = State {
        control: platform.control.clone(),
        metrics: Arc::new(render),
        images: Some(Arc::new(platform.images.clone())),
        settings: settings.http,
        web: settings.web.clone(),
    };
    let admin = vec![Listener::unix(&data.join(super::ADMIN_SOCKET))?];
    tokio::spawn(wisp_api::serve(
        admin,
        wisp_api::admin_router(state.clone()),
        settings.http,
        stop.clone().cancelled_owned(),
    ));
    let tls = tls::listen(&settings.tls, data).await?;
    let https = tls
        .as_ref()
        .and_then(Listener::address)
        .map(|address| format!("https://{address}"));
    let listeners = [http].into_iter().chain(tls).collect();
    let serving = wisp_api::serve(
        listeners,
        wisp_api::router(state),
        settings.http,
        stop.cancelled_owned(),
    );
    let serving = tokio::spawn(serving);
    let endpoints = Endpoints {
        pid: std::process::id(),
        http: format!("http://{address}"),
        https,
    };
    tracing::info!(http = endpoints.http, https = endpoints.https, data = %data.display(), "ready");
    endpoints.write(data)?;
    Ok(serving)
}

/// Tries for as long as a server that was killed just now may hold its port and its data.
async fn patiently<T>(attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    const PATIENCE: Duration = Duration::from_secs(3);
    const PAUSE: Duration = Duration::from_millis(100);
    let begun = std::time::Instant::now();
    loop {
        match attempt().await {
            Err(error) if begun.elapsed() < PATIENCE && is_held(&error) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}

/// Whether a start failed because something is in use.
fn is_held(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let in_use = cause.downcast_ref::<std::io::Error>();
        let locked = cause.downcast_ref::<wisp_core::Error>();
        in_use.is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
            || locked.is_some_and(|error| error.code() == Code::Locked)
    })
}

async fn wait_for_signal() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Stops accepting, waits for what runs, then ends instances and flushes the store. What was accepted and has not
/// begun stays in the ledger.
async fn shut_down(
    platform: Platform,
    drain_seconds: u64,
    stop: CancellationToken,
    serving: JoinHandle<()>,
) -> Result<()> {
    let most = Duration::from_secs(drain_seconds);
    tracing::info!(
        most_seconds = drain_seconds,
        "stopping: finishing what runs; another signal ends it at once"
    );
    stop.cancel();
    platform.control.stop_feeds();
    platform.control.stop_workflows();
    platform.worker.drain();
    let drain = async { tokio::join!(tokio::time::timeout(most, serving), platform.tasks.finish(most)) };
    let drained = tokio::select! {
        (served, finished) = drain => served.is_ok() && finished,
        _ = wait_for_signal() => false,
    };
    if !drained {
        tracing::warn!("some invocations did not finish in time and are ended; accepted ones run at the next start");
    }
    platform.worker.stop().await;
    platform
        .engine
        .close()
        .await
        .context("the store could not be flushed")?;
    tracing::info!("stopped");
    Ok(())
}
