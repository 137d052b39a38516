use ring::digest;
use serde_json::{Map, Value, json};
use wisp_core::{
    Error, Result,
    ports::{Delivery, Event},
};

use crate::json::data;

/// Headers that tell nothing of the event, or too much.
const HIDDEN: [&str; 4] = ["authorization", "x-gitlab-token", "cookie", "proxy-authorization"];

/// The event of a request: its body's fields, and its headers in `__ow_headers`. Without an id of the sender, it is
/// named by the `id` in its body, or by the body itself.
pub(super) fn of(request: &Delivery<'_>, id: Option<&str>) -> Result<Event> {
    let mut values = body(request)?;
    let own = values.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.or(own).map_or_else(|| named_by(request.body), str::to_owned);
    let headers = request
        .headers
        .iter()
        .filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
    let headers: Map<String, Value> = headers.map(|(name, value)| (name.clone(), json!(value))).collect();
    values.insert("__ow_headers".into(), Value::Object(headers));
    Ok(Event {
        id,
        data: data(&values)?,
    })
}

/// The fields of a body that is a JSON object, or a form; of any other, itself as the field `body`.
fn body(request: &Delivery<'_>) -> Result<Map<String, Value>> {
    let form = "application/x-www-form-urlencoded";
    if request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with(form))
    {
        let fields = form_urlencoded::parse(request.body);
        let mut fields: Map<String, Value> = fields.map(|(name, value)| (name.into_owned(), json!(value))).collect();
        // GitHub sends forms with the JSON text in a field.
        if let Some(Ok(payload)) = fields.get("payload").and_then(Value::as_str).map(serde_json::from_str) {
            fields.insert("payload".into(), payload);
        }
        return Ok(fields);
    }
    if request.body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(request.body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Ok(Map::from_iter([("body".to_owned(), other)])),
        Err(_) => match std::str::from_utf8(request.body) {
            Ok(text) => Ok(Map::from_iter([("body".to_owned(), json!(text))])),
            Err(error) => Err(Error::bad_request("The body is neither JSON nor text.").because(error)),
        },
    }
}

fn named_by(body: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, body);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
