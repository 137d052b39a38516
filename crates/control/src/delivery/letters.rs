use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{Accepted, ActivationId, Chain, DeadLetter, Delivery, EntityName, Fqn, Identity, Json, Right},
    ports::{Event, Expect, FollowUp, Record, Retention, Revision, Table, Write},
};

use super::{follow::Failure, policy::DeadLetters};
use crate::{
    control::Control,
    event::{Fired, id_of},
    invoke::{Call, json as to_json},
    resolve::require,
    unstoppable::Unstoppable,
};

/// Dead letters without and with what they say, both by `namespace/id`: lists do not read the second.
const LETTERS: Table = "dead_letters";
const EVENTS: Table = "dead_events";

/// Why an event was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The function failed as often as it may.
    Attempts,
    /// The event would have been too old for the next attempt.
    Age,
    /// Its action is gone, or may not be run any more.
    Gone,
    /// Too many events of its namespace waited already.
    Waiting,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::Attempts => "attempts",
            Reason::Age => "age",
            Reason::Gone => "gone",
            Reason::Waiting => "waiting",
        }
    }
}

/// A dead letter with what it says.
#[derive(Clone, Debug)]
pub struct Letter {
    /// All but what it says.
    pub head: DeadLetter,
    /// The event, as the action received it.
    pub event: Json,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    event: Json,
}

impl Control {
    /// Ends a delivery that has failed for good: the event goes where the rule's dead letters go.
    pub(super) async fn give_up(
        &self,
        accepted: Accepted,
        delivery: Delivery,
        to: DeadLetters,
        reason: Reason,
        failure: Failure,
    ) -> Result<()> {
        let letter = Letter {
            head: DeadLetter {
                id: accepted.id,
                rule: delivery.rule.clone(),
                trigger: delivery.trigger.clone(),
                action: accepted.action.clone(),
                reason: reason.as_str().to_owned(),
                error: failure.error.clone(),
                taken: delivery.taken,
                at: self.inner.clock.now(),
                attempt: delivery.attempt,
                attempts: delivery.attempts.clone(),
                chain: accepted.chain.clone(),
                key: delivery.order.as_ref().map(|order| order.key.clone()),
                size: accepted.payload.get().len() as u64,
            },
            event: accepted.payload.clone(),
        };
        let mut writes: Vec<Write> = self.note_failure(&delivery.rule, &failure)?.into_iter().collect();
        let (id, namespace) = (accepted.id, accepted.caller.namespace.clone());
        let sent = match to {
            DeadLetters::Queue => None,
            DeadLetters::Trigger(trigger) => self.fire_letter(&accepted, &trigger, &letter).await?,
            DeadLetters::Action(action) => self.promise_letter(&accepted, &delivery, &action, &letter)?,
        };
        let (destination, promised) = match sent {
            None => {
                writes.extend(keeping(&namespace, &letter)?);
                ("queue", None)
            }
            Some(Sent::Fired) => ("trigger", None),
            Some(Sent::Promised(accepted)) => ("action", Some(*accepted)),
        };
        let next = promised.as_ref().map(|promised| promised.id);
        let settled = Some(id);
        let follow = FollowUp {
            settled,
            promised,
            writes,
        };
        self.inner.activations.follow(follow).await?;
        let reason = reason.as_str();
        metrics::counter!("wisp_dead_letters_total", "reason" => reason, "destination" => destination).increment(1);
        tracing::warn!(rule = %delivery.rule, activation = %id, reason, destination, "an event could not be delivered");
        if let Some(next) = next {
            self.inner.waiting.until(self.inner.clock.now(), next, &namespace);
        }
        Ok(())
    }

    /// Fires a trigger with a dead letter; not, if nobody listens there. Doing it again changes nothing, because the
    /// event has the letter's id.
    async fn fire_letter(&self, accepted: &Accepted, trigger: &Fqn, letter: &Letter) -> Result<Option<Sent>> {
        let Some(mut owner) = self.owner(trigger.namespace_name()).await? else {
            return Ok(None);
        };
        if accepted.chain.has(trigger) {
            // It would come back without end.
            return Ok(None);
        }
        owner.chain = accepted.chain.by(accepted.id, &letter.head.action);
        let event = Event {
            id: format!("dead letter {}", accepted.id),
            data: document(letter)?,
        };
        match self.fire_event(&owner, trigger, &event).await {
            Ok(Fired::Now | Fired::Before) => Ok(Some(Sent::Fired)),
            Ok(Fired::Nobody) => Ok(None),
            Err(error) if error.code().retry() => Err(error),
            Err(error) => {
                tracing::warn!(%trigger, ?error, "a dead letter cannot go where its rule says: it goes into the queue");
                Ok(None)
            }
        }
    }

