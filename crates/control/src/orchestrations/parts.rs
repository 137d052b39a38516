use std::{collections::BTreeMap, sync::Arc};

use quick_cache::{Weighter, sync::Cache};
use wisp_core::model::EntityName;

use super::{Carrier, Hub, Settings, desk::Desk, kept::Kept, letter::Letter};
use crate::{
    actors::Actors,
    workflows::{Census, Ends},
};

/// What the use cases of orchestrations stand on.
pub(crate) struct Orchestrations {
    pub settings: Settings,
    /// Instances and entities that something happens to.
    pub actors: Actors<Letter, Kept>,
    /// Who waits for a change of an instance's status.
    pub changes: Ends,
    /// How many instances have not ended, by namespace.
    pub census: Census,
    /// Work for workers that connect.
    pub desk: Arc<Desk>,
    /// Who carries out the work of hubs that are not the workers'.
    carriers: BTreeMap<&'static str, Arc<dyn Carrier>>,
    /// Those that nothing happens to.
    parked: Cache<String, Arc<Kept>, Weight>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<String, Arc<Kept>> for Weight {
    fn weight(&self, key: &String, kept: &Arc<Kept>) -> u64 {
        kept.weight() + key.len() as u64
    }
}

impl Orchestrations {
    pub fn new(settings: Settings) -> Self {
        let items = usize::try_from(settings.cache_size / 4096)
            .unwrap_or(usize::MAX)
            .max(16);
        Self {
            parked: Cache::with_weighter(items, settings.cache_size, Weight),
            desk: Arc::new(Desk::new(settings.waiting_items)),
            settings,
            census: Census::default(),
            actors: Actors::default(),
            changes: Ends::default(),
            carriers: super::carriers(),
        }
    }

    /// Who carries out the work of a hub.
    pub fn carrier(&self, hub: &Hub) -> Arc<dyn Carrier> {
        match self.carriers.get(hub.name.as_str()) {
            Some(carrier) => carrier.clone(),
            None => self.desk.clone(),
        }
    }

    /// Whether a namespace has as many instances as it may.
    pub fn is_full(&self, namespace: &EntityName) -> bool {
        self.census.of(namespace.as_str()) >= self.settings.open_instances
    }

    /// Keeps something that nothing happens to, if there is room.
    pub fn park(&self, kept: Box<Kept>) {
        self.parked.insert(kept.key.clone(), Arc::new(*kept));
    }

    /// Takes it out again.
    pub fn unpark(&self, key: &str) -> Option<Box<Kept>> {
        let (_, kept) = self.parked.remove(key)?;
        Arc::into_inner(kept).map(Box::new)
    }
}
