use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wisp_core::{
    Code, Error, Result,
    model::{Action, Fqn, Package, Rule, Trigger},
    ports::{Expect, Record, Records, Revision, Table, Write},
};

use crate::{builtin::Builtins, cached::Cached, resolve::forbidden};

const ENTITIES: Table = "entities";

/// What a name in a namespace can stand for. All kinds share one id space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    /// A function or sequence.
    Action(Arc<Action>),
    /// A package or binding.
    Package(Arc<Package>),
    /// A channel of events.
    Trigger(Arc<Trigger>),
    /// From a trigger to an action.
    Rule(Arc<Rule>),
}

impl Entity {
    /// Its full name.
    pub fn fqn(&self) -> &Fqn {
        match self {
            Entity::Action(action) => &action.fqn,
            Entity::Package(package) => &package.fqn,
            Entity::Trigger(trigger) => &trigger.fqn,
            Entity::Rule(rule) => &rule.fqn,
        }
    }
}

/// An entity with the revision of its record.
#[derive(Clone, Debug)]
pub struct Stored<T = Entity> {
    /// The revision, for conditional writes.
    pub revision: Revision,
    /// The entity.
    pub entity: T,
}

/// The entities, typed: the stored ones, and those that are part of the program.
pub(crate) struct Catalog {
    records: Arc<dyn Records>,
    cache: Cached<Stored>,
    builtins: Builtins,
}

macro_rules! lookups {
    ($($name:ident: $variant:ident($type:ty)),+) => {$(
        /// The entity of this name; not found, or a conflict when the name belongs to another kind of entity.
        pub async fn $name(&self, fqn: &Fqn) -> Result<Stored<Arc<$type>>> {
            match self.find(fqn).await? {
                Some(Stored { revision, entity: Entity::$variant(entity) }) => Ok(Stored { revision, entity }),
                Some(_) => Err(other_collection()),
                None => Err(Error::new(Code::NotFound, "The requested resource does not exist.")),
            }
        }
    )+};
}

impl Catalog {
    pub fn new(records: Arc<dyn Records>, cache_entries: usize, builtins: Builtins) -> Self {
        Self {
            records,
            cache: Cached::new(cache_entries),
            builtins,
        }
    }

    lookups! { action: Action(Action), package: Package(Package), trigger: Trigger(Trigger), rule: Rule(Rule) }

    /// Whatever has this name.
    pub async fn find(&self, fqn: &Fqn) -> Result<Option<Stored>> {
        let key = fqn.to_string();
        if let Some(builtin) = self.builtins.find(&key) {
            return Ok(Some(builtin.clone()));
        }
        let load = || async {
            let record = self.records.get(ENTITIES, &key).await?;
            record.map(|record| decode(&record)).transpose()
        };
        Ok(self.cache.get(&key, load).await?.map(|stored| (*stored).clone()))
    }

    /// All entities of a namespace, or of a package (`namespace/package`), in the order of their names.
    pub async fn within(&self, path: &str) -> Result<Vec<Stored>> {
        let prefix = format!("{path}/");
        let records = self.records.scan(ENTITIES, &prefix).await?;
        let builtins = self.builtins.within(&prefix).cloned().map(Ok);
        builtins.chain(records.iter().map(decode)).collect()
    }

    /// All entities of all namespaces.
    pub async fn all(&self) -> Result<Vec<Stored>> {
        let records = self.records.scan(ENTITIES, "").await?;
        let builtins = self.builtins.within("").cloned().map(Ok);
        builtins.chain(records.iter().map(decode)).collect()
    }

    /// The entities that are part of the program.
    pub fn builtins(&self) -> &Builtins {
        &self.builtins
    }

    /// Creates (`expect` none) or replaces (`expect` the revision that was read) one entity.
    pub async fn put(&self, entity: Entity, expect: Option<Revision>) -> Result<()> {
        self.commit(vec![Self::writing(&entity, expect)?]).await
    }

    /// Creates an entity in a package. The package is written anew as it is, so that a deletion of it that has not seen the
    /// entity fails.
    pub async fn create_within(&self, entity: Entity, package: &Fqn) -> Result<()> {
        loop {
            let holder = self.package(package).await?;
            let writes = vec![
                Self::writing(&entity, None)?,
                Self::writing(&Entity::Package(holder.entity), Some(holder.revision))?,
            ];
            match self.commit(writes).await {
                // Another one was created in the package, or the package is not what it was.
                Err(error) if error.code() == Code::Conflict && self.find(entity.fqn()).await?.is_none() => {}
                done => return done,
            }
        }
    }

    /// Deletes one entity as it was read.
    pub async fn delete(&self, fqn: &Fqn, revision: Revision) -> Result<()> {
        self.commit(vec![Self::deleting(fqn, revision)]).await
    }

