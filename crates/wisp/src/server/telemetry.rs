use std::io::IsTerminal;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt};

/// Bounds of latency histograms, in seconds: from what a warm call takes to the longest blocking wait.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

/// Bounds of how many operations share a commit.
const OPERATIONS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0];

/// Starts logging to standard error: for people on a terminal, JSON lines otherwise.
pub(crate) fn log(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("'{filter}' is not a log filter: try info"))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => builder.with_target(false).init(),
        false => builder.json().flatten_event(true).with_ansi(false).init(),
    }
    Ok(())
}

/// Installs the recorder of metrics; the handle renders them.
pub(crate) fn metrics() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_operations".into()), OPERATIONS)?;
    let handle = builder.install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!("wisp_activations_total", "Activations that ended, by kind and status");
    describe_counter!(
        "wisp_starts_total",
        "Activations that got an instance, by kind and start: warm, from a stem cell, or cold"
    );
    describe_histogram!(
        "wisp_wait_seconds",
        Unit::Seconds,
        "From request to start of initialisation or run"
    );
    describe_histogram!(
        "wisp_init_seconds",
        Unit::Seconds,
        "Initialisation of an instance with an action's code"
    );
    describe_histogram!("wisp_run_seconds", Unit::Seconds, "Run of a function");
    describe_histogram!(
        "wisp_start_seconds",
        Unit::Seconds,
        "From asking for an instance to one that runs the action's code, by start"
    );
    describe_histogram!(
        "wisp_start_phase_seconds",
        Unit::Seconds,
        "The phases of that: wait, sandbox, runtime, code, init"
    );
    describe_histogram!(
        "wisp_launch_seconds",
        Unit::Seconds,
        "Start of an instance that belongs to no action yet"
    );
    describe_counter!(
        "wisp_http_requests_total",
        "Requests that were answered, by method and class of status"
    );
    describe_histogram!(
        "wisp_http_request_seconds",
        Unit::Seconds,
        "From a request's head to the head of its reply"
    );
    describe_histogram!(
        "wisp_store_commit_seconds",
        Unit::Seconds,
        "One commit of the store, without its sync"
    );
    describe_histogram!(
        "wisp_store_sync_seconds",
        Unit::Seconds,
        "One sync of the store to the disk"
    );
    describe_histogram!(
        "wisp_store_commit_operations",
        Unit::Count,
        "Operations that share a commit"
    );
    describe_counter!(
        "wisp_swept_activations_total",
        "Activation records that the retention removed"
    );
    describe_counter!(
        "wisp_api_requests_total",
        "Requests to APIs, by operation, key and class of status"
    );
    describe_counter!(
        "wisp_started_ahead_total",
        "Instances started ahead for an action, by whether they were used"
    );
    describe_counter!(
        "wisp_idle_memory_megabyte_seconds_total",
        "Memory promised to idle instances, times how long"
    );
    describe_gauge!("wisp_instances", "Instances in the pool, by state");
    describe_gauge!("wisp_queue_depth", "Invocations that wait for an instance");
    describe_gauge!(
        "wisp_instance_memory_bytes",
        Unit::Bytes,
        "Memory promised to instances"
    );
}

/// Sets the gauges of the pool; called when metrics are read.
pub(crate) fn observe(census: wisp_worker::Census) {
    use metrics::gauge;
    gauge!("wisp_instances", "state" => "busy").set(census.busy as f64);
    gauge!("wisp_instances", "state" => "idle").set((census.idle - census.frozen) as f64);
    gauge!("wisp_instances", "state" => "frozen").set(census.frozen as f64);
    gauge!("wisp_instances", "state" => "starting").set(census.starting as f64);
    gauge!("wisp_instances", "state" => "stem").set(census.stems as f64);
    gauge!("wisp_queue_depth").set(census.waiting as f64);
    gauge!("wisp_instance_memory_bytes").set((census.memory << 20) as f64);
}
