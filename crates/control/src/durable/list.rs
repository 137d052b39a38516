use serde::{Deserialize, Serialize};
use wisp_core::{
    Code, Error, Result,
    model::{Activation, ActivationId, EntityName, Identity, Millis},
    ports::journal::{Page, Place},
};

use super::{
    Event, Stored,
    run::{SCOPE, is_key, key},
};
use crate::{control::Control, workflows::RUNNING};

/// Executions that are looked up at once.
const PAGE: usize = 256;

/// A durable sequence or composition in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Composed {
    /// The id of its activation.
    pub activation_id: ActivationId,
    /// The action, by its full name.
    pub action: String,
    /// `RUNNING`, `SUCCEEDED` or `FAILED`.
    pub status: String,
    /// When it began.
    pub start: Millis,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Millis>,
}

/// Something that happened in one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Happened {
    /// `started`, `entered`, `ended`, `refused` or `forked`.
    pub event: &'static str,
    /// The activation that it is about.
    pub activation_id: ActivationId,
    /// How that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// How many branches there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<usize>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Composed {
    fn place(&self, namespace: &EntityName) -> Result<Place> {
        let summary = serde_json::to_vec(self);
        let broken = |error| Error::internal("a summary cannot be encoded").because(error);
        Ok(Place {
            scope: scope(namespace),
            status: self.status.clone(),
            started: self.start,
            summary: summary.map_err(broken)?.into(),
        })
    }
}

fn scope(namespace: &EntityName) -> String {
    format!("{namespace}/{SCOPE}")
}

/// Where one is listed that has begun.
pub(super) fn running(stored: &Stored) -> Result<Place> {
    let composed = Composed {
        activation_id: stored.accepted.id,
        action: stored.action.fqn.to_string(),
        status: RUNNING.to_owned(),
        start: stored.start,
        end: None,
    };
    composed.place(&stored.accepted.caller.namespace)
}

/// Where one is listed that has ended.
pub(super) fn ended(activation: &Activation) -> Result<Place> {
    let path = activation.annotations.get("path").and_then(|path| path.as_str());
    let composed = Composed {
        activation_id: activation.activation_id,
        action: path.unwrap_or_default().to_owned(),
        status: if activation.response.success {
            "SUCCEEDED"
        } else {
            "FAILED"
        }
        .to_owned(),
        start: activation.start,
        end: activation.end,
    };
    composed.place(&activation.namespace)
}

impl Control {
    /// Durable sequences and compositions of a namespace, those that began last first.
    pub async fn list_composed(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        status: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Composed>> {
        self.entitle_namespace(caller, namespace)?;
        let page = Page {
            scope: scope(namespace),
            status: status.map(str::to_uppercase),
            after: None,
            limit,
        };
        let listed = self.inner.workflows.journal.list(&page).await?;
        listed.iter().map(|listed| decode(&listed.place)).collect()
    }

    /// A durable sequence or composition, and what has happened in it.
    pub async fn get_composed(
        &self,
        caller: &Identity,
        namespace: &EntityName,
        id: ActivationId,
    ) -> Result<(Composed, Vec<Happened>)> {
        self.entitle_namespace(caller, namespace)?;
        let key = key(namespace, id);
        let found = self.inner.workflows.journal.load(&key).await?;
        let found = found.ok_or_else(|| {
            Error::new(
                Code::NotFound,
                format!("No durable sequence or composition has the activation id '{id}'."),
            )
        })?;
        let events = self.events_of(&key, found.events).await?;
        Ok((decode(&found.place)?, events.iter().map(Happened::from).collect()))
    }
}

impl Control {
    /// Code of durable compositions that have not ended: their actions may have other code by now, or be gone.
    pub(crate) async fn digests_in_use(&self) -> Result<Vec<String>> {
        let (journal, mut digests, mut after) = (&self.inner.workflows.journal, Vec::new(), None);
        loop {
            let page = journal.pending(after.as_deref(), PAGE).await?;
            for key in page.iter().filter(|key| is_key(key)) {
                if let Some(Event::Started(stored)) = self.events_of(key, 1).await?.first() {
                    digests.extend(stored.action.exec.code().map(|code| code.digest.clone()));
                }
            }
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => after = Some(last.clone()),
                None => return Ok(digests),
            }
        }
    }
}

fn decode(place: &Place) -> Result<Composed> {
    serde_json::from_slice(&place.summary)
        .map_err(|error| Error::new(Code::Corrupted, "a summary in the journal cannot be read").because(error))
}

impl From<&Event> for Happened {
    fn from(event: &Event) -> Self {
        let of = |event, activation_id| Self {
            event,
            activation_id,
            status: None,
            branches: None,
            message: None,
        };
        match event {
            Event::Started(stored) => of("started", stored.accepted.id),
            Event::Entered { id, .. } => of("entered", *id),
            Event::Ended { ended, .. } => Self {
                status: Some(ended.response.status.as_str()),
                ..of("ended", ended.id)
            },
            Event::Refused { id, message } => Self {
                message: Some(message.clone()),
                ..of("refused", *id)
            },
            Event::Forked { id, fork } => Self {
                branches: Some(fork.branches.len()),
                ..of("forked", *id)
            },
        }
    }
}
