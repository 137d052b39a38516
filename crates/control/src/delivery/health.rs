use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wisp_core::{
    Error, Result,
    model::{Fqn, Millis},
    ports::{Expect, Records, Table, Write},
};

const FAILING: Table = "failing_rules";

/// A rule whose function has failed since it last succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// How often in a row.
    pub failures: u64,
    /// Since when.
    pub since: Millis,
    /// When last.
    pub last: Millis,
    /// What the function said last.
    pub error: String,
}

/// The rules that fail; those that do not are not in here.
pub(crate) struct Health {
    records: Arc<dyn Records>,
    failing: Mutex<HashMap<Fqn, Failing>>,
}

impl Health {
    pub fn new(records: Arc<dyn Records>) -> Self {
        Self {
            records,
            failing: Mutex::default(),
        }
    }

    fn failing(&self) -> MutexGuard<'_, HashMap<Fqn, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what an earlier run of this server has seen.
    pub async fn load(&self) -> Result<()> {
        for record in self.records.scan(FAILING, "").await? {
            if let (Ok(rule), Ok(failing)) = (record.key.parse(), serde_json::from_slice(&record.value)) {
                self.failing().insert(rule, failing);
            }
        }
        Ok(())
    }

    /// How a rule fails, if it does.
    pub fn of(&self, rule: &Fqn) -> Option<Failing> {
        self.failing().get(rule).cloned()
    }

    /// Notes a failure; returns what is to be written down of it.
    pub fn failed(&self, rule: &Fqn, now: Millis, error: &str) -> Result<Write> {
        let mut all = self.failing();
        let failing = all.entry(rule.clone()).or_insert_with(|| Failing {
            failures: 0,
            since: now,
            last: now,
            error: String::new(),
        });
        failing.failures += 1;
        failing.last = now;
        error.clone_into(&mut failing.error);
        let text = serde_json::to_vec(failing);
        let text = text.map_err(|error| Error::internal("a rule's failures cannot be encoded").because(error))?;
        Ok(write(rule, Some(text.into())))
    }

    /// Notes that a rule does not fail any more, or is gone.
    pub async fn recovered(&self, rule: &Fqn) {
        if self.failing().remove(rule).is_none() {
            return;
        }
        if let Err(error) = self.records.commit(vec![write(rule, None)]).await {
            tracing::warn!(%rule, ?error, "that a rule no longer fails is forgotten if the server ends now");
        }
    }
}

fn write(rule: &Fqn, value: Option<Bytes>) -> Write {
    Write {
        table: FAILING,
        key: rule.to_string(),
        value,
        expect: Expect::Any,
    }
}
