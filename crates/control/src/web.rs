use std::time::Duration;

use serde_json::{Map, Value};
use wisp_core::{
    Code, Error, Result,
    model::{ActivationId, Fqn, Identity, Right},
    ports::Pieces,
};

use crate::{
    control::Control,
    invoke::{Call, Invoked, Wait, json, refuse_final},
    resolve::Resolved,
};

/// An action that everybody can reach by plain HTTP. It runs on behalf of its owner.
#[derive(Clone, Debug)]
pub struct WebAction {
    id: ActivationId,
    name: Fqn,
    owner: Identity,
    resolved: Resolved,
}

/// What a web action asks of its callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    Open,
    /// This text in the header `X-Require-Whisk-Auth`.
    Secret(String),
    /// A key of this platform.
    Key,
    /// What nobody has: its annotation has no meaning.
    Nobody,
}

impl WebAction {
    /// The id that its activation will have.
    pub fn activation_id(&self) -> ActivationId {
        self.id
    }

    /// Whether it reads the request by itself.
    pub fn raw(&self) -> bool {
        self.resolved.action.annotations.is_truthy("raw-http")
    }

    /// Whether it reads the request's body while that arrives.
    pub fn reads_stream(&self) -> bool {
        self.raw() && self.resolved.action.annotations.is_truthy("raw-stream")
    }

    /// Whether it answers OPTIONS by itself.
    pub fn own_options(&self) -> bool {
        self.resolved.action.annotations.is_truthy("web-custom-options")
    }

    /// What it asks of its callers.
    pub fn guard(&self) -> Guard {
        match self.resolved.action.annotations.get("require-whisk-auth") {
            None | Some(Value::Bool(false)) => Guard::Open,
            Some(Value::Bool(true)) => Guard::Key,
            Some(Value::String(secret)) => Guard::Secret(secret.clone()),
            Some(Value::Number(secret)) => Guard::Secret(secret.to_string()),
            Some(_) => Guard::Nobody,
        }
    }

    /// Largest body that is sent to it, in bytes, if its owner has a limit of its own.
    pub fn payload_limit(&self) -> Option<u64> {
        self.owner.limits.max_payload_size
    }
}

impl Control {
    /// The web action of a name. What is not exported is not there, as far as the public can see.
    pub async fn web_action(&self, name: &Fqn) -> Result<WebAction> {
        let Some(owner) = self.owner(name.namespace_name()).await? else {
            return Err(absent());
        };
        let resolved = match self.resolve(&owner, name, Right::Activate).await {
            Ok(resolved) => resolved,
            Err(error) if error.code().status() >= 500 => return Err(error),
            Err(_) => return Err(absent()),
        };
        match resolved.action.annotations.get("web-export") {
            Some(Value::Bool(true)) => Ok(WebAction {
                id: self.new_id(),
                name: name.clone(),
                owner,
                resolved,
            }),
            _ => Err(absent()),
        }
    }

    /// Runs a web action with these arguments and waits for its end, as long as any blocking invocation may. If its
    /// body is a stream, the pieces go where the caller says meanwhile.
    pub async fn invoke_web(
        &self,
        web: WebAction,
        arguments: Map<String, Value>,
        transaction: &str,
        pieces: Option<Pieces>,
    ) -> Result<Invoked> {
        let at = self.inner.clock.now();
        let WebAction {
            id,
            name,
            owner,
            resolved,
        } = web;
        self.inner.kinds.check_runnable(&resolved.action.exec)?;
        let payload = json(&Value::Object(arguments))?;
        refuse_final(&resolved, &payload)?;
        let permit = self.inner.admission.invocation(&owner, at)?;
        let call = Call {
            id,
            resolved,
            payload,
            caller: owner,
            cause: None,
            entry: None,
            after: None,
            transaction: transaction.to_owned(),
            at,
            accepted: false,
            pieces,
            delivery: None,
            log: None,
        };
        let time = Duration::from_millis(self.inner.limits.blocking_wait);
        self.begin(call, &name, permit, Wait::For(time)).await
    }
}

fn absent() -> Error {
    Error::new(Code::NotFound, "The requested resource does not exist.")
}
