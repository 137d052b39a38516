use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use wisp_core::{
    Error, Result,
    model::{Accepted, Activation, ActivationId, EntityName, Millis},
    ports::{Activations, FollowUp, Query, Records, Retention, Scope, Swept},
};

use super::lock;
use crate::names::names;

/// Promises and records in maps.
pub(super) struct Memory {
    state: Mutex<State>,
    records: Arc<dyn Records>,
}

impl Memory {
    /// An empty ledger beside these records.
    pub fn new(records: Arc<dyn Records>) -> Self {
        Self {
            state: Mutex::default(),
            records,
        }
    }
}

#[derive(Default)]
struct State {
    promises: HashMap<ActivationId, Accepted>,
    records: HashMap<ActivationId, Stored>,
    /// Per namespace, newest first.
    order: BTreeMap<String, BTreeMap<Place, ActivationId>>,
}

/// Where a record stands in its namespace's list.
type Place = (Reverse<Millis>, ActivationId);

struct Stored {
    namespace: String,
    start: Millis,
    names: Vec<String>,
    json: Bytes,
}

impl State {
    fn remove(&mut self, id: ActivationId) -> Option<Stored> {
        let stored = self.records.remove(&id)?;
        if let Some(order) = self.order.get_mut(&stored.namespace) {
            order.remove(&(Reverse(stored.start), id));
        }
        Some(stored)
    }

    /// The records of a scope, newest first.
    fn within<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a Stored> {
        let (since, upto) = (scope.since.unwrap_or(0), scope.upto.unwrap_or(Millis::MAX));
        let order = self.order.get(scope.namespace.as_str()).into_iter().flatten();
        let ids = order
            .filter(move |((Reverse(start), _), _)| (since..=upto).contains(start))
            .map(|(_, id)| id);
        let stored = ids.filter_map(|id| self.records.get(id));
        stored.filter(|stored| scope.name.as_ref().is_none_or(|name| stored.names.contains(name)))
    }

    /// What of a namespace is over its policy: all that started when the first record that is did, or before.
    fn surplus(&self, namespace: &str, now: Millis, keep: Retention) -> Vec<ActivationId> {
        let (mut count, mut bytes) = (0, 0);
        let order = || self.order.get(namespace).into_iter().flatten();
        let over = order().find(|((Reverse(start), _), id)| {
            count += 1;
            bytes += self.records.get(id).map_or(0, |stored| stored.json.len() as u64);
            count > keep.count || bytes > keep.bytes || *start < now.saturating_sub(keep.age)
        });
        let Some(((Reverse(cut), _), _)) = over else {
            return Vec::new();
        };
        order()
            .filter(|((Reverse(start), _), _)| start <= cut)
            .map(|(_, id)| *id)
            .collect()
    }
}

#[async_trait]
impl Activations for Memory {
    async fn accept(&self, accepted: &Accepted) -> Result<()> {
        lock(&self.state).promises.insert(accepted.id, accepted.clone());
        Ok(())
    }

    async fn unfinished(&self) -> Result<Vec<ActivationId>> {
        let state = lock(&self.state);
        let mut promises: Vec<_> = state
            .promises
            .values()
            .map(|promise| (promise.at, promise.id))
            .collect();
        promises.sort_unstable();
        Ok(promises.into_iter().map(|(_, id)| id).collect())
    }

    async fn is_promised(&self, id: ActivationId) -> Result<bool> {
        Ok(lock(&self.state).promises.contains_key(&id))
    }

    async fn promise(&self, id: ActivationId) -> Result<Option<Accepted>> {
        Ok(lock(&self.state).promises.get(&id).cloned())
    }

    async fn follow(&self, what: FollowUp) -> Result<()> {
        // Nothing here outlives the process, so that only a refused write could leave the two apart.
        if !what.writes.is_empty() {
            self.records.commit(what.writes).await?;
        }
        let mut state = lock(&self.state);
        if let Some(id) = what.settled {
            state.promises.remove(&id);
        }
        if let Some(promised) = what.promised {
            state.promises.insert(promised.id, promised);
        }
        Ok(())
    }

    async fn finish(&self, activation: Arc<Activation>) -> Result<()> {
        let json = serde_json::to_vec(&*activation);
        let json = json.map_err(|error| Error::internal("an activation has no JSON").because(error))?;
        let (id, start, namespace) = (
            activation.activation_id,
            activation.start,
            activation.namespace.to_string(),
        );
        let mut state = lock(&self.state);
        state.remove(id);
        if state
            .promises
            .get(&id)
            .is_some_and(|promise| promise.is_settled_by(&activation.response))
        {
            state.promises.remove(&id);
        }
        state
            .order
            .entry(namespace.clone())
            .or_default()
            .insert((Reverse(start), id), id);
        state.records.insert(
            id,
            Stored {
                namespace,
                start,
                names: names(&activation),
                json: json.into(),
            },
        );
        Ok(())
    }

    async fn get(&self, namespace: &EntityName, id: ActivationId) -> Result<Option<Bytes>> {
        let state = lock(&self.state);
        let stored = state
            .records
            .get(&id)
            .filter(|stored| stored.namespace == namespace.as_str());
        Ok(stored.map(|stored| stored.json.clone()))
    }

    async fn list(&self, query: &Query) -> Result<Vec<Bytes>> {
        let state = lock(&self.state);
        let page = state
            .within(&query.scope)
            .skip(query.skip as usize)
            .take(query.limit as usize);
        Ok(page.map(|stored| stored.json.clone()).collect())
    }

    async fn count(&self, scope: &Scope) -> Result<u64> {
        Ok(lock(&self.state).within(scope).count() as u64)
    }

    async fn sweep(&self, now: Millis, policy: &(dyn for<'a> Fn(&'a str) -> Retention + Sync)) -> Result<Swept> {
        let mut state = lock(&self.state);
        let mut swept = Swept::default();
        let namespaces: Vec<String> = state.order.keys().cloned().collect();
        for namespace in namespaces {
            for id in state.surplus(&namespace, now, policy(&namespace)) {
                let bytes = state.remove(id).map_or(0, |stored| stored.json.len() as u64);
                swept.records += 1;
                swept.bytes += bytes;
            }
        }
        state.order.retain(|_, order| !order.is_empty());
        Ok(swept)
    }
}
