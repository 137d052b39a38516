use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use wisp_core::{
    Code, Error, Result,
    model::Limits,
    ports::{Clock, Instance, InstanceLimits, Network, Tasks},
};

use crate::{Config, state::Spec, worker::Kinds};

/// Instances that are started ahead and belong to no action yet, by kind, and the starting of others.
#[derive(Clone)]
pub(crate) struct Stems {
    inner: Arc<Inner>,
}

struct Inner {
    kinds: Kinds,
    /// What a stem cell is started with; it fits actions with these limits.
    limits: InstanceLimits,
    wanted: usize,
    ready: Mutex<HashMap<String, Vec<Box<dyn Instance>>>>,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
}

impl Stems {
    pub fn new(kinds: Kinds, limits: &Limits, config: &Config, clock: Arc<dyn Clock>, tasks: Arc<dyn Tasks>) -> Self {
        let network = if config.network {
            Network::Outbound
        } else {
            Network::None
        };
        let limits = InstanceLimits {
            memory: limits.memory.default,
            concurrency: limits.concurrency.default,
            network,
        };
        let inner = Inner {
            kinds,
            limits,
            wanted: config.stem_cells,
            ready: Mutex::default(),
            clock,
            tasks,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A stem cell that fits, or a new instance.
    pub async fn start(&self, spec: &Spec) -> Result<Box<dyn Instance>> {
        if spec.limits == self.inner.limits
            && let Some(instance) = self.take(&spec.kind)
        {
            metrics::counter!("wisp_starts_total", "kind" => spec.kind.clone(), "from" => "stem").increment(1);
            self.refill(spec.kind.clone());
            return Ok(instance);
        }
        metrics::counter!("wisp_starts_total", "kind" => spec.kind.clone(), "from" => "nothing").increment(1);
        self.launch(&spec.kind, spec.limits).await
    }

    async fn launch(&self, kind: &str, limits: InstanceLimits) -> Result<Box<dyn Instance>> {
        let Some((language, kind)) = self.inner.kinds.get(kind) else {
            let message = format!("The '{kind}' runtime is no longer supported.");
            return Err(Error::new(Code::Sandbox, message));
        };
        let begun = self.inner.clock.elapsed();
        let instance = language.start(kind, limits).await?;
        let took = self.inner.clock.elapsed() - begun;
        metrics::histogram!("wisp_start_seconds", "kind" => kind.name.clone()).record(took);
        Ok(instance)
    }

    fn take(&self, kind: &str) -> Option<Box<dyn Instance>> {
        let mut ready = self.inner.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.get_mut(kind)?.pop()
    }

    /// Starts stem cells for the default kind of each language.
    pub fn fill(&self) {
        for (_, kind) in self.inner.kinds.values().filter(|(_, kind)| kind.default) {
            for _ in 0..self.inner.wanted {
                self.refill(kind.name.clone());
            }
        }
    }

    fn refill(&self, kind: String) {
        let stems = self.clone();
        self.inner.tasks.spawn(Box::pin(async move {
            match stems.launch(&kind, stems.inner.limits).await {
                Ok(instance) => {
                    let mut ready = stems.inner.ready.lock().unwrap_or_else(PoisonError::into_inner);
                    ready.entry(kind).or_default().push(instance);
                }
                Err(error) => tracing::warn!(%kind, ?error, "a stem cell could not be started"),
            }
        }));
    }

    pub fn count(&self) -> usize {
        let ready = self.inner.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.values().map(Vec::len).sum()
    }

    pub async fn stop(&self) {
        let ready = std::mem::take(&mut *self.inner.ready.lock().unwrap_or_else(PoisonError::into_inner));
        futures_util::future::join_all(ready.values().flatten().map(|instance| instance.stop())).await;
    }
}
