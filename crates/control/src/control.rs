use std::sync::Arc;

use wisp_core::{
    model::{ActivationId, Limits, Millis},
    ports::{Activations, Blobs, Bus, Clock, EventSource, Journal, Outbound, Records, Tasks},
};

use crate::{
    admit::Admission,
    authenticate::Subjects,
    buckets::{self, Buckets},
    builtin::Builtins,
    catalog::Catalog,
    composer::Programs,
    delivery::{self, Chains, Health, Waiting},
    durable::Claims,
    feeds::Feeds,
    gateway::{self, Gateway},
    kinds::Kinds,
    orchestrations::{self, Orchestrations},
    owner::OwnerKeys,
    recent::Recent,
    seal::Seal,
    secrets::Secrets,
    under_way::UnderWay,
    workflows::{self, Workflows},
};

/// What the use cases stand on.
pub struct Parts {
    /// Entities, subjects.
    pub records: Arc<dyn Records>,
    /// Code.
    pub blobs: Arc<dyn Blobs>,
    /// The ledger of invocations.
    pub activations: Arc<dyn Activations>,
    /// Durable executions.
    pub journal: Arc<dyn Journal>,
    /// The way to the workers.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Work that goes on by itself.
    pub tasks: Arc<dyn Tasks>,
    /// The kinds that actions can have.
    pub kinds: Kinds,
    /// Where events come from.
    pub sources: Vec<Arc<dyn EventSource>>,
    /// The way to servers outside, if there is one.
    pub outbound: Option<Arc<dyn Outbound>>,
    /// The platform's limits.
    pub limits: Limits,
    /// Protects keys that wait in the ledger, and secrets.
    pub seal: Seal,
    /// Where APIs are.
    pub gateway: gateway::Settings,
    /// Limits of workflows.
    pub workflows: workflows::Settings,
    /// Limits of orchestrations and entities.
    pub orchestrations: orchestrations::Settings,
    /// How rules deliver.
    pub delivery: delivery::Settings,
    /// Limits of buckets.
    pub buckets: buckets::Settings,
    /// Entities and keys that are kept in memory at most.
    pub cache_entries: usize,
}

/// All use cases. Cloning shares them.
#[derive(Clone)]
pub struct Control {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub catalog: Catalog,
    pub subjects: Subjects,
    pub blobs: Arc<dyn Blobs>,
    pub activations: Arc<dyn Activations>,
    pub bus: Arc<dyn Bus>,
    pub clock: Arc<dyn Clock>,
    pub tasks: Arc<dyn Tasks>,
    pub kinds: Kinds,
    pub limits: Limits,
    pub seal: Seal,
    pub secrets: Secrets,
    pub admission: Admission,
    pub owner_keys: OwnerKeys,
    pub feeds: Feeds,
    pub outbound: Option<Arc<dyn Outbound>>,
    pub under_way: UnderWay,
    pub gateway: Gateway,
    pub workflows: Workflows,
    pub orchestrations: Orchestrations,
    /// Compositions whose conductor is not needed.
    pub programs: Programs,
    /// Durable sequences and compositions that are being run.
    pub claims: Claims,
    pub delivery: delivery::Settings,
    pub waiting: Waiting,
    pub buckets: Buckets,
    /// Values that the next step may take from memory.
    pub recent: Arc<Recent>,
    pub health: Health,
    pub chains: Chains,
    pub records: Arc<dyn Records>,
}

impl Control {
    /// The use cases over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            records,
            blobs,
            activations,
            journal,
            bus,
            clock,
            tasks,
            kinds,
            sources,
            outbound,
            limits,
            seal,
            gateway,
            workflows,
            orchestrations,
            delivery,
            buckets,
            cache_entries,
        } = parts;
        let recent = Arc::new(Recent::new(workflows.recent_size));
        let builtins = Builtins::new(&sources, &limits, clock.now());
        Self {
            inner: Arc::new(Inner {
                catalog: Catalog::new(records.clone(), cache_entries, builtins),
                feeds: Feeds::new(records.clone(), sources),
                outbound,
                under_way: UnderWay::default(),
                subjects: Subjects::new(records.clone(), cache_entries),
                gateway: Gateway::new(gateway, records.clone(), clock.clone(), cache_entries),
                workflows: Workflows::new(workflows, records.clone(), journal, cache_entries),
                orchestrations: Orchestrations::new(orchestrations),
                programs: Programs::new(cache_entries),
                claims: Claims::default(),
                secrets: Secrets::new(records.clone(), seal.clone(), cache_entries),
                health: Health::new(records.clone()),
                chains: Chains::new(cache_entries),
                waiting: Waiting::default(),
                buckets: Buckets::new(buckets, recent.clone(), cache_entries),
                recent,
                delivery,
                records,
                admission: Admission::new(&limits),
                owner_keys: OwnerKeys::default(),
                blobs,
                activations,
                bus,
                clock,
                tasks,
                kinds,
                limits,
                seal,
            }),
        }
    }

    /// The platform's limits.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Where APIs are.
    pub fn gateway(&self) -> &gateway::Settings {
        &self.inner.gateway.settings
    }

    /// Limits of workflows.
    pub fn workflows(&self) -> &workflows::Settings {
        &self.inner.workflows.settings
    }

    /// Limits of orchestrations and entities.
    pub fn orchestrations(&self) -> &orchestrations::Settings {
        &self.inner.orchestrations.settings
    }

    /// The kinds that actions can have.
    pub fn kinds(&self) -> &Kinds {
        &self.inner.kinds
    }

    /// What time it is, in milliseconds since 1970.
    pub fn now(&self) -> Millis {
        self.inner.clock.now()
    }

    /// A new activation id.
    pub(crate) fn new_id(&self) -> ActivationId {
        ActivationId::from_bits(rand::random())
    }
}
