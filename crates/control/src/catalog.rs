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
