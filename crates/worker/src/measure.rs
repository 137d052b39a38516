use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use metrics::{Counter, Histogram};
use wisp_core::model::{Action, Status};

use crate::start::{Origin, Start};

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
    /// By origin, made when one occurs.
    starts: [OnceLock<Starts>; Origin::ALL.len()],
}

/// The starts of one kind and origin.
struct Starts {
    count: Counter,
    total: Histogram,
    phases: Vec<Histogram>,
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

    /// Counts how an activation came by its instance.
    pub fn start(&self, action: &Action, start: &Start) {
        let kind = action.exec.kind();
        let meter = self.of(kind);
        let starts = meter.starts[start.origin as usize].get_or_init(|| Starts::new(kind, start));
        starts.count.increment(1);
        starts.total.record(start.total);
        for (histogram, (_, took)) in starts.phases.iter().zip(start.phases()) {
            histogram.record(took);
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
            starts: Default::default(),
        }
    }
}

impl Starts {
    /// The instruments of starts like this one, which all have the same phases.
    fn new(kind: &str, like: &Start) -> Self {
        let (kind, origin) = (kind.to_owned(), like.origin.as_str());
        let phase = |(phase, _)| {
            metrics::histogram!(
                "wisp_start_phase_seconds", "kind" => kind.clone(), "start" => origin, "phase" => phase
            )
        };
        Self {
            phases: like.phases().map(phase).collect(),
            count: metrics::counter!("wisp_starts_total", "kind" => kind.clone(), "start" => origin),
            total: metrics::histogram!("wisp_start_seconds", "kind" => kind.clone(), "start" => origin),
        }
    }
}