    /// The write that creates or replaces an entity, for a [`commit`](Self::commit) of several.
    pub fn writing(entity: &Entity, expect: Option<Revision>) -> Result<Write> {
        let text = serde_json::to_vec(entity)
            .map_err(|error| Error::internal(format!("'{}' cannot be encoded", entity.fqn())).because(error))?;
        let expect = expect.map_or(Expect::Absent, Expect::At);
        Ok(Write {
            table: ENTITIES,
            key: entity.fqn().to_string(),
            value: Some(Bytes::from(text)),
            expect,
        })
    }

    /// The write that deletes an entity, for a [`commit`](Self::commit) of several.
    pub fn deleting(fqn: &Fqn, revision: Revision) -> Write {
        Write {
            table: ENTITIES,
            key: fqn.to_string(),
            value: None,
            expect: Expect::At(revision),
        }
    }

    /// Carries out all writes or none.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<()> {
        let keys: Vec<String> = writes.iter().map(|write| write.key.clone()).collect();
        if let Some(key) = keys.iter().find(|key| self.builtins.find(key).is_some()) {
            return Err(forbidden(key).with("remedy", "it is part of the platform: use another name"));
        }
        let result = self.records.commit(writes).await;
        self.cache.forget(keys.iter().map(String::as_str)).await;
        result.map(drop).map_err(|error| match error.code() {
            Code::Conflict => raced().because(error),
            _ => error,
        })
    }
}

/// The refusal when somebody else has changed the same record meanwhile.
pub(crate) fn raced() -> Error {
    Error::new(Code::Conflict, "Concurrent modification to resource detected.")
}

/// The refusal when a name belongs to another kind of entity.
pub(crate) fn other_collection() -> Error {
    Error::new(
        Code::Conflict,
        "Resource by this name exists but is not in this collection.",
    )
}

fn decode(record: &Record) -> Result<Stored> {
    let entity = serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(Code::Corrupted, "Resource is corrupted and cannot be read.")
            .with("key", &record.key)
            .because(error)
    })?;
    Ok(Stored {
        revision: record.revision,
        entity,
    })
}

#[cfg(test)]
mod tests {
    use wisp_core::model::{Exec, Limits, Millis, Version};

    use super::*;

    const NOW: Millis = 0;

    fn catalog() -> Catalog {
        let engine = wisp_store::open("memory", &wisp_store::Config::default()).unwrap();
        Catalog::new(engine.records, 100, Builtins::new(&[], &Limits::default(), NOW))
    }

    fn name(text: &str) -> Fqn {
        text.parse().unwrap()
    }

    fn package() -> Entity {
        Entity::Package(Arc::new(Package {
            fqn: name("guest/p"),
            binding: None,
            parameters: Default::default(),
            version: Version::default(),
            publish: false,
            annotations: Default::default(),
            updated: NOW,
        }))
    }

    fn action(text: &str) -> Entity {
        Entity::Action(Arc::new(Action {
            fqn: name(text),
            exec: Exec::Sequence { components: Vec::new() },
            parameters: Default::default(),
            limits: Limits::default().action_default(),
            version: Version::default(),
            publish: false,
            annotations: Default::default(),
            updated: NOW,
        }))
    }

    #[tokio::test]
    async fn a_package_is_not_deleted_by_who_has_not_seen_what_is_in_it() {
        let (catalog, holder) = (catalog(), name("guest/p"));
        catalog.put(package(), None).await.unwrap();
        let seen = catalog.package(&holder).await.unwrap().revision;
        catalog.create_within(action("guest/p/a"), &holder).await.unwrap();
        let error = catalog.delete(&holder, seen).await.unwrap_err();
        assert_eq!(error.code(), Code::Conflict);
        let now = catalog.package(&holder).await.unwrap();
        assert_eq!(Entity::Package(now.entity), package(), "it is as it was");
        catalog.delete(&holder, now.revision).await.unwrap();
        let error = catalog.create_within(action("guest/p/b"), &holder).await.unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert!(catalog.find(&name("guest/p/b")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn those_who_create_in_a_package_at_once_do_not_disturb_each_other() {
        let (catalog, holder) = (catalog(), name("guest/p"));
        catalog.put(package(), None).await.unwrap();
        let create = |at: usize| catalog.create_within(action(&format!("guest/p/a{}", at / 2)), &holder);
        let created = futures_util::future::join_all((0..40).map(create)).await;
        let refused = created.into_iter().filter_map(Result::err);
        assert_eq!(
            refused.map(|error| error.code()).collect::<Vec<_>>(),
            [Code::Conflict; 20]
        );
        assert_eq!(catalog.within("guest/p").await.unwrap().len(), 20);
    }
}
