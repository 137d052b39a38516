use std::{collections::HashMap, sync::Arc};

use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Fqn, Identity, Right},
    ports::{Expect, Record, Revision, Table, Write},
};
use wisp_workflow::when::{Target, Trigger};

use super::{Bucket, Draft, TriggerDraft, letter::Letter, place};
use crate::control::Control;

/// Buckets, by `namespace/name`.
const BUCKETS: Table = "buckets";

/// A bucket with the revision of its record.
type Kept = (Revision, Bucket);

impl Control {
    /// Makes a bucket, or changes how long objects are kept in one.
    pub async fn put_bucket(&self, caller: &Identity, name: &Fqn, draft: Draft) -> Result<Bucket> {
        self.entitle(caller, Right::Put, name)?;
        let settings = &self.inner.buckets.settings;
        let known = self.kept_bucket(name).await?;
        let Some((revision, bucket)) = known.as_deref() else {
            self.check_buckets(name.namespace_name()).await?;
            let bucket = Bucket {
                name: name.name().to_owned(),
                number: format!("{:016x}", rand::random::<u64>()),
                durability: draft.durability.unwrap_or_default(),
                scope: draft.scope.unwrap_or_default(),
                life: draft.life(settings, None)?,
                triggers: Default::default(),
                version: 0,
                updated: 0,
            };
            return self.store_bucket(name, bucket, Expect::Absent).await;
        };
        let differs = draft
            .durability
            .is_some_and(|durability| durability != bucket.durability)
            || draft.scope.is_some_and(|scope| scope != bucket.scope);
        if differs {
            let message = "The durability and the scope of a bucket cannot be changed: delete it, and create it again.";
            return Err(Error::new(Code::Conflict, message));
        }
        let life = draft.life(settings, Some(bucket.life))?;
        let bucket = Bucket { life, ..bucket.clone() };
        self.store_bucket(name, bucket, Expect::At(*revision)).await
    }

    /// A bucket.
    pub async fn get_bucket(&self, caller: &Identity, name: &Fqn) -> Result<Bucket> {
        self.entitle(caller, Right::Read, name)?;
        Ok(self.bucket(name).await?.1.clone())
    }

    /// The buckets of a namespace, by name.
    pub async fn list_buckets(&self, caller: &Identity, namespace: &EntityName) -> Result<Vec<Bucket>> {
        self.entitle_namespace(caller, namespace)?;
        let records = self.inner.records.scan(BUCKETS, &format!("{namespace}/")).await?;
        records.iter().map(decode).collect()
    }

    /// Deletes a bucket with all that is in it.
    pub async fn delete_bucket(&self, caller: &Identity, name: &Fqn) -> Result<Bucket> {
        self.entitle(caller, Right::Delete, name)?;
        let kept = self.bucket(name).await?;
        self.commit_bucket(name, None, Expect::At(kept.0)).await?;
        self.inner.buckets.sources.set(name, &[]);
        self.drop_scopes(name).await?;
        Ok(kept.1.clone())
    }

    /// Sets a trigger of a bucket. One that is changed begins afresh in every session.
    pub async fn put_bucket_trigger(
        &self,
        caller: &Identity,
        bucket: &Fqn,
        name: &str,
        draft: TriggerDraft,
    ) -> Result<Trigger> {
        self.entitle(caller, Right::Put, bucket)?;
        let kept = self.bucket(bucket).await?;
        let name: EntityName = name.parse()?;
        let trigger = draft.read(bucket.namespace_name())?;
        self.check_target(caller, &trigger.target).await?;
        let mut changed = kept.1.clone();
        changed.triggers.insert(name.to_string(), trigger.clone());
        let most = self.inner.buckets.settings.triggers;
        if changed.triggers.len() > most {
            return Err(too_many("triggers of a bucket", "buckets.triggers", most));
        }
        self.store_bucket(bucket, changed, Expect::At(kept.0)).await?;
        Ok(trigger)
    }

    /// A trigger of a bucket.
    pub async fn get_bucket_trigger(&self, caller: &Identity, bucket: &Fqn, name: &str) -> Result<Trigger> {
        self.entitle(caller, Right::Read, bucket)?;
        let kept = self.bucket(bucket).await?;
        kept.1.triggers.get(name).cloned().ok_or_else(missing)
    }

    /// Deletes a trigger of a bucket.
    pub async fn delete_bucket_trigger(&self, caller: &Identity, bucket: &Fqn, name: &str) -> Result<Trigger> {
        self.entitle(caller, Right::Delete, bucket)?;
        let kept = self.bucket(bucket).await?;
        let mut changed = kept.1.clone();
        let trigger = changed.triggers.remove(name).ok_or_else(missing)?;
        self.store_bucket(bucket, changed, Expect::At(kept.0)).await?;
        Ok(trigger)
    }

    /// A bucket that is there.
    pub(super) async fn bucket(&self, name: &Fqn) -> Result<Arc<Kept>> {
        self.kept_bucket(name).await?.ok_or_else(missing)
    }

