use std::time::Duration;

use wisp_core::model::{Action, Status};

/// Counts an activation and records where its time went.
pub(crate) fn activation(action: &Action, status: Status, wait: u64, init: Option<Duration>, run: Option<Duration>) {
    let kind = action.exec.kind().to_owned();
    metrics::counter!("wisp_activations_total", "kind" => kind.clone(), "status" => status.as_str()).increment(1);
    metrics::histogram!("wisp_wait_seconds", "kind" => kind.clone()).record(wait as f64 / 1000.0);
    if let Some(init) = init {
        metrics::histogram!("wisp_init_seconds", "kind" => kind.clone()).record(init);
    }
    if let Some(run) = run {
        metrics::histogram!("wisp_run_seconds", "kind" => kind).record(run);
    }
}
