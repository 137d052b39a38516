use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    ports::{Answer, Post},
};

use super::{
    event::{Event, event, events},
    message::{Message, batched, binary, structured},
    sink::{Header, Mode, Sink},
};
use crate::{builtin::Request, invoke::Call, secrets};

/// Characters of an answer that are shown.
const SHOWN: usize = 300;

/// Sends what a call says, and tells how it was answered. That it was not taken is this action's failure, which a rule's policy of
/// delivery tries again.
pub(super) async fn send(request: Request<'_>) -> Result<Value> {
    let Request { control, call, .. } = request;
    let sink = Sink::of(call.resolved.parameters.run_values())?;
    let (id, Message { mut headers, body }) = message(&sink, call)?;
    for (name, value) in &sink.headers {
        headers.push((name.clone(), value_of(&request, value).await?));
    }
    let outbound = control.inner.outbound.as_deref();
    let outbound = outbound.ok_or_else(|| Error::new(Code::Unavailable, "This server sends nothing."))?;
    let url = sink.url;
    match outbound.post(Post { url, headers, body }).await {
        Ok(Answer { status, .. }) if (200..300).contains(&status) => Ok(json!({"id": id, "status": status})),
        Ok(answer) => Ok(json!({"id": id, "status": answer.status, "error": refused(&answer)})),
        Err(error) => Ok(json!({"id": id, "error": error.message()})),
    }
}

/// A call as a request, with the id of its event; of a batch, the ids.
fn message(sink: &Sink, call: &Call) -> Result<(Value, Message)> {
    let id = |event: &Event| event.get("id").cloned().unwrap_or_default();
    Ok(match sink.mode {
        Mode::Binary => {
            let event = event(sink, call)?;
            (id(&event), binary(event)?)
        }
        Mode::Structured => {
            let event = event(sink, call)?;
            (id(&event), structured(&event)?)
        }
        Mode::Batched => {
            let events = events(sink, call)?;
            (events.iter().map(id).collect(), batched(&events)?)
        }
    })
}

/// The value of a header: a secret is one of the namespace whose binding names it, and nobody else's to send.
async fn value_of(request: &Request<'_>, header: &Header) -> Result<String> {
    let name = match header {
        Header::Plain(value) => return Ok(value.clone()),
        Header::Secret { secret } => secret,
    };
    let binding = request.call.resolved.binding.as_ref();
    let binding = binding.ok_or_else(|| Error::bad_request("Only a binding of this package can name a secret."))?;
    let value = request.control.secret(binding.namespace_name(), name).await?;
    value
        .map(|value| value.as_str().to_owned())
        .ok_or_else(|| Error::bad_request(secrets::missing(name)))
}

fn refused(answer: &Answer) -> String {
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(SHOWN).collect();
    match (answer.status, text.is_empty()) {
        (status @ 300..400, _) => format!("The sink answered {status}: redirections are not followed."),
        (status, true) => format!("The sink answered {status}."),
        (status, false) => format!("The sink answered {status}: {text}"),
    }
}
