use hyper::Method;
use serde::Serialize;
use serde_json::Value;
use wisp_core::model::Fqn;

use super::{Client, Collection, Error, Refusal, Result};

/// How to invoke.
#[derive(Clone, Copy, Debug, Default)]
pub struct Invoke {
    /// Wait for the end.
    pub blocking: bool,
    /// Ask for the result alone, not for the whole record.
    pub result: bool,
    /// Longest wait, in milliseconds; the server's own is the default and the most.
    pub timeout: Option<u64>,
}

impl Invoke {
    /// Waits for the record.
    pub fn blocking() -> Self {
        Self {
            blocking: true,
            ..Self::default()
        }
    }

    /// Waits for the result.
    pub fn result() -> Self {
        Self {
            blocking: true,
            result: true,
            timeout: None,
        }
    }
}

/// What became of an invocation.
#[derive(Clone, Debug)]
pub enum Invoked {
    /// Accepted and running: it was not waited for, or not long enough.
    Accepted {
        /// Its activation.
        id: String,
    },
    /// It ended.
    Ended {
        /// Its activation.
        id: String,
        /// HTTP status: 200, or 502 and 500 if it failed.
        status: u16,
        /// The record, or the result alone.
        body: Value,
    },
}

impl Invoked {
    /// The activation's id.
    pub fn id(&self) -> &str {
        match self {
            Invoked::Accepted { id } | Invoked::Ended { id, .. } => id,
        }
    }
}

impl Client {
    /// Invokes an action. That the function failed is no error here: see [`Invoked::Ended`]'s status.
    pub async fn invoke(&self, name: &Fqn, payload: &impl Serialize, how: Invoke) -> Result<Invoked> {
        let call = self.entity(Method::POST, Collection::Actions, name).json(payload)?;
        let call = call.query("blocking", how.blocking).query("result", how.result);
        let reply = self.send(match how.timeout {
            Some(timeout) => call.query("timeout", timeout),
            None => call,
        });
        let reply = reply.await?;
        let header = reply
            .headers
            .get("x-openwhisk-activation-id")
            .and_then(|id| id.to_str().ok());
        let failed = matches!(reply.status, 500 | 502) && Refusal::parse(reply.status, &reply.body).is_none();
        if !failed && !(200..300).contains(&reply.status) {
            return Err(reply.refusal());
        }
        let body: Value = reply.json()?;
        let id = header.or_else(|| body.get("activationId")?.as_str()).map(str::to_owned);
        match (reply.status, id) {
            (202, Some(id)) => Ok(Invoked::Accepted { id }),
            (202, None) => Err(Error::Unexpected {
                status: 202,
                text: "accepted, but without an activation id".into(),
            }),
            (status, id) => Ok(Invoked::Ended {
                id: id.unwrap_or_default(),
                status,
                body,
            }),
        }
    }
}