    /// What is promised in place of an event that could not be delivered: its dead letter, to an action.
    fn promise_letter(
        &self,
        accepted: &Accepted,
        delivery: &Delivery,
        action: &Fqn,
        letter: &Letter,
    ) -> Result<Option<Sent>> {
        if delivery.letter {
            return Ok(None);
        }
        let (now, id) = (self.inner.clock.now(), id_of(&[&accepted.id.to_string(), "letter"]));
        let delivery = Delivery {
            attempt: 1,
            faults: 0,
            taken: now,
            not_before: now,
            order: None,
            attempts: Vec::new(),
            letter: true,
            ..delivery.clone()
        };
        let sealed_key = self.reseal(accepted, id)?;
        Ok(Some(Sent::Promised(Box::new(Accepted {
            id,
            action: action.clone(),
            payload: document(letter)?,
            sealed_key,
            at: now,
            delivery: Some(Arc::new(delivery)),
            ..accepted.clone()
        }))))
    }

    /// The dead letters of the caller's namespace, or of one of its rules, the last first.
    pub async fn list_letters(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        rule: Option<&Fqn>,
    ) -> Result<Vec<DeadLetter>> {
        self.entitle_namespace(caller, namespace)?;
        require(caller, Right::Read)?;
        let mut letters = self.letters(&format!("{namespace}/")).await?;
        letters.retain(|letter| rule.is_none_or(|rule| letter.rule == *rule));
        letters.sort_by_key(|letter| Reverse((letter.at, letter.id)));
        Ok(letters)
    }

    /// One dead letter, with what it says.
    pub async fn get_letter(&self, caller: &Identity, namespace: &EntityName, id: ActivationId) -> Result<Letter> {
        self.entitle_namespace(caller, namespace)?;
        require(caller, Right::Read)?;
        self.load_letter(namespace, id).await.map(|(letter, _)| letter)
    }

    /// Delivers a dead letter's event again, as if it had just been taken; the letter goes in the same commit. Returns
    /// the id of the first attempt.
    pub async fn redrive_letter(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        id: ActivationId,
        transaction: &str,
    ) -> Result<ActivationId> {
        self.entitle_namespace(caller, namespace)?;
        require(caller, Right::Activate)?;
        let (letter, revision) = self.load_letter(namespace, id).await?;
        let (now, head) = (self.inner.clock.now(), &letter.head);
        let action = self.action_of(head).await?;
        let resolved = self.resolve(caller, &action, Right::Activate).await?;
        let permit = self.inner.admission.invocation(caller, now)?;
        let order = head.key.as_ref().map(|key| wisp_core::model::Order {
            key: key.clone(),
            place: self.inner.waiting.place(now),
        });
        let delivery = Arc::new(Delivery {
            rule: head.rule.clone(),
            trigger: head.trigger.clone(),
            attempt: 1,
            faults: 0,
            taken: now,
            not_before: 0,
            order,
            attempts: Vec::new(),
            letter: false,
        });
        let call = Call {
            id: self.new_id(),
            resolved,
            payload: letter.event.clone(),
            caller: Identity {
                chain: Chain::default().with(head.id, &head.trigger),
                ..caller.clone()
            },
            cause: None,
            entry: None,
            after: None,
            transaction: transaction.to_owned(),
            at: now,
            accepted: true,
            pieces: None,
            delivery: Some(delivery),
            log: None,
        };
        let follow = FollowUp {
            settled: None,
            promised: Some(self.promise(&call, &action)?),
            writes: removing(namespace, id, Expect::At(revision)),
        };
        let control = self.clone();
        Unstoppable::new(self.inner.tasks.clone(), async move {
            control.inner.activations.follow(follow).await?;
            metrics::counter!("wisp_dead_letters_redriven_total").increment(1);
            let id = call.id;
            control.go(call, permit);
            Ok(id)
        })
        .await
    }

