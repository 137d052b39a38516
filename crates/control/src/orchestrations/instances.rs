use serde::{Deserialize, Serialize};
use wisp_core::{
    Code, Error, Result,
    model::{Identity, Right},
};
use wisp_workflow::orchestration::{Event, Instance, Kind, Message, Payload, Started, Status, Tags, Trace, is_entity};

use super::{
    Hub,
    kept::{Stored, decode, micros},
    letter::Letter,
};
use crate::{control::Control, resolve::require, workflows::uuid};

/// Events at the beginning of a history that have the input among them.
const BEGINNING: usize = 4;

/// What is to be started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The instance's id; a UUID when empty.
    pub instance: String,
    /// The orchestrator.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its input.
    pub input: Payload,
    /// When it begins, if later, in microseconds since 1970.
    pub scheduled: Option<i64>,
    /// Tags.
    pub tags: Tags,
    /// What the caller traces it by.
    pub trace: Option<Trace>,
    /// An instance of this id that is there is replaced if it has one of these statuses.
    pub replaces: Vec<Status>,
}

/// An instance, with its input if that was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The instance.
    pub instance: Instance,
    /// What it began with.
    pub input: Payload,
}

impl Control {
    /// Starts an orchestration: when this returns its id, it is durable.
    pub async fn start_orchestration(&self, caller: &Identity, hub: &Hub, start: Start) -> Result<String> {
        require(caller, Right::Activate)?;
        let instance = match start.instance.is_empty() {
            true => uuid().replace('-', ""),
            false => start.instance,
        };
        self.check_instance_id(&instance)?;
        self.check_payload("input", &start.input)?;
        self.check_instances(hub)?;
        let started = Started {
            name: start.name,
            version: start.version,
            input: start.input,
            instance: instance.clone(),
            execution: Some(uuid().replace('-', "")),
            parent: None,
            scheduled: start.scheduled,
            tags: start.tags,
            trace: start.trace,
        };
        let begin = |receipt| Letter::Start(Box::new(started), start.replaces, receipt);
        self.tell_instance(&hub.key(&instance), begin).await?;
        Ok(instance)
    }

    /// An orchestration; none if there is none of this id.
    pub async fn find_orchestration(
        &self,
        caller: &Identity,
        hub: &Hub,
        instance: &str,
        payloads: bool,
    ) -> Result<Option<Shown>> {
        require(caller, Right::Read)?;
        let Some(found) = self.instance(hub, instance).await? else {
            return Ok(None);
        };
        Ok(Some(self.shown(hub, found, payloads).await?))
    }

    pub(super) async fn shown(&self, hub: &Hub, instance: Instance, payloads: bool) -> Result<Shown> {
        let input = match payloads {
            true => self.input(hub, &instance.id).await?,
            false => None,
        };
        Ok(Shown { instance, input })
    }

    /// An instance as it is stored.
    pub(super) async fn instance(&self, hub: &Hub, id: &str) -> Result<Option<Instance>> {
        let stored = self.inner.workflows.journal.load(&hub.key(id)).await?;
        match stored.map(|stored| decode(&stored.state)).transpose()? {
            Some(Stored::Instance(instance)) => Ok(Some(*instance)),
            _ => Ok(None),
        }
    }

    /// What an instance began with: in its history, or in its inbox as long as it has had no turn.
    async fn input(&self, hub: &Hub, id: &str) -> Result<Payload> {
        let started = self.start_of(hub, id).await?;
        Ok(started.and_then(|started| started.input))
    }

    pub(super) async fn start_of(&self, hub: &Hub, id: &str) -> Result<Option<Started>> {
        let (journal, key) = (&self.inner.workflows.journal, hub.key(id));
        for event in journal.events(&key, 0, BEGINNING, false).await? {
            let event: Event = decode(&event)?;
            if let Kind::ExecutionStarted(started) = event.kind {
                return Ok(Some(*started));
            }
        }
        for effect in journal.effects(&key).await? {
            if !effect.id.starts_with('i') {
                continue;
            }
            let message: Message = decode(&effect.body)?;
            if let Kind::ExecutionStarted(started) = message.event.kind {
                return Ok(Some(*started));
            }
        }
        Ok(None)
    }

    /// Waits until an orchestration is as wanted; none if there is none, or it goes. Waits for as long as the caller does.
    pub async fn await_orchestration(
        &self,
        caller: &Identity,
        hub: &Hub,
        id: &str,
        wanted: impl Fn(Status) -> bool + Send,
    ) -> Result<Option<Instance>> {
        require(caller, Right::Read)?;
        let key = hub.key(id);
        loop {
            let mut changed = self.inner.orchestrations.changes.watch(&key);
            match self.instance(hub, id).await? {
                None => return Ok(None),
                Some(instance) if wanted(instance.status) => return Ok(Some(instance)),
                Some(_) => {}
            }
            tokio::select! {
                () = changed.told() => {}
                () = self.inner.workflows.stopped() => return Err(crate::workflows::stopping()),
            }
        }
    }

    /// Tells an orchestration of an event.
    pub async fn raise_event(&self, caller: &Identity, hub: &Hub, id: &str, name: &str, input: Payload) -> Result<()> {
        self.check_payload("input", &input)?;
        let name = name.to_owned();
        self.say(caller, hub, id, Kind::EventRaised { name, input }).await
    }

