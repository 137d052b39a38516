//! What clients of the packages ask for, in their words.

use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{EntityName, Identity},
};
use wisp_workflow::{
    hosted::{moment, shown_event},
    orchestration::{Event, Operation, Status},
};

use super::{HUB, call::value};
use crate::{
    control::Control,
    orchestrations::{Hub, Query, Shown, Start},
};

/// Events of a history that are read at most.
const EVENTS: usize = 1 << 20;

/// What is to be shown of an instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Show {
    /// What it began with.
    pub input: bool,
    /// What happened to it.
    pub history: bool,
    /// Results in that.
    pub results: bool,
}

/// Which instances are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names of statuses; all when empty.
    pub statuses: Vec<String>,
    /// Created at this moment or later: RFC 3339.
    pub from: Option<String>,
    /// Created before this moment: RFC 3339.
    pub to: Option<String>,
    /// Whose ids begin so.
    pub prefix: String,
    /// At most so many.
    pub limit: Option<usize>,
    /// Those after the last of the page before.
    pub after: Option<String>,
}

/// What is said to an instance.
#[derive(Clone, Debug)]
pub enum Word {
    /// An event: its name and its content, JSON text.
    Raise(String, Option<String>),
    /// End.
    Terminate(String),
    /// Wait.
    Suspend(String),
    /// Go on.
    Resume(String),
    /// Go on from where it failed.
    Rewind(String),
}

fn hub(namespace: &EntityName) -> Result<Hub> {
    Hub::new(namespace.clone(), HUB)
}

impl Control {
    /// Starts an orchestration by its orchestrator's name; returns its id. One of that id that has ended is replaced.
    pub async fn start_hosted(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        name: &str,
        start: Start,
    ) -> Result<String> {
        self.entitle_namespace(caller, namespace)?;
        self.host(namespace, name).await?;
        let start = Start {
            name: name.to_owned(),
            replaces: vec![Status::Completed, Status::Failed, Status::Canceled, Status::Terminated],
            ..start
        };
        self.start_orchestration(caller, &hub(namespace)?, start).await
    }

    /// How an instance stands, as the packages read it, and whether it has ended and failed; none if there is none.
    pub async fn show_hosted(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        id: &str,
        show: Show,
    ) -> Result<Option<(Value, Standing)>> {
        self.entitle_namespace(caller, namespace)?;
        let hub = hub(namespace)?;
        let Some(shown) = self.find_orchestration(caller, &hub, id, show.input).await? else {
            return Ok(None);
        };
        let standing = Standing::of(shown.instance.status);
        let mut document = document(shown);
        if show.history {
            let events = self.orchestration_history(caller, &hub, id, 0, EVENTS).await?;
            let events: Vec<Value> = events
                .iter()
                .filter_map(|event: &Event| shown_event(event, show.results))
                .collect();
            document["historyEvents"] = events.clone().into();
            document["history"] = events.into();
        }
        Ok(Some((document, standing)))
    }

    /// Instances, the newest first, and where the next page begins.
    pub async fn list_hosted(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        wanted: &Wanted,
    ) -> Result<(Vec<Value>, Option<String>)> {
        self.entitle_namespace(caller, namespace)?;
        let (found, next) = self
            .query_orchestrations(caller, &hub(namespace)?, &query(wanted)?)
            .await?;
        Ok((found.into_iter().map(document).collect(), next))
    }

    /// Says something to an instance.
    pub async fn tell_hosted(&self, caller: &Identity, namespace: &EntityName, id: &str, word: Word) -> Result<()> {
        self.entitle_namespace(caller, namespace)?;
        let hub = hub(namespace)?;
        let text = |reason: String| Some(Value::from(reason).to_string());
        match word {
            Word::Raise(name, input) => self.raise_event(caller, &hub, id, &name, input).await,
            Word::Terminate(reason) => self.terminate_orchestration(caller, &hub, id, text(reason), true).await,
            Word::Suspend(reason) => self.suspend_orchestration(caller, &hub, id, text(reason)).await,
            Word::Resume(reason) => self.resume_orchestration(caller, &hub, id, text(reason)).await,
            Word::Rewind(reason) => self.rewind_orchestration(caller, &hub, id, Some(reason)).await,
        }
    }

