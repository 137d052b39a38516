use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Millis},
    ports::{Clock, Expect, Record, Records, Revision, Table, Write},
};

use super::{ClientKey, Policy, Settings, rates::Rates, routes::Routes, usage::Usage};
use crate::{cached::Cached, catalog::raced};

/// Documents by namespace and base path; keys by the same and their digest; what was used by the same and the day.
const APIS: Table = "apis";
const KEYS: Table = "api_keys";
pub(super) const USAGE: Table = "api_usage";

/// An API as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    document: Value,
    updated: Millis,
}

/// An API, ready to serve.
#[derive(Debug)]
pub(crate) struct Api {
    pub namespace: EntityName,
    /// Begins with a slash; the whole of it is one for the root.
    pub base: String,
    pub document: Value,
    pub policy: Policy,
    pub routes: Routes,
    /// Whether the gateway tells browsers that everybody may call.
    pub cors: bool,
    revision: Revision,
    key: String,
}

impl Api {
    /// Names it among all: namespace and base path.
    pub fn key(&self) -> &str {
        &self.key
    }

    fn read(namespace: &EntityName, record: &Record) -> Result<Self> {
        let Stored { document, .. } = decode(record)?;
        let base = document["basePath"].as_str().unwrap_or("/").to_owned();
        Ok(Self {
            namespace: namespace.clone(),
            key: format!("{namespace}{base}"),
            base,
            policy: Policy::read(&document)?,
            routes: Routes::of(&document),
            cors: document.pointer("/x-ibm-configuration/cors/enabled") != Some(&Value::Bool(false)),
            document,
            revision: record.revision,
        })
    }
}

/// The APIs of all namespaces.
pub(crate) struct Gateway {
    pub settings: Settings,
    pub rates: Rates,
    pub usage: Usage,
    pub(super) records: Arc<dyn Records>,
    /// The APIs of a namespace, the longest base path first.
    apis: Cached<Vec<Arc<Api>>>,
    keys: Cached<ClientKey>,
}

impl Gateway {
    pub fn new(settings: Settings, records: Arc<dyn Records>, clock: Arc<dyn Clock>, cache_entries: usize) -> Self {
        Self {
            usage: Usage::new(settings.log),
            settings,
            rates: Rates::new(clock),
            records,
            apis: Cached::new(cache_entries),
            keys: Cached::new(cache_entries),
        }
    }

    /// The APIs of a namespace, the longest base path first.
    pub async fn apis(&self, namespace: &EntityName) -> Result<Arc<Vec<Arc<Api>>>> {
        let load = || async {
            let records = self.records.scan(APIS, &format!("{namespace}/")).await?;
            let mut apis = Vec::new();
            for record in &records {
                apis.push(Arc::new(Api::read(namespace, record)?));
            }
            apis.sort_by_key(|api| std::cmp::Reverse(api.base.len()));
            Ok(Some(apis))
        };
        Ok(self.apis.get(namespace.as_str(), load).await?.unwrap_or_default())
    }

    /// Stores a document in place of what it was made of.
    pub async fn put(&self, namespace: &EntityName, document: Value, old: Option<&Api>, now: Millis) -> Result<()> {
        // What cannot be served is not kept.
        Policy::read(&document)?;
        let base = document["basePath"].as_str().unwrap_or("/").to_owned();
        let stored = encode(&Stored { document, updated: now })?;
        let expect = old.map_or(Expect::Absent, |old| Expect::At(old.revision));
        self.commit(APIS, format!("{namespace}{base}"), Some(stored), expect)
            .await?;
        self.apis.forget(std::iter::once(namespace.as_str())).await;
        Ok(())
    }

    /// Deletes an API with its keys.
    pub async fn delete(&self, api: &Api) -> Result<()> {
        let keys = self.keys(api).await?;
        let deleting = |table, key, expect| Write {
            table,
            key,
            value: None,
            expect,
        };
        let mut writes = vec![deleting(APIS, api.key().to_owned(), Expect::At(api.revision))];
        writes.extend(
            keys.iter()
                .map(|key| deleting(KEYS, place(api, &key.digest), Expect::Any)),
        );
        self.records.commit(writes).await.map_err(or_raced)?;
        self.apis.forget(std::iter::once(api.namespace.as_str())).await;
        let places: Vec<String> = keys.iter().map(|key| place(api, &key.digest)).collect();
        self.keys.forget(places.iter().map(String::as_str)).await;
        self.rates.forget(api.key());
        Ok(())
    }

    /// The keys of an API.
    pub async fn keys(&self, api: &Api) -> Result<Vec<ClientKey>> {
        let records = self.records.scan(KEYS, &place(api, "")).await?;
        records.iter().map(decode).collect()
    }

    /// The key of a digest.
    pub async fn key(&self, api: &Api, digest: &str) -> Result<Option<Arc<ClientKey>>> {
        let place = place(api, digest);
        let load = || async { self.records.get(KEYS, &place).await?.as_ref().map(decode).transpose() };
        self.keys.get(&place, load).await
    }

    /// Stores a key.
    pub async fn put_key(&self, api: &Api, key: &ClientKey) -> Result<()> {
        let place = place(api, &key.digest);
        self.commit(KEYS, place.clone(), Some(encode(key)?), Expect::Any)
            .await?;
        self.keys.forget(std::iter::once(place.as_str())).await;
        Ok(())
    }

    /// Deletes a key.
    pub async fn delete_key(&self, api: &Api, key: &ClientKey) -> Result<()> {
        let place = place(api, &key.digest);
        self.commit(KEYS, place.clone(), None, Expect::Any).await?;
        self.keys.forget(std::iter::once(place.as_str())).await;
        self.rates.forget(&place);
        Ok(())
    }

    async fn commit(&self, table: Table, key: String, value: Option<Vec<u8>>, expect: Expect) -> Result<()> {
        let value = value.map(Into::into);
        let committed = self
            .records
            .commit(vec![Write {
                table,
                key,
                value,
                expect,
            }])
            .await;
        committed.map(drop).map_err(or_raced)
    }
}

/// Where a key is; no base path has a blank.
pub(super) fn place(api: &Api, digest: &str) -> String {
    format!("{} {digest}", api.key())
}

fn or_raced(error: Error) -> Error {
    match error.code() {
        Code::Conflict => raced().because(error),
        _ => error,
    }
}

pub(super) fn decode<T: DeserializeOwned>(record: &Record) -> Result<T> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(Code::Corrupted, "Resource is corrupted and cannot be read.")
            .with("key", &record.key)
            .because(error)
    })
}

pub(super) fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::internal("a record cannot be encoded").because(error))
}