    /// Ends an orchestration, and what it started if that is wanted.
    pub async fn terminate_orchestration(
        &self,
        caller: &Identity,
        hub: &Hub,
        id: &str,
        output: Payload,
        recurse: bool,
    ) -> Result<()> {
        self.check_payload("output", &output)?;
        self.say(caller, hub, id, Kind::ExecutionTerminated { output, recurse })
            .await
    }

    /// Has an orchestration wait; what happens to it meanwhile waits too.
    pub async fn suspend_orchestration(&self, caller: &Identity, hub: &Hub, id: &str, reason: Payload) -> Result<()> {
        self.say(caller, hub, id, Kind::ExecutionSuspended { reason }).await
    }

    /// Lets an orchestration go on.
    pub async fn resume_orchestration(&self, caller: &Identity, hub: &Hub, id: &str, reason: Payload) -> Result<()> {
        self.say(caller, hub, id, Kind::ExecutionResumed { reason }).await
    }

    async fn say(&self, caller: &Identity, hub: &Hub, id: &str, kind: Kind) -> Result<()> {
        require(caller, Right::Activate)?;
        self.check_instance_id(id)?;
        let message = Box::new(Message::new(micros(self.inner.clock.now()), kind));
        self.tell_instance(&hub.key(id), |receipt| Letter::Say(message, receipt))
            .await
    }

    /// Lets an orchestration that failed go on from where it did.
    pub async fn rewind_orchestration(
        &self,
        caller: &Identity,
        hub: &Hub,
        id: &str,
        reason: Option<String>,
    ) -> Result<()> {
        require(caller, Right::Activate)?;
        let rewound = wisp_workflow::orchestration::Rewound {
            reason,
            ..Default::default()
        };
        let kind = Kind::ExecutionRewound(Box::new(rewound));
        let message = Box::new(Message::new(micros(self.inner.clock.now()), kind));
        self.tell_instance(&hub.key(id), |receipt| Letter::Rewind(message, receipt))
            .await
    }

    /// Starts an orchestration that has ended once more, with the same input; under a new id if that is wanted. Returns the id.
    pub async fn restart_orchestration(&self, caller: &Identity, hub: &Hub, id: &str, renamed: bool) -> Result<String> {
        require(caller, Right::Activate)?;
        let found = self.instance(hub, id).await?;
        let instance = found.ok_or_else(|| missing(hub, id))?;
        if !instance.status.is_over() {
            let message = format!(
                "'{id}' is {}: only what has ended can be restarted",
                instance.status.name()
            );
            return Err(Error::new(Code::Conflict, message));
        }
        let begun = self.start_of(hub, id).await?.unwrap_or_default();
        let start = Start {
            instance: if renamed { String::new() } else { id.to_owned() },
            name: instance.name,
            version: instance.version,
            input: begun.input,
            scheduled: None,
            tags: instance.tags,
            trace: begun.trace,
            replaces: OVER.to_vec(),
        };
        self.start_orchestration(caller, hub, start).await
    }

    /// A part of an orchestration's history, from an event on.
    pub async fn orchestration_history(
        &self,
        caller: &Identity,
        hub: &Hub,
        id: &str,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Event>> {
        require(caller, Right::Read)?;
        if self.instance(hub, id).await?.is_none() {
            return Err(missing(hub, id));
        }
        let events = self
            .inner
            .workflows
            .journal
            .events(&hub.key(id), from, limit, false)
            .await?;
        events.iter().map(|event| decode(event)).collect()
    }

    fn check_instances(&self, hub: &Hub) -> Result<()> {
        let orchestrations = &self.inner.orchestrations;
        if !orchestrations.is_full(&hub.namespace) {
            return Ok(());
        }
        let most = orchestrations.settings.open_instances;
        let message = format!(
            "'{}' has {most} instances that have not ended, as many as it may have",
            hub.namespace
        );
        Err(Error::new(Code::Throttled, message).with("limit", "orchestrations.open_instances"))
    }

    fn check_instance_id(&self, id: &str) -> Result<()> {
        let most = self.inner.orchestrations.settings.id_length;
        if id.is_empty() || id.len() > most || is_entity(id) || id.chars().any(char::is_control) {
            let message =
                format!("'{id}' is no id of an orchestration: 1 to {most} bytes, no control characters, no '@' first");
            return Err(Error::new(Code::BadRequest, message).with("limit", "orchestrations.id_length"));
        }
        Ok(())
    }

    pub(super) fn check_payload(&self, what: &str, payload: &Payload) -> Result<()> {
        let most = self.inner.orchestrations.settings.payload_size;
        match payload.as_ref().map(String::len).filter(|size| *size > most) {
            None => Ok(()),
            Some(size) => {
                let message = format!("the {what} has {size} bytes; at most {most} are allowed");
                Err(Error::new(Code::TooLarge, message).with("limit", "orchestrations.payload_size"))
            }
        }
    }
}

/// The statuses of what has ended.
pub(super) const OVER: [Status; 4] = [Status::Completed, Status::Failed, Status::Canceled, Status::Terminated];

pub(super) fn missing(hub: &Hub, id: &str) -> Error {
    Error::new(
        Code::NotFound,
        format!("there is no orchestration '{id}' in the hub '{}'", hub.name),
    )
}