    /// Starts an instance that has ended once more; under a new id if that is wanted. Returns the id.
    pub async fn restart_hosted(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        id: &str,
        renamed: bool,
    ) -> Result<String> {
        self.entitle_namespace(caller, namespace)?;
        self.restart_orchestration(caller, &hub(namespace)?, id, renamed).await
    }

    /// Forgets an instance that has ended, and what it started; returns how many.
    pub async fn purge_hosted(&self, caller: &Identity, namespace: &EntityName, id: &str) -> Result<usize> {
        self.entitle_namespace(caller, namespace)?;
        self.purge_orchestration(caller, &hub(namespace)?, id, true).await
    }

    /// Forgets all instances that have ended and are wanted; returns how many.
    pub async fn purge_all_hosted(&self, caller: &Identity, namespace: &EntityName, wanted: &Wanted) -> Result<usize> {
        self.entitle_namespace(caller, namespace)?;
        self.purge_orchestrations(caller, &hub(namespace)?, &query(wanted)?, true)
            .await
    }

    /// The value of an entity, JSON text; none if it has none.
    pub async fn hosted_entity(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        name: &str,
        key: &str,
    ) -> Result<Option<String>> {
        self.entitle_namespace(caller, namespace)?;
        let found = self.find_entity(caller, &hub(namespace)?, &entity(name, key)).await?;
        Ok(found.and_then(|shown| shown.entity.state))
    }

    /// Has an entity do something; nobody waits for it.
    pub async fn signal_hosted(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        (name, key): (&str, &str),
        operation: String,
        input: Option<String>,
    ) -> Result<()> {
        self.entitle_namespace(caller, namespace)?;
        self.host(namespace, name).await?;
        let operation = Operation {
            request: self.new_id().to_string(),
            operation,
            input,
            target: Some(entity(name, key)),
            ..Operation::default()
        };
        self.signal_entity(caller, &hub(namespace)?, operation).await
    }
}

/// How an instance stands, as far as the status of a reply depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on.
    Open,
    /// It has ended.
    Over,
    /// It has failed.
    Failed,
}

impl Standing {
    fn of(status: Status) -> Self {
        match status {
            Status::Failed => Standing::Failed,
            status if status.is_over() => Standing::Over,
            _ => Standing::Open,
        }
    }
}

/// The packages' name of an entity. They do not keep the case of its first part.
fn entity(name: &str, key: &str) -> String {
    format!("@{}@{key}", name.to_lowercase())
}

fn document(shown: Shown) -> Value {
    let Shown { instance, input } = shown;
    let output = match &instance.failure {
        Some(failure) => Value::from(failure.message.as_str()),
        None => value(instance.output.as_deref()),
    };
    json!({
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status.name(),
        "input": value(input.as_deref()),
        "customStatus": value(instance.custom_status.as_deref()),
        "output": output,
        "createdTime": moment(instance.created),
        "lastUpdatedTime": moment(instance.updated),
    })
}

fn query(wanted: &Wanted) -> Result<Query> {
    let time = |text: &Option<String>| text.as_deref().map(micros).transpose();
    let statuses = wanted.statuses.iter().filter(|name| !name.is_empty()).map(|name| {
        Status::named(name)
            .ok_or_else(|| Error::new(Code::BadRequest, format!("'{name}' is no status of an orchestration")))
    });
    Ok(Query {
        statuses: statuses.collect::<Result<_>>()?,
        created_from: time(&wanted.from)?,
        created_to: time(&wanted.to)?,
        prefix: wanted.prefix.clone(),
        limit: wanted.limit,
        after: wanted.after.clone(),
        payloads: false,
    })
}

fn micros(text: &str) -> Result<i64> {
    let moment: Option<i64> = wisp_workflow::hosted::read_moment(text);
    moment.ok_or_else(|| Error::new(Code::BadRequest, format!("'{text}' is no date and time of RFC 3339")))
}
