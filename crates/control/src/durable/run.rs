use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use wisp_core::{
    Code, Error, Result,
    model::{Activation, ActivationId, EntityName, Exec},
};

use super::{Event, Log, Stored, level::Level, list, log};
use crate::{control::Control, invoke::Call};

/// Where durable sequences and compositions are in the journal, and in which list: `namespace/#composed`, which no state
/// machine may be called, and no hub of orchestrations is.
pub(super) const SCOPE: &str = "#composed";

/// Pause before one goes on that the platform could not run.
const PAUSE: Duration = Duration::from_secs(1);

/// Events that are read at once.
const PAGE: u64 = 1000;

/// Which ones are being run.
#[derive(Default)]
pub(crate) struct Claims {
    keys: Mutex<HashSet<String>>,
    freed: Notify,
}

/// The right to run one; dropping it tells those who wait.
struct Claim<'a>(&'a Claims, String);

impl Claims {
    fn claim(&self, key: &str) -> Option<Claim<'_>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.to_owned()).then(|| Claim(self, key.to_owned()))
    }

    async fn mine(&self, key: &str) -> Claim<'_> {
        loop {
            // Hears of whatever is freed from here on.
            let freed = self.freed.notified();
            if let Some(claim) = self.claim(key) {
                return claim;
            }
            freed.await;
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut keys = self.0.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&self.1);
        self.0.freed.notify_waiters();
    }
}

/// Where one is in the journal.
pub(super) fn key(namespace: &EntityName, id: ActivationId) -> String {
    format!("{namespace}/{SCOPE}/{id}")
}

/// Whether a key of the journal is one's.
pub(crate) fn is_key(key: &str) -> bool {
    key.split('/').nth(1) == Some(SCOPE)
}

impl Control {
    /// Runs a call that is durable from now on. One that is known goes on, or has ended.
    pub(crate) async fn run_durable(&self, call: Call, level: Level) -> Result<Arc<Activation>> {
        let key = key(&call.caller.namespace, call.id);
        let _claim = self.inner.claims.mine(&key).await;
        let stored = self.store(&call, level)?;
        let place = list::running(&stored)?;
        let started = Event::Started(Box::new(stored));
        match self
            .inner
            .workflows
            .journal
            .commit(Log::first(&key, place, &started)?)
            .await
        {
            Ok(()) => {}
            Err(error) if error.code() == Code::Conflict => return self.resume_claimed(&key).await,
            Err(error) => return Err(error),
        }
        self.inner.workflows.census.begun(call.caller.namespace.as_str(), 1);
        let journal = self.inner.workflows.journal.clone();
        let log = Log::new(key.clone(), journal, level, 1, vec![started], false);
        let call = Call {
            accepted: true,
            log: Some(Arc::new(log)),
            ..call
        };
        match self.to_its_end(call).await {
            Err(error) if error.code().retry() => self.resume_claimed(&key).await,
            ended => ended,
        }
    }

    /// Whether an invocation of this id is durable and has not ended; then runs it to its end.
    pub(crate) async fn resume_durable(
        &self,
        namespace: &EntityName,
        id: ActivationId,
    ) -> Option<Result<Arc<Activation>>> {
        let key = key(namespace, id);
        match self.inner.workflows.journal.load(&key).await {
            Ok(None) => None,
            Ok(Some(_)) => Some(self.go_on_with(&key).await),
            Err(error) => Some(Err(error)),
        }
    }

    /// Goes on where the previous run of the server was.
    pub(crate) async fn go_on_with(&self, key: &str) -> Result<Arc<Activation>> {
        let _claim = self.inner.claims.mine(key).await;
        self.resume_claimed(key).await
    }

    async fn resume_claimed(&self, key: &str) -> Result<Arc<Activation>> {
        loop {
            let (stored, log) = self.open_log(key).await?;
            if log.is_over()
                && let Some(activation) = self
                    .recorded(&stored.accepted.caller.namespace, stored.accepted.id)
                    .await?
            {
                return Ok(activation);
            }
            let call = self.restored(stored, Arc::new(log)).await;
            match self.to_its_end(call).await {
                Err(error) if error.code().retry() && !self.inner.workflows.is_stopping() => {
                    tracing::warn!(
                        execution = key,
                        ?error,
                        "a durable sequence or composition is tried again"
                    );
                    self.inner.clock.sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    /// Runs it, and writes that it has ended.
    async fn to_its_end(&self, call: Call) -> Result<Arc<Activation>> {
        let (namespace, log) = (call.caller.namespace.clone(), call.log.clone());
        let log = log.ok_or_else(|| Error::internal("a durable call has no log"))?;
        let mut budget = self.budget();
        let activation = match call.resolved.action.exec {
            Exec::Sequence { .. } => self.run_sequence(call, &mut budget).await?,
            _ => self.run_composition(call, &mut budget).await?.0,
        };
        let expiry = self
            .inner
            .clock
            .now()
            .saturating_add(self.inner.workflows.settings.kept());
        log.end(list::ended(&activation)?, expiry).await?;
        self.inner.workflows.census.ended(namespace.as_str());
        Ok(activation)
    }

    /// All that is known of one.
    async fn open_log(&self, key: &str) -> Result<(Stored, Log)> {
        let journal = &self.inner.workflows.journal;
        let missing = || Error::new(Code::Corrupted, format!("the journal has no invocation under '{key}'"));
        let execution = journal.load(key).await?.ok_or_else(missing)?;
        let events = self.events_of(key, execution.events).await?;
        let Some(Event::Started(stored)) = events.first() else {
            return Err(missing());
        };
        let stored = (**stored).clone();
        let log = Log::new(
            key.to_owned(),
            journal.clone(),
            stored.level,
            execution.turns,
            events,
            true,
        );
        Ok((stored, log.over(execution.place.status != crate::workflows::RUNNING)))
    }

    /// The events of one, in order.
    pub(super) async fn events_of(&self, key: &str, count: u64) -> Result<Vec<Event>> {
        let (journal, mut events) = (&self.inner.workflows.journal, Vec::new());
        while (events.len() as u64) < count {
            let more = (count - events.len() as u64).min(PAGE);
            let page = journal.events(key, events.len() as u64, more as usize, false).await?;
            if page.is_empty() {
                break;
            }
            for event in page {
                events.push(log::decode(&event)?);
            }
        }
        Ok(events)
    }
}
