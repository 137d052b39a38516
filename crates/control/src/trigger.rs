use std::{collections::BTreeMap, sync::Arc};

use wisp_core::{
    Error, Result,
    model::{Annotations, Fqn, Identity, Right, Trigger, TriggerPut, Version},
};

use crate::{
    catalog::{Entity, Stored, other_collection},
    control::Control,
    deploy::exists,
};

impl Control {
    /// Creates a trigger; with `overwrite` also updates one that exists, whose rules stay.
    pub async fn put_trigger(
        &self,
        caller: &Identity,
        name: &Fqn,
        put: TriggerPut,
        overwrite: bool,
    ) -> Result<Arc<Trigger>> {
        self.entitle(caller, Right::Put, name)?;
        self.check_size("parameters", put.parameters.as_ref())?;
        self.check_size("annotations", put.annotations.as_ref())?;
        let (revision, old) = match self.inner.catalog.find(name).await? {
            None => {
                check_feed(put.annotations.as_ref())?;
                (None, None)
            }
            Some(Stored {
                revision,
                entity: Entity::Trigger(old),
            }) if overwrite => (Some(revision), Some(old)),
            Some(Stored {
                entity: Entity::Trigger(_),
                ..
            }) => return Err(exists()),
            Some(_) => return Err(other_collection()),
        };
        let mut trigger = old.map_or_else(|| blank(name), |old| next(&old));
        trigger.parameters = put.parameters.unwrap_or(trigger.parameters);
        trigger.annotations = put.annotations.unwrap_or(trigger.annotations);
        trigger.version = put.version.unwrap_or(trigger.version);
        trigger.publish = put.publish.unwrap_or(trigger.publish);
        trigger.updated = self.inner.clock.now();
        let trigger = Arc::new(trigger);
        self.inner
            .catalog
            .put(Entity::Trigger(trigger.clone()), revision)
            .await?;
        Ok(trigger)
    }

    /// A trigger.
    pub async fn get_trigger(&self, caller: &Identity, name: &Fqn) -> Result<Arc<Trigger>> {
        self.entitle(caller, Right::Read, name)?;
        Ok(self.inner.catalog.trigger(name).await?.entity)
    }

    /// Deletes a trigger; returns it as it was. Its rules stay, and are inactive for ever.
    pub async fn delete_trigger(&self, caller: &Identity, name: &Fqn) -> Result<Arc<Trigger>> {
        self.entitle(caller, Right::Delete, name)?;
        let Stored { revision, entity } = self.inner.catalog.trigger(name).await?;
        self.inner.catalog.delete(name, revision).await?;
        self.forget_feed(name).await?;
        Ok(entity)
    }
}

fn blank(name: &Fqn) -> Trigger {
    Trigger {
        fqn: name.clone(),
        parameters: Annotations::new(),
        rules: BTreeMap::new(),
        version: Version::default(),
        publish: false,
        annotations: Annotations::new(),
        updated: 0,
    }
}

fn next(old: &Trigger) -> Trigger {
    Trigger {
        version: old.version.next(),
        ..old.clone()
    }
}

/// A trigger that a feed drives names it in full, so that clients find it again.
fn check_feed(annotations: Option<&Annotations>) -> Result<()> {
    match annotations.and_then(|annotations| annotations.get("feed")) {
        None => Ok(()),
        Some(feed) => match feed.as_str().map(str::parse::<Fqn>) {
            Some(Ok(_)) => Ok(()),
            _ => Err(Error::bad_request("Feed name is not valid")),
        },
    }
}
