use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{
        Activation, ActivationId, Annotations, Fqn, Identity, Json, Millis, Response, Right, RuleStatus, Status,
        Trigger,
    },
};

use crate::{
    control::Control,
    delivery::Applying,
    invoke::{json as to_json, object},
    resolve::{forbidden, require},
};

impl Control {
    /// Fires a trigger: every active rule's action is invoked with the trigger's parameters, the request's headers and
    /// the payload, one over the other. Returns when all of that is durable; none when no rule is active.
    pub async fn fire(
        &self,
        caller: &Identity,
        name: &Fqn,
        payload: Json,
        headers: &BTreeMap<String, String>,
        transaction: &str,
    ) -> Result<Option<ActivationId>> {
        let at = self.inner.clock.now();
        require(caller, Right::Activate)?;
        if *name.namespace_name() != caller.namespace {
            return Err(forbidden(name));
        }
        self.inner.admission.fire(caller, at)?;
        let trigger = self.inner.catalog.trigger(name).await?.entity;
        if !trigger.rules.values().any(|link| link.status == RuleStatus::Active) {
            return Ok(None);
        }
        let arguments = arguments(&trigger, Some(headers), &payload)?;
        let id = self.new_id();
        let caller = &led_by(self.linked(caller, transaction), id, name);
        let invocations = trigger.rules.iter().map(|(rule, link)| {
            let arguments = arguments.clone();
            async move {
                let result = match link.status {
                    RuleStatus::Active => {
                        let what = Applying {
                            trigger: name,
                            rule,
                            link,
                            payload: arguments,
                            transaction,
                            at,
                            waits: true,
                        };
                        self.apply(self.new_id(), caller, what).await?
                    }
                    RuleStatus::Inactive => Err(inactive(rule, &link.action)),
                };
                Ok((log_line(rule, &link.action, &result), link.status, result))
            }
        });
        let applied = futures_util::future::join_all(invocations).await;
        let applied = applied.into_iter().collect::<Result<Vec<_>>>()?;
        let refused = all_loops(&applied);
        let logs = applied.into_iter().map(|(line, ..)| line).collect();
        let activation = record(id, &trigger, caller, payload, logs, at);
        self.inner.activations.finish(Arc::new(activation)).await?;
        match refused {
            Some(error) => Err(error.with("activation", id)),
            None => Ok(Some(id)),
        }
    }
}

/// The caller, for what follows from its fire of a trigger.
pub(crate) fn led_by(caller: Identity, fire: ActivationId, trigger: &Fqn) -> Identity {
    Identity {
        chain: caller.chain.with(fire, trigger),
        ..caller
    }
}

/// Why nothing at all was done, if that is because all would have been a loop.
fn all_loops(applied: &[(String, RuleStatus, Result<ActivationId>)]) -> Option<Error> {
    let mut active = applied.iter().filter(|(_, status, _)| *status == RuleStatus::Active);
    let loops = |error: &Error| error.code() == Code::Loop;
    let all = active.clone().all(|(.., result)| result.as_ref().is_err_and(loops));
    let (.., first) = active.next()?;
    first.as_ref().err().filter(|_| all).map(Error::copy)
}

/// What a trigger's actions receive: its parameters under the headers of the request, if there was one, under the
/// payload.
pub(crate) fn arguments(trigger: &Trigger, headers: Option<&BTreeMap<String, String>>, payload: &Json) -> Result<Json> {
    let mut values = trigger.parameters.run_values();
    if let Some(headers) = headers {
        values.insert("__ow_headers".into(), json!(headers));
    }
    values.extend(object(payload)?);
    to_json(&Value::Object(values))
}

/// Why an inactive rule did nothing.
pub(crate) fn inactive(rule: &Fqn, action: &Fqn) -> Error {
    Error::bad_request(format!(
        "Rule '{rule}' is inactive, action '{action}' was not activated."
    ))
}

/// A line of a trigger's logs: a JSON text for each rule.
pub(crate) fn log_line(rule: &Fqn, action: &Fqn, result: &Result<ActivationId>) -> String {
    let (rule, action) = (rule.to_string(), action.to_string());
    let line = match result {
        Ok(id) => json!({"statusCode": 0, "success": true, "activationId": id, "rule": rule, "action": action}),
        Err(error) => {
            let platform = matches!(
                error.code(),
                Code::Internal | Code::Storage | Code::Corrupted | Code::Unavailable
            );
            let status = if platform {
                Status::WhiskError
            } else {
                Status::ApplicationError
            };
            let error = error.message();
            json!({"statusCode": status.code(), "success": false, "error": error, "rule": rule, "action": action})
        }
    };
    line.to_string()
}

/// The record of a fire.
pub(crate) fn record(
    id: ActivationId,
    trigger: &Trigger,
    caller: &Identity,
    payload: Json,
    logs: Vec<String>,
    at: Millis,
) -> Activation {
    let mut annotations = Annotations::new();
    if caller.chain.depth > 0 {
        annotations.set("chain", json!(caller.chain));
    }
    Activation {
        namespace: caller.namespace.clone(),
        name: trigger.fqn.entity().clone(),
        version: trigger.version,
        subject: caller.subject.clone(),
        activation_id: id,
        cause: None,
        start: at,
        end: None,
        duration: None,
        response: Response {
            size: None,
            ..Response::new(Status::Success, payload)
        },
        logs,
        annotations,
        publish: false,
    }
}
