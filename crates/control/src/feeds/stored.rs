use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wisp_core::{
    Code, Error, Result,
    model::{Fqn, Millis},
    ports::{Expect, FeedSettings, Record, Table, Write},
};

use super::running::Feeds;
use crate::seal::Seal;

/// Subscriptions by the names of their triggers, and where they are in their sources.
const FEEDS: Table = "feeds";
const POSITIONS: Table = "feed_positions";

/// A subscription as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    /// The trigger that it fires.
    pub trigger: Fqn,
    /// The source.
    pub source: String,
    /// The feed of the source: package and action.
    pub feed: (String, String),
    /// What the feed was given, sealed: there may be secrets in it.
    sealed: String,
    /// Whether it fires.
    pub active: bool,
    /// Why it does not.
    #[serde(default)]
    pub reason: Option<String>,
    /// When `active` last changed.
    pub changed: Millis,
}

impl Stored {
    /// A new, active subscription.
    pub fn new(
        trigger: Fqn,
        source: &str,
        feed: (&str, &str),
        settings: &FeedSettings,
        seal: &Seal,
        now: Millis,
    ) -> Result<Self> {
        let clear = serde_json::to_string(settings)
            .map_err(|error| Error::internal("a feed's settings cannot be encoded").because(error))?;
        let sealed = seal.close(clear.as_bytes(), trigger.to_string().as_bytes())?;
        Ok(Self {
            trigger,
            source: source.to_owned(),
            feed: (feed.0.to_owned(), feed.1.to_owned()),
            sealed,
            active: true,
            reason: None,
            changed: now,
        })
    }

    /// The settings that the feed was given.
    pub fn settings(&self, seal: &Seal) -> Result<FeedSettings> {
        let clear = seal.open(&self.sealed, self.trigger.to_string().as_bytes());
        let settings = clear.and_then(|clear| serde_json::from_slice(&clear).ok());
        settings.ok_or_else(|| {
            let message = format!(
                "the settings of the feed of trigger '{}' were sealed with another secret: create it again",
                self.trigger
            );
            Error::new(Code::Corrupted, message)
        })
    }
}

impl Feeds {
    /// The subscription of a trigger.
    pub(super) async fn load(&self, trigger: &Fqn) -> Result<Option<Stored>> {
        let record = self.records.get(FEEDS, &trigger.to_string()).await?;
        record.map(|record| decode(&record)).transpose()
    }

    /// All subscriptions whose triggers' names begin like this.
    pub(super) async fn load_all(&self, prefix: &str) -> Result<Vec<Stored>> {
        self.records.scan(FEEDS, prefix).await?.iter().map(decode).collect()
    }

    /// Stores a subscription; `anew` also forgets where it was.
    pub(super) async fn save(&self, stored: &Stored, anew: bool) -> Result<()> {
        let mut writes = vec![write(FEEDS, &stored.trigger, Some(encode(stored)?))];
        if anew {
            writes.push(write(POSITIONS, &stored.trigger, None));
        }
        self.records.commit(writes).await.map(drop)
    }

    /// Forgets a subscription; whether there was one.
    pub(super) async fn remove(&self, trigger: &Fqn) -> Result<bool> {
        if self.records.get(FEEDS, &trigger.to_string()).await?.is_none() {
            return Ok(false);
        }
        let writes = [FEEDS, POSITIONS].map(|table| write(table, trigger, None));
        self.records.commit(writes.into()).await?;
        Ok(true)
    }

    /// Where a subscription is in its source.
    pub(super) async fn position(&self, trigger: &Fqn) -> Result<Option<Value>> {
        let record = self.records.get(POSITIONS, &trigger.to_string()).await?;
        Ok(record.and_then(|record| serde_json::from_slice(&record.value).ok()))
    }

    /// Keeps where a subscription is in its source.
    pub(super) async fn keep(&self, trigger: &Fqn, position: &Value) -> Result<()> {
        let write = write(POSITIONS, trigger, Some(encode(position)?));
        self.records.commit(vec![write]).await.map(drop)
    }
}

fn write(table: Table, trigger: &Fqn, value: Option<Bytes>) -> Write {
    Write {
        table,
        key: trigger.to_string(),
        value,
        expect: Expect::Any,
    }
}

fn encode(value: &impl Serialize) -> Result<Bytes> {
    let text = serde_json::to_vec(value);
    text.map(Bytes::from)
        .map_err(|error| Error::internal("a subscription cannot be encoded").because(error))
}

fn decode(record: &Record) -> Result<Stored> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(Code::Corrupted, "a subscription is corrupted and cannot be read")
            .with("key", &record.key)
            .because(error)
    })
}