    /// Removes a dead letter.
    pub async fn purge_letter(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        id: ActivationId,
    ) -> Result<DeadLetter> {
        self.entitle_namespace(caller, namespace)?;
        require(caller, Right::Delete)?;
        let (letter, revision) = self.load_letter(namespace, id).await?;
        let writes = removing(namespace, id, Expect::At(revision));
        self.inner.records.commit(writes).await?;
        Ok(letter.head)
    }

    /// Removes the dead letters that are too old, or too many in their namespaces; how many went.
    pub async fn sweep_letters(&self, keep: Retention) -> Result<u64> {
        let now = self.inner.clock.now();
        let mut by_namespace: HashMap<EntityName, Vec<DeadLetter>> = HashMap::new();
        for letter in self.letters("").await? {
            let namespace = letter.rule.namespace_name().clone();
            by_namespace.entry(namespace).or_default().push(letter);
        }
        let mut removed = 0;
        for (namespace, mut letters) in by_namespace {
            letters.sort_by_key(|letter| Reverse((letter.at, letter.id)));
            let (mut count, mut bytes) = (0, 0);
            let over = letters.iter().position(|letter| {
                count += 1;
                bytes += letter.size;
                count > keep.count || bytes > keep.bytes || letter.at < now.saturating_sub(keep.age)
            });
            for letter in letters.drain(over.unwrap_or(letters.len())..) {
                let writes = removing(&namespace, letter.id, Expect::Any);
                self.inner.records.commit(writes).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn letters(&self, prefix: &str) -> Result<Vec<DeadLetter>> {
        let records = self.inner.records.scan(LETTERS, prefix).await?;
        records.iter().map(decode).collect()
    }

    async fn load_letter(&self, namespace: &EntityName, id: ActivationId) -> Result<(Letter, Revision)> {
        let (key, records) = (key(namespace, id), &self.inner.records);
        let (head, event) = (records.get(LETTERS, &key).await?, records.get(EVENTS, &key).await?);
        let (Some(head), Some(event)) = (head, event) else {
            let message = format!("There is no dead letter '{id}' in '{namespace}'.");
            return Err(Error::new(Code::NotFound, message));
        };
        let Stored { event } = decode(&event)?;
        let revision = head.revision;
        Ok((
            Letter {
                head: decode(&head)?,
                event,
            },
            revision,
        ))
    }

    /// The action of a letter's rule as it is now; of one that is gone, the action that failed.
    async fn action_of(&self, letter: &DeadLetter) -> Result<Fqn> {
        match self.inner.catalog.rule(&letter.rule).await {
            Ok(rule) => Ok(rule.entity.action.clone()),
            Err(error) if matches!(error.code(), Code::NotFound | Code::Conflict) => Ok(letter.action.clone()),
            Err(error) => Err(error),
        }
    }
}

/// Where a dead letter went that did not go into the queue.
enum Sent {
    Fired,
    Promised(Box<Accepted>),
}

/// What triggers and actions receive of a dead letter. An `error` on top would make a failure of whoever returns it.
fn document(letter: &Letter) -> Result<Json> {
    let event: Value = serde_json::from_str(letter.event.get()).unwrap_or_default();
    to_json(&json!({ "event": event, "deadLetter": letter.head }))
}

fn keeping(namespace: &EntityName, letter: &Letter) -> Result<[Write; 2]> {
    let event = Stored {
        event: letter.event.clone(),
    };
    let (head, event) = (encode(&letter.head)?, encode(&event)?);
    let key = key(namespace, letter.head.id);
    Ok([(LETTERS, head), (EVENTS, event)].map(|(table, value)| Write {
        table,
        key: key.clone(),
        value: Some(value),
        expect: Expect::Any,
    }))
}

fn removing(namespace: &EntityName, id: ActivationId, expect: Expect) -> Vec<Write> {
    let key = key(namespace, id);
    let remove = |(table, expect)| Write {
        table,
        key: key.clone(),
        value: None,
        expect,
    };
    [(LETTERS, expect), (EVENTS, Expect::Any)].map(remove).into()
}

fn key(namespace: &EntityName, id: ActivationId) -> String {
    format!("{namespace}/{id}")
}

fn encode(value: &impl Serialize) -> Result<Bytes> {
    let text = serde_json::to_vec(value);
    text.map(Bytes::from)
        .map_err(|error| Error::internal("a dead letter cannot be encoded").because(error))
}

fn decode<T: DeserializeOwned>(record: &Record) -> Result<T> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(Code::Corrupted, "a dead letter is corrupted and cannot be read")
            .with("key", &record.key)
            .because(error)
    })
}
