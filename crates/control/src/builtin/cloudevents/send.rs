use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    ports::{Answer, Post},
};

use super::{
    event::event,
    message::{Message, message},
    sink::{Header, Sink},
};
use crate::{builtin::Request, secrets};

/// Characters of an answer that are shown.
const SHOWN: usize = 300;

/// Sends one event, and says how it was answered. That it was not taken is this action's failure, which a rule's policy of
/// delivery tries again.
pub(super) async fn send(request: Request<'_>) -> Result<Value> {
    let Request { control, call, .. } = request;
    let sink = Sink::of(call.resolved.parameters.run_values())?;
    let event = event(&sink, call)?;
    let id = event.get("id").cloned();
    let Message { mut headers, body } = message(event, sink.mode)?;
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