    async fn kept_bucket(&self, name: &Fqn) -> Result<Option<Arc<Kept>>> {
        let key = name.to_string();
        let load = || async {
            let record = self.inner.records.get(BUCKETS, &key).await?;
            record.map(|record| Ok((record.revision, decode(&record)?))).transpose()
        };
        self.inner.buckets.shelf.get(&key, load).await
    }

    async fn store_bucket(&self, name: &Fqn, bucket: Bucket, expect: Expect) -> Result<Bucket> {
        let bucket = Bucket {
            version: bucket.version + 1,
            updated: self.inner.clock.now(),
            ..bucket
        };
        let text = serde_json::to_vec(&bucket);
        let text = text.map_err(|error| Error::internal("a bucket cannot be encoded").because(error))?;
        self.commit_bucket(name, Some(text.into()), expect).await?;
        self.inner.buckets.sources.set(name, &sources(&bucket));
        Ok(bucket)
    }

    async fn commit_bucket(&self, name: &Fqn, value: Option<bytes::Bytes>, expect: Expect) -> Result<()> {
        let write = Write {
            table: BUCKETS,
            key: name.to_string(),
            value,
            expect,
        };
        let committed = self.inner.records.commit(vec![write]).await;
        self.inner
            .buckets
            .shelf
            .forget([name.to_string().as_str()].into_iter())
            .await;
        committed.map(drop)
    }

    async fn check_buckets(&self, namespace: &EntityName) -> Result<()> {
        let most = self.inner.buckets.settings.buckets;
        let known = self.inner.records.scan(BUCKETS, &format!("{namespace}/")).await?;
        match known.len() < most {
            true => Ok(()),
            false => Err(too_many("buckets of a namespace", "buckets.buckets", most)),
        }
    }

    /// Refuses a target that is not there now.
    async fn check_target(&self, caller: &Identity, target: &Target) -> Result<()> {
        match target {
            Target::Function(name) => self.resolve(caller, &name.parse()?, Right::Activate).await.map(drop),
            Target::Machine(machine) => self.check_machine(caller, machine).await,
            Target::Event { .. } | Target::Task { .. } => Ok(()),
        }
    }

    /// Ends the scopes of a bucket that is no more.
    async fn drop_scopes(&self, bucket: &Fqn) -> Result<()> {
        let journal = &self.inner.workflows.journal;
        let mut keys = self.inner.buckets.actors.keys(&format!("{}/", place::list(bucket)));
        let mut page = wisp_core::ports::journal::Page {
            scope: place::list(bucket),
            status: None,
            after: None,
            limit: 1000,
        };
        loop {
            let listed = journal.list(&page).await?;
            let Some(last) = listed.last() else { break };
            page.after = Some((last.place.started, last.execution.clone()));
            keys.extend(listed.into_iter().map(|listed| listed.execution));
        }
        keys.into_iter().for_each(|key| self.post_scope(&key, Letter::Look));
        Ok(())
    }

    /// Learns which actions have hints, when the server starts.
    pub(crate) async fn read_sources(&self) -> Result<()> {
        for record in self.inner.records.scan(BUCKETS, "").await? {
            let (name, bucket) = (record.key.parse()?, decode(&record)?);
            self.inner.buckets.sources.set(&name, &sources(&bucket));
        }
        Ok(())
    }
}

/// The actions that the triggers of a bucket have hints of.
fn sources(bucket: &Bucket) -> Vec<String> {
    let hints = bucket.triggers.values().flat_map(|trigger| &trigger.hints);
    hints.map(|hint| hint.source_function.clone()).collect()
}

/// Which buckets have hints of which actions.
#[derive(Default)]
pub(crate) struct Sources(std::sync::RwLock<HashMap<Fqn, Vec<String>>>);

impl Sources {
    fn set(&self, bucket: &Fqn, functions: &[String]) {
        let mut known = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        match functions.is_empty() {
            true => known.remove(bucket),
            false => known.insert(bucket.clone(), functions.to_vec()),
        };
    }

    /// The buckets that have hints of an action.
    pub fn of(&self, function: &Fqn) -> Vec<Fqn> {
        let known = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.is_empty() {
            return Vec::new();
        }
        let name = function.absolute();
        let mine = known.iter().filter(|(_, functions)| functions.contains(&name));
        mine.map(|(bucket, _)| bucket.clone()).collect()
    }
}

fn decode(record: &Record) -> Result<Bucket> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(Code::Corrupted, format!("The bucket '{}' cannot be read.", record.key)).because(error)
    })
}

fn missing() -> Error {
    Error::new(Code::NotFound, "The requested resource does not exist.")
}

/// The refusal of one more than a limit allows.
pub(super) fn too_many(what: &str, limit: &'static str, most: usize) -> Error {
    Error::new(Code::Throttled, format!("There are too many {what} (allowed: {most})."))
        .with("limit", limit)
        .with("value", most)
}
