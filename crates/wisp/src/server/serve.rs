use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use wisp_api::{Listener, State};

use super::{
    Settings, bootstrap,
    compose::{Platform, compose},
    endpoints::Endpoints,
    paths, retention, telemetry, tls,
};

/// Serves until SIGTERM or SIGINT, then finishes what runs and leaves everything else for the next start.
pub(crate) async fn serve(settings: Settings) -> Result<()> {
    telemetry::log(&settings.log)?;
    let recorder = telemetry::metrics()?;
    let data = paths::data(&settings)?;
    std::fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
    let http = Listener::tcp(&settings.listen).await?;
    let address = http.address().context("a TCP socket has an address")?;
    let platform = compose(&settings, &data, address)?;
    bootstrap::subjects(&platform.control, &settings, &data, &format!("http://{address}")).await?;
    let resumed = platform.control.recover().await?;
    if resumed > 0 {
        tracing::info!(resumed, "accepted invocations of the previous run were taken up again");
    }
    platform.worker.prewarm();
    let stop = CancellationToken::new();
    retention::start(settings.retention.clone(), &platform, stop.clone());
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
        settings: settings.http,
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
    tracing::info!(most_seconds = drain_seconds, "stopping: finishing what runs");
    stop.cancel();
    platform.worker.drain();
    let (served, finished) = tokio::join!(tokio::time::timeout(most, serving), platform.tasks.finish(most));
    if served.is_err() || !finished {
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
