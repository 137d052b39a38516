use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use wisp_core::{
    Result,
    model::{Activation, Invocation, Limits},
    ports::{Activations, Bus, Clock, KeepAlive, Kind, Language, Tasks},
};

use crate::{Census, Config, measure::Meters, pool::Pool, stems::Stems};

/// What a worker stands on.
pub struct Parts {
    /// The languages that it can run.
    pub languages: Vec<Arc<dyn Language>>,
    /// Where records go.
    pub activations: Arc<dyn Activations>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Work that goes on by itself.
    pub tasks: Arc<dyn Tasks>,
    /// The platform's limits.
    pub limits: Limits,
    /// How long idle instances are kept, and when they are started ahead.
    pub keepalive: Arc<dyn KeepAlive>,
    /// Settings; the memory must be set.
    pub config: Config,
}

/// Runs invocations in instances of its own. Cloning shares it.
#[derive(Clone)]
pub struct Worker {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub pool: Arc<Pool>,
    pub activations: Arc<dyn Activations>,
    pub clock: Arc<dyn Clock>,
    pub limits: Limits,
    pub meters: Meters,
    /// Whether functions reach the network.
    pub network: bool,
}

/// A language with one of its kinds, by the kind's name.
pub(crate) type Kinds = HashMap<String, (Arc<dyn Language>, Kind)>;

impl Worker {
    /// A worker; [`prewarm`](Self::prewarm) starts its stem cells.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            languages,
            activations,
            clock,
            tasks,
            limits,
            keepalive,
            config,
        } = parts;
        let kinds: Kinds = languages
            .iter()
            .flat_map(|language| language.kinds().iter().map(|kind| (language.clone(), kind.clone())))
            .map(|(language, kind)| (kind.name.clone(), (language, kind)))
            .collect();
        let stems = Stems::new(kinds, &limits, &config, clock.clone(), tasks.clone());
        let network = config.network;
        let pool = Pool::new(config, keepalive, stems, clock.clone(), tasks);
        Self {
            inner: Arc::new(Inner {
                pool,
                activations,
                clock,
                limits,
                meters: Meters::default(),
                network,
            }),
        }
    }

    /// Starts the stem cells and the sweep of idle instances, in the background.
    pub fn prewarm(&self) {
        self.inner.pool.prewarm();
    }

    /// What the pool holds now.
    pub fn census(&self) -> Census {
        self.inner.pool.census()
    }

    /// Refuses invocations that wait for an instance, and starts no more; what runs goes on.
    pub fn drain(&self) {
        self.inner.pool.drain();
    }

    /// Ends all instances, whatever they do.
    pub async fn stop(&self) {
        self.inner.pool.stop().await;
    }
}

#[async_trait]
impl Bus for Worker {
    async fn run(&self, invocation: Invocation, accepted: bool) -> Result<Arc<Activation>> {
        self.inner.run(invocation, accepted).await
    }
}
