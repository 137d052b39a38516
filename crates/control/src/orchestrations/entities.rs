use wisp_core::{
    Code, Error, Result,
    model::{Identity, Right},
};
use wisp_workflow::orchestration::{Entity, Kind, Message, Micros, Operation, is_entity};

use super::{
    Hub,
    kept::{Stored, decode, micros},
    letter::Letter,
    queries::whole,
};
use crate::{control::Control, resolve::require};

/// An entity as it is shown.
#[derive(Clone, Debug)]
pub struct EntityShown {
    /// It.
    pub entity: Entity,
    /// Operations that wait.
    pub waiting: usize,
}

/// Which entities are wanted.
#[derive(Clone, Debug, Default)]
pub struct EntityQuery {
    /// Those whose ids begin so.
    pub prefix: String,
    /// Those that changed at this time or later.
    pub modified_from: Option<Micros>,
    /// Those that changed before this time.
    pub modified_to: Option<Micros>,
    /// Those without a value too.
    pub transient: bool,
    /// At most so many.
    pub limit: Option<usize>,
    /// Those after this id.
    pub after: Option<String>,
}

impl Control {
    /// Has an entity do something; nobody waits for it.
    pub async fn signal_entity(&self, caller: &Identity, hub: &Hub, operation: Operation) -> Result<()> {
        require(caller, Right::Activate)?;
        self.check_payload("input", &operation.input)?;
        let id = operation.target.clone().unwrap_or_default();
        self.check_entity_id(&id)?;
        let kind = Kind::EntitySignaled(operation);
        let message = Box::new(Message::new(micros(self.inner.clock.now()), kind));
        self.tell_instance(&hub.key(&id), |receipt| Letter::Say(message, receipt))
            .await
    }

    fn check_entity_id(&self, id: &str) -> Result<()> {
        let most = self.inner.orchestrations.settings.id_length;
        if !is_entity(id) || id.len() > most || id.chars().any(char::is_control) {
            let message = format!("'{id}' is no id of an entity: '@name@key', at most {most} bytes");
            return Err(Error::new(Code::BadRequest, message).with("limit", "orchestrations.id_length"));
        }
        Ok(())
    }

    /// An entity; none if there is none of this id, or it has no value.
    pub async fn find_entity(&self, caller: &Identity, hub: &Hub, id: &str) -> Result<Option<EntityShown>> {
        require(caller, Right::Read)?;
        let found = self.entity(hub, id).await?;
        Ok(found.filter(|shown| shown.entity.state.is_some() || shown.entity.lock.is_some()))
    }

    async fn entity(&self, hub: &Hub, id: &str) -> Result<Option<EntityShown>> {
        let (journal, key) = (&self.inner.workflows.journal, hub.key(id));
        let stored = journal.load(&key).await?;
        let Some(Stored::Entity(entity)) = stored.map(|stored| decode(&stored.state)).transpose()? else {
            return Ok(None);
        };
        let waiting = journal.effects(&key).await?.len();
        Ok(Some(EntityShown {
            entity: *entity,
            waiting,
        }))
    }

    /// Entities by id, and where the next page begins.
    pub async fn query_entities(
        &self,
        caller: &Identity,
        hub: &Hub,
        query: &EntityQuery,
    ) -> Result<(Vec<EntityShown>, Option<String>)> {
        require(caller, Right::Read)?;
        let most = self.inner.orchestrations.settings.page_size;
        let limit = query.limit.filter(|limit| *limit > 0).unwrap_or(most).min(most);
        let listed = self.all(hub.entities(), None).await?;
        let ids = listed.iter().filter_map(|listed| Hub::read(&listed.execution));
        let mut ids: Vec<&str> = ids.map(|(_, id)| id).collect();
        ids.retain(|id| id.starts_with(&query.prefix) && query.after.as_deref().is_none_or(|after| *id > after));
        ids.sort_unstable();
        let mut found: Vec<EntityShown> = Vec::new();
        for id in ids {
            let Some(shown) = self.entity(hub, id).await?.filter(|shown| query.fits(shown)) else {
                continue;
            };
            if found.len() == limit {
                let next = found.last().map(|shown| shown.entity.id.clone());
                return Ok((found, next));
            }
            found.push(shown);
        }
        Ok((found, None))
    }

    /// Removes entities that have no value, no lock and no operation that waits, and takes locks from instances that are gone or
    /// over. Returns how many of each.
    pub async fn clean_entities(
        &self,
        caller: &Identity,
        hub: &Hub,
        empty: bool,
        orphaned: bool,
    ) -> Result<(usize, usize)> {
        require(caller, Right::Delete)?;
        let (mut removed, mut released) = (0, 0);
        for listed in self.all(hub.entities(), None).await? {
            let Some((_, id)) = Hub::read(&listed.execution) else {
                continue;
            };
            let Some(EntityShown { entity, waiting }) = self.entity(hub, id).await? else {
                continue;
            };
            if orphaned && self.is_orphaned(hub, &entity).await? {
                self.tell_instance(&listed.execution, Letter::Release).await?;
                released += 1;
            } else if empty && entity.state.is_none() && entity.lock.is_none() && waiting == 0 {
                self.forget(hub, id).await?;
                removed += 1;
            }
        }
        Ok((removed, released))
    }

    /// Whether an entity is locked by an instance that will not give it back.
    async fn is_orphaned(&self, hub: &Hub, entity: &Entity) -> Result<bool> {
        let Some(lock) = &entity.lock else { return Ok(false) };
        let Some(owner) = &lock.owner else { return Ok(true) };
        let owner = self.instance(hub, owner).await?;
        Ok(owner.is_none_or(|owner| owner.status.is_over()))
    }
}

impl EntityQuery {
    fn fits(&self, shown: &EntityShown) -> bool {
        let entity = &shown.entity;
        (self.transient || entity.state.is_some())
            && self.modified_from.is_none_or(|from| entity.modified >= whole(from))
            && self.modified_to.is_none_or(|to| entity.modified < to)
    }
}
