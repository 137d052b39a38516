use std::sync::Arc;

use serde_json::Value;
use wisp_core::{
    Error, Result,
    model::{Activation, Chain, Fqn, Identity, Right},
};
use wisp_workflow::when::{Event, Rerun};

use crate::{budget::Budget, control::Control, invoke::Call};

/// The annotation of an action whose results go into a bucket: the bucket's name, or `{bucket, key, keyFrom}`.
const ANNOTATION: &str = "output-bucket";

/// Where a result goes.
struct Output {
    bucket: Fqn,
    key: Option<String>,
    /// The field of the result that has the key.
    key_from: Option<String>,
    session: String,
    chain: Chain,
    caller: Identity,
}

impl Control {
    /// The session that a caller's objects belong to: that of the run which calls, else a new one.
    pub(super) fn session_of(&self, caller: &Identity) -> String {
        let chain = &caller.chain;
        let first = chain.links.first().map(|link| link.activation);
        let entry = || first.unwrap_or_else(|| self.new_id()).to_string();
        chain.session.clone().unwrap_or_else(entry)
    }

    /// Whether a bucket takes the result of a call, or waits for what it puts.
    pub(crate) fn produces(&self, call: &Call) -> bool {
        let action = &call.resolved.action;
        action.annotations.get(ANNOTATION).is_some() || !self.inner.buckets.sources.of(&action.fqn).is_empty()
    }

    /// Runs a call that a bucket has to do with.
    pub(crate) async fn run_producer(&self, call: Call, budget: &mut Budget) -> Result<Arc<Activation>> {
        self.note_begun(&call).await;
        let output = Output::of(&call);
        let activation = self.run_itself(call, budget).await?;
        if let Some(output) = output.transpose() {
            let put = match output {
                Ok(output) => self.put_output(output, &activation).await,
                Err(error) => Err(error),
            };
            if let Err(error) = put {
                metrics::counter!("wisp_bucket_outputs_lost_total").increment(1);
                let (activation, action) = (activation.activation_id, &activation.name);
                tracing::warn!(%activation, %action, ?error, "a result did not go into its bucket");
            }
        }
        Ok(activation)
    }

    /// Tells those buckets of a run that have hints of its action.
    async fn note_begun(&self, call: &Call) {
        for bucket in self.inner.buckets.sources.of(&call.resolved.action.fqn) {
            if let Err(error) = self.try_note_begun(&bucket, call).await {
                tracing::warn!(%bucket, activation = %call.id, ?error, "a producer is not awaited");
            }
        }
    }

    async fn try_note_begun(&self, bucket: &Fqn, call: &Call) -> Result<()> {
        let session = call.session();
        let place = self.place_of(bucket, &session).await?;
        let run = Rerun {
            function: call.resolved.action.fqn.absolute(),
            payload: self.keep_value(call.payload.clone()).await?,
            session,
        };
        let at = i64::try_from(self.inner.clock.now()).unwrap_or(i64::MAX);
        self.tell_scope(&place, Event::Began { run, at }).await.map(drop)
    }

    async fn put_output(&self, output: Output, activation: &Activation) -> Result<()> {
        if !activation.response.success {
            return Ok(());
        }
        let result = &activation.response.result;
        let key = match (output.key, output.key_from) {
            (Some(key), _) => key,
            (None, Some(field)) => field_of(result.get(), &field)?,
            (None, None) => activation.activation_id.to_string(),
        };
        self.entitle(&output.caller, Right::Activate, &output.bucket)?;
        self.put_in(&output.bucket, output.session, key, result.clone(), output.chain)
            .await
            .map(drop)
    }
}

impl Output {
    fn of(call: &Call) -> Result<Option<Self>> {
        let action = &call.resolved.action;
        let Some(said) = action.annotations.get(ANNOTATION) else {
            return Ok(None);
        };
        let text = |field: &str| said.get(field).and_then(Value::as_str).map(str::to_owned);
        let named = said.as_str().map(str::to_owned).or_else(|| text("bucket"));
        let malformed = || Error::bad_request(format!("The annotation '{ANNOTATION}' names no bucket: {said}."));
        Ok(Some(Self {
            bucket: Fqn::resolve(&named.ok_or_else(malformed)?, &call.caller.namespace)?,
            key: text("key"),
            key_from: text("keyFrom"),
            session: call.session(),
            chain: call.caller.chain.by(call.id, &action.fqn),
            caller: call.caller.clone(),
        }))
    }
}

/// A field of a result, as a key.
fn field_of(result: &str, field: &str) -> Result<String> {
    let result: Value = serde_json::from_str(result).unwrap_or_default();
    match &result[field] {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Error::bad_request(format!(
            "The result has no text or number in the field '{field}', which '{ANNOTATION}' takes the key from."
        ))),
    }
}
