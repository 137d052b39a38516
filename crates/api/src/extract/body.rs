use std::convert::Infallible;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde_json::value::RawValue;
use wisp_core::{Code, Error, Result, model::Json};
use wisp_wire::put::malformed;

use crate::State;

/// A request whose body has not been read yet: rights are checked first.
pub(crate) struct Incoming {
    pub headers: HeaderMap,
    body: Body,
}

impl<S: Sync> FromRequest<S> for Incoming {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        Ok(Self {
            headers: parts.headers,
            body,
        })
    }
}

impl Incoming {
    /// The body of a request with these headers.
    pub fn new(headers: HeaderMap, body: Body) -> Self {
        Self { headers, body }
    }

    /// The body, whatever it is.
    pub async fn bytes(self, state: &State, limit: u64) -> Result<Bytes> {
        self.read(state, limit).await
    }

    /// The JSON text of a document, which must be there.
    pub async fn document(self, state: &State) -> Result<Bytes> {
        let json = self.check_type();
        let body = self.read(state, state.control.limits().request_size).await?;
        if body.is_empty() {
            return Err(malformed_absent());
        }
        json.map(|()| body)
    }

    /// A JSON object; an absent one is empty.
    pub async fn object(self, state: &State, limit: u64) -> Result<Json> {
        let json = self.check_type();
        let body = self.read(state, limit).await?;
        if body.is_empty() {
            return Ok(RawValue::from_string("{}".to_owned()).map_err(malformed)?.into());
        }
        json?;
        let text = String::from_utf8(body.into()).map_err(malformed)?;
        let value = RawValue::from_string(text).map_err(malformed)?;
        match value.get().starts_with('{') {
            true => Ok(value.into()),
            false => Err(malformed("JSON object expected")),
        }
    }

    fn check_type(&self) -> Result<()> {
        let Some(value) = self.headers.get(header::CONTENT_TYPE) else {
            return Ok(());
        };
        let value = String::from_utf8_lossy(value.as_bytes());
        let essence = value.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        let message = format!("The request's Content-Type [{value}] is not supported. Expected:\napplication/json");
        Err(Error::new(Code::UnsupportedMediaType, message))
    }

    /// The whole body. One that is longer than `limit` is read to its end all the same if that is near, because a
    /// client that is still sending may not see the refusal.
    async fn read(mut self, state: &State, limit: u64) -> Result<Bytes> {
        let length = self
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        let most = state.control.limits().request_size;
        if let Some(length) = length.filter(|length| *length > most) {
            return Err(too_large(length, limit));
        }
        let time = state.settings.body();
        let read = tokio::time::timeout(time, self.collect(limit, most)).await;
        let (size, body) = read.map_err(|_| {
            Error::bad_request(format!(
                "The request's body did not arrive within {} seconds.",
                time.as_secs()
            ))
            .with("limit", "body_seconds")
        })??;
        match size > limit {
            true => Err(too_large(length.unwrap_or(size), limit)),
            false => Ok(body),
        }
    }

    /// The body's size, and the body if it is within `limit`; gives up when it is beyond `most`.
    async fn collect(&mut self, limit: u64, most: u64) -> Result<(u64, Bytes)> {
        let (mut size, mut first, mut rest) = (0, Bytes::new(), BytesMut::new());
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| Error::bad_request("The request's body broke off.").because(error))?;
            let Ok(data) = frame.into_data() else { continue };
            size += data.len() as u64;
            if size > most {
                break;
            }
            if first.is_empty() {
                first = data;
            } else if size <= limit {
                rest.extend_from_slice(&data);
            }
        }
        if rest.is_empty() {
            return Ok((size, first));
        }
        let mut whole = BytesMut::with_capacity(first.len() + rest.len());
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&rest);
        Ok((size, whole.freeze()))
    }
}

fn malformed_absent() -> Error {
    Error::bad_request("Request entity expected but not supplied")
}

fn too_large(size: u64, limit: u64) -> Error {
    let message = format!("Request larger than allowed: {size} > {limit} bytes.");
    Error::new(Code::TooLarge, message)
        .with("limit", "request size")
        .with("value", limit)
}
