use std::sync::Arc;

use wisp_core::{
    Code, Result,
    model::{Accepted, Activation, Annotations, ApiKey, Identity, NamespaceLimits, Response, Right, Status, Version},
};

use crate::{control::Control, invoke::Call};

impl Control {
    /// Takes up every promise that the previous run of this server left open; returns how many there are.
    ///
    /// A promise whose record exists (the server ended between the two) is settled; one whose action is gone ends with
    /// a platform error; all others run, under the ids that their callers have.
    pub async fn recover(&self) -> Result<usize> {
        let unfinished = self.inner.activations.unfinished().await?;
        let count = unfinished.len();
        for accepted in unfinished {
            let permit = self.inner.admission.promised(&accepted.caller.namespace);
            let control = self.clone();
            self.inner.tasks.spawn(Box::pin(async move {
                let _permit = permit;
                let id = accepted.id;
                if let Err(error) = control.resume(accepted).await {
                    tracing::error!(activation = %id, ?error, "an accepted invocation cannot be resumed now");
                }
            }));
        }
        Ok(count)
    }

    async fn resume(&self, accepted: Accepted) -> Result<()> {
        let (namespace, id) = (&accepted.caller.namespace, accepted.id);
        if let Some(record) = self.inner.activations.get(namespace, id).await?
            && let Ok(activation) = serde_json::from_slice::<Activation>(&record)
        {
            return self.inner.activations.finish(Arc::new(activation)).await;
        }
        let caller = self.caller_of(&accepted);
        match self.resolve(&caller, &accepted.action, Right::Activate).await {
            Ok(resolved) => {
                let Accepted {
                    id,
                    payload,
                    transaction,
                    at,
                    ..
                } = accepted;
                let call = Call {
                    id,
                    resolved,
                    payload,
                    caller,
                    cause: None,
                    transaction,
                    at,
                    accepted: true,
                    pieces: None,
                };
                self.run_promised(call).await;
                Ok(())
            }
            Err(error)
                if matches!(
                    error.code(),
                    Code::NotFound | Code::Forbidden | Code::Conflict | Code::Isolation
                ) =>
            {
                let activation = Arc::new(gone(&accepted, self.inner.clock.now()));
                self.inner.activations.finish(activation).await
            }
            Err(error) => Err(error),
        }
    }

    /// The caller as it was when the promise was made: its rights were checked then.
    fn caller_of(&self, accepted: &Accepted) -> Identity {
        let sealed = accepted.sealed_key.as_deref();
        let api_key = sealed.and_then(|sealed| self.inner.seal.open_key(sealed, accepted.id));
        Identity {
            subject: accepted.caller.subject.clone(),
            namespace: accepted.caller.namespace.clone(),
            api_key: api_key.unwrap_or_else(|| ApiKey {
                uuid: String::new(),
                secret: String::new(),
            }),
            rights: vec![Right::Activate],
            limits: NamespaceLimits::default(),
        }
    }
}

/// The record of an invocation whose action is no longer there.
fn gone(accepted: &Accepted, now: u64) -> Activation {
    let mut annotations = Annotations::new();
    annotations.set("path", accepted.action.to_string());
    annotations.set("waitTime", now.saturating_sub(accepted.at));
    Activation {
        namespace: accepted.caller.namespace.clone(),
        name: accepted.action.entity().clone(),
        version: Version::default(),
        subject: accepted.caller.subject.clone(),
        activation_id: accepted.id,
        cause: None,
        start: now,
        end: Some(now),
        duration: Some(0),
        response: Response::failure(
            Status::WhiskError,
            "Action could not be found or may have been deleted.",
        ),
        logs: Vec::new(),
        annotations,
        publish: false,
    }
}
