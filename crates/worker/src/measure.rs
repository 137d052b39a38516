use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use metrics::{Counter, Histogram};
use wisp_core::model::{Action, Status};

/// Counts activations and where their time goes, by kind. The instruments of a kind are looked up once.
#[derive(Default)]
pub(crate) struct Meters {
    kinds: RwLock<HashMap<String, Arc<Meter>>>,
}

struct Meter {
    ended: [Counter; 4],
    wait: Histogram,
    init: Histogram,
    run: Histogram,
}

impl Meters {
    /// Counts an activation that has ended; `wait` is in milliseconds.
    pub fn activation(
        &self,
        action: &Action,
        status: Status,
        wait: u64,
        init: Option<Duration>,
        run: Option<Duration>,
    ) {
        let meter = self.of(action.exec.kind());
        meter.ended[usize::from(status.code())].increment(1);
        meter.wait.record(Duration::from_millis(wait));
        if let Some(init) = init {
            meter.init.record(init);
        }
        if let Some(run) = run {
            meter.run.record(run);
        }
    }

    fn of(&self, kind: &str) -> Arc<Meter> {
        if let Some(meter) = self.kinds.read().unwrap_or_else(PoisonError::into_inner).get(kind) {
            return meter.clone();
        }
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        kinds
            .entry(kind.to_owned())
            .or_insert_with(|| Arc::new(Meter::new(kind)))
            .clone()
    }
}

impl Meter {
    fn new(kind: &str) -> Self {
        let kind = kind.to_owned();
        let statuses = [
            Status::Success,
            Status::ApplicationError,
            Status::DeveloperError,
            Status::WhiskError,
        ]
        .map(Status::as_str);
        Self {
            ended: statuses
                .map(|status| metrics::counter!("wisp_activations_total", "kind" => kind.clone(), "status" => status)),
            wait: metrics::histogram!("wisp_wait_seconds", "kind" => kind.clone()),
            init: metrics::histogram!("wisp_init_seconds", "kind" => kind.clone()),
            run: metrics::histogram!("wisp_run_seconds", "kind" => kind),
        }
    }
}
