use axum::http::StatusCode;
use serde_json::Value;
use wisp_core::{Error, Result};

use crate::{State, extract::Incoming};

/// How a client writes inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As JSON.
    Json,
    /// As a JSON string with JSON text in it: so the Python package does.
    Text,
}

impl Encoding {
    /// The JSON text of an input; none if there is none.
    pub async fn read(self, state: &State, body: Incoming) -> Result<Option<String>> {
        let text = text(state, body).await?;
        match (self, text.as_deref().map(serde_json::from_str)) {
            (Encoding::Text, Some(Ok(Value::String(inner)))) => checked(inner),
            _ => Ok(text),
        }
    }
}

/// A body as it came, which must be JSON; none if there is none, or it is null.
pub(super) async fn text(state: &State, body: Incoming) -> Result<Option<String>> {
    let bytes = body.bytes(state, state.control.limits().request_size).await?;
    checked(
        String::from_utf8(bytes.into()).map_err(|error| Error::bad_request("The body is not UTF-8.").because(error))?,
    )
}

fn checked(text: String) -> Result<Option<String>> {
    let text = text.trim();
    if text.is_empty() || text == "null" {
        return Ok(None);
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map_err(|error| Error::bad_request(format!("The body is not JSON: {error}.")))?;
    Ok(Some(text.to_owned()))
}

/// The status of a request that was taken.
pub(super) const TAKEN: StatusCode = StatusCode::ACCEPTED;
