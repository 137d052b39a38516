use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wisp_core::{
    Code, Error, Result,
    model::{Isolation, Limits},
    ports::{Clock, Instance, InstanceLimits, Network, Tasks},
};

use crate::{Config, start::Origin, state::Spec, worker::Kinds};

/// Instances that are started ahead and belong to no action yet, by kind, and the starting of others.
#[derive(Clone)]
pub(crate) struct Stems {
    inner: Arc<Inner>,
}

struct Inner {
    kinds: Kinds,
    /// What a stem cell is started with, beside the level of its kind; it fits actions with these limits.
    limits: InstanceLimits,
    wanted: usize,
    stock: Mutex<HashMap<String, Stock>>,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
}

/// The stem cells of a kind.
#[derive(Default)]
struct Stock {
    ready: Vec<Box<dyn Instance>>,
    /// Those that are being started.
    coming: usize,
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
            isolation: Isolation::default(),
        };
        let inner = Inner {
            kinds,
            limits,
            wanted: config.stem_cells,
            stock: Mutex::default(),
            clock,
            tasks,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A stem cell that fits, or a new instance.
    pub async fn start(&self, spec: &Spec) -> Result<(Box<dyn Instance>, Origin)> {
        if Some(spec.limits) == self.limits(&spec.kind)
            && let Some(instance) = self.take(&spec.kind)
        {
            self.refill(spec.kind.clone());
            return Ok((instance, Origin::Stem));
        }
        Ok((self.launch(&spec.kind, spec.limits).await?, Origin::Cold))
    }

    /// The limits of a kind's stem cells.
    fn limits(&self, kind: &str) -> Option<InstanceLimits> {
        let (_, kind) = self.inner.kinds.get(kind)?;
        Some(InstanceLimits {
            isolation: kind.isolation(),
            ..self.inner.limits
        })
    }

    async fn launch(&self, kind: &str, limits: InstanceLimits) -> Result<Box<dyn Instance>> {
        let Some((language, kind)) = self.inner.kinds.get(kind) else {
            let message = format!("The '{kind}' runtime is no longer supported.");
            return Err(Error::new(Code::Sandbox, message));
        };
        let begun = self.inner.clock.elapsed();
        let instance = language.start(kind, limits).await?;
        let took = self.inner.clock.elapsed() - begun;
        metrics::histogram!("wisp_launch_seconds", "kind" => kind.name.clone()).record(took);
        Ok(instance)
    }

    fn stock(&self) -> MutexGuard<'_, HashMap<String, Stock>> {
        self.inner.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, kind: &str) -> Option<Box<dyn Instance>> {
        let mut stock = self.stock();
        let ready = &mut stock.get_mut(kind)?.ready;
        // What has ended by itself needs no other end: its sandbox went with it.
        std::iter::from_fn(|| ready.pop()).find(|instance| instance.is_alive())
    }

    /// Starts the stem cells that are missing, for the default kind of each language.
    pub fn fill(&self) {
        for (_, kind) in self.inner.kinds.values().filter(|(_, kind)| kind.default) {
            for _ in 0..self.inner.wanted {
                self.refill(kind.name.clone());
            }
        }
    }

    fn refill(&self, kind: String) {
        {
            let mut stock = self.stock();
            let stock = stock.entry(kind.clone()).or_default();
            if stock.ready.len() + stock.coming >= self.inner.wanted {
                return;
            }
            stock.coming += 1;
        }
        let stems = self.clone();
        self.inner.tasks.spawn(Box::pin(async move {
            let limits = stems.limits(&kind).unwrap_or(stems.inner.limits);
            let launched = stems.launch(&kind, limits).await;
            let mut stock = stems.stock();
            let stock = stock.entry(kind.clone()).or_default();
            stock.coming -= 1;
            match launched {
                Ok(instance) => stock.ready.push(instance),
                Err(error) => tracing::warn!(%kind, ?error, "a stem cell could not be started"),
            }
        }));
    }

    pub fn count(&self) -> usize {
        self.stock().values().map(|stock| stock.ready.len()).sum()
    }

    pub async fn stop(&self) {
        let stock = std::mem::take(&mut *self.stock());
        let ready = stock.values().flat_map(|stock| &stock.ready);
        futures_util::future::join_all(ready.map(|instance| instance.stop())).await;
    }
}
