use std::{future::Future, pin::Pin};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::oneshot;
use wasmtime::{Error, Result, Store, bail};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpHooks, WasiHttpView,
    p2::{
        bindings::{Proxy, http::types::Scheme},
        body::HyperOutgoingBody,
    },
};

use super::{
    super::Grants,
    guest::{Component, Guest},
    output::Written,
};

/// The authority of requests: a component is not reached by any other name.
const AUTHORITY: &str = "localhost";
/// What a web action's request consists of, beside its parameters.
const METHOD: &str = "__ow_method";
const PATH: &str = "__ow_path";
const QUERY: &str = "__ow_query";
const HEADERS: &str = "__ow_headers";
const BODY: &str = "__ow_body";

/// What comes of a request once the function has returned.
pub enum Handled {
    /// The whole answer.
    Whole(Written),
    /// An answer that the instance did not finish.
    Begun(Pin<Box<dyn Future<Output = Result<Written>> + Send>>),
}

/// Has an instance answer an activation, and waits until its function returns.
pub async fn handle(
    store: &mut Store<Guest<Component>>,
    proxy: &Proxy,
    value: &RawValue,
    limit: u64,
) -> Result<Handled> {
    let (request, web) = request(value)?;
    let request = request.map(|body| body.map_err(|never| -> wasmtime_wasi_http::Error { match never {} }));
    let (sender, receiver) = oneshot::channel();
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let out = store.data_mut().http().new_response_outparam(sender)?;
    let mut answer = async move {
        match receiver.await {
            Ok(Ok(response)) => answer(response, web, limit).await,
            Ok(Err(code)) => bail!("The component answered with the error {code:?}."),
            Err(_) => bail!("The component did not answer."),
        }
    }
    .boxed();
    let handler = proxy.wasi_http_incoming_handler();
    let mut call = Box::pin(handler.call_handle(store, request, out));
    let mut whole = None;
    loop {
        tokio::select! {
            biased;
            called = &mut call => {
                called?;
                break;
            }
            done = &mut answer, if whole.is_none() => whole = Some(done),
        }
    }
    // What the function wrote before it returned is there to be taken.
    match whole.or_else(|| (&mut answer).now_or_never()) {
        Some(whole) => Ok(Handled::Whole(whole?)),
        None => Ok(Handled::Begun(answer)),
    }
}

/// The request that an activation is, and whether it was one from the web. Other activations are a `POST` of their
/// value.
fn request(value: &RawValue) -> Result<(Request<Full<Bytes>>, bool)> {
    let mut fields: Map<String, Value> = match serde_json::from_str(value.get()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let Some(Value::String(method)) = fields.remove(METHOD) else {
        let body = Bytes::copy_from_slice(value.get().as_bytes());
        let mut request = Request::post(format!("http://{AUTHORITY}/")).body(Full::new(body))?;
        set_json(request.headers_mut());
        return Ok((request, false));
    };
    let mut headers = headers(fields.remove(HEADERS));
    let body = match fields.remove(BODY) {
        Some(Value::String(text)) => raw_body(text, &headers),
        _ => {
            let given = fields.iter().filter(|(key, _)| !key.starts_with("__ow_"));
            set_json(&mut headers);
            let given: Map<String, Value> = given.map(|(key, value)| (key.clone(), value.clone())).collect();
            serde_json::to_vec(&given)?
        }
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let (path, query) = (text(PATH), text(QUERY));
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mark = if query.is_empty() { "" } else { "?" };
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = Method::from_bytes(method.to_uppercase().as_bytes())?;
    *request.uri_mut() = Uri::try_from(format!("http://{AUTHORITY}{slash}{path}{mark}{query}"))?;
    *request.headers_mut() = headers;
    Ok((request, true))
}

fn set_json(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
}

/// The headers of a web action's request, without those that belong to its connection.
fn headers(given: Option<Value>) -> HeaderMap {
    let Some(Value::Object(given)) = given else {
        return HeaderMap::new();
    };
    let header = |(name, value): (String, Value)| {
        let name = HeaderName::try_from(name).ok()?;
        let own = [
            http::header::CONTENT_LENGTH,
            http::header::TRANSFER_ENCODING,
            http::header::CONNECTION,
        ];
        let value = HeaderValue::try_from(value.as_str()?).ok()?;
        (!own.contains(&name)).then_some((name, value))
    };
    given.into_iter().filter_map(header).collect()
}

/// The body of a raw web action: text as it came, anything else in base64.
fn raw_body(text: String, headers: &HeaderMap) -> Vec<u8> {
    if is_text(headers) {
        return text.into_bytes();
    }
    BASE64_STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes())
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("");
    let words = ["json", "text/", "xml", "javascript", "x-www-form-urlencoded"];
    kind.is_empty() || words.iter().any(|word| kind.contains(word))
}

/// What a response is as a result: for the web an answer with status, headers and body; else its body, or an error if
/// its status is one.
async fn answer(response: Response<HyperOutgoingBody>, web: bool, limit: u64) -> Result<Written> {
    let (head, body) = response.into_parts();
    let Written { text, size } = read(body, limit).await?;
    let whole = size == text.len() as u64;
    let json = match (web, head.status.is_success()) {
        _ if !whole => return Ok(Written { text, size }),
        (false, true) if text.is_empty() => json!({}),
        (false, true) => return Ok(Written { text, size }),
        (false, false) => {
            let body = serde_json::from_slice(&text).unwrap_or_else(|_| json!(String::from_utf8_lossy(&text)));
            json!({ "error": { "statusCode": head.status.as_u16(), "body": body } })
        }
        (true, _) => {
            let headers = head.headers.iter().map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), Value::String(value))
            });
            let headers: Map<String, Value> = headers.collect();
            let body = match is_text(&head.headers) {
                true => String::from_utf8_lossy(&text).into_owned(),
                false => BASE64_STANDARD.encode(&text),
            };
            json!({ "statusCode": head.status.as_u16(), "headers": headers, "body": body })
        }
    };
    let text = json.to_string().into_bytes();
    Ok(Written {
        size: text.len() as u64,
        text,
    })
}

/// A body, of which `limit` bytes are kept.
async fn read(mut body: HyperOutgoingBody, limit: u64) -> Result<Written> {
    let keep = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut written = Written {
        text: Vec::new(),
        size: 0,
    };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::msg(format!("The component did not finish its answer: {error:?}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = data.len().min(keep.saturating_sub(written.text.len()));
        written.text.extend_from_slice(&data[..room]);
        written.size += data.len() as u64;
    }
    Ok(written)
}

/// Decides about requests that a component sends.
pub struct Hooks(Grants);

impl Hooks {
    /// Those of a component with these grants.
    pub fn new(grants: Grants) -> Self {
        Self(grants)
    }

    fn allow(&self, uri: &Uri) -> bool {
        let standard = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        let port = uri.port_u16().unwrap_or(standard);
        uri.host().is_some_and(|host| self.0.allow(host, port))
    }
}

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ),
    wasmtime_wasi_http::Error,
>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let allowed = self.allow(request.uri());
        Box::new(async move {
            if !allowed {
                return Err(wasmtime_wasi_http::Error::HttpRequestDenied);
            }
            let (response, connection) = wasmtime_wasi_http::default_send_request(request, options).await?;
            let connection: Box<dyn Future<Output = _> + Send> = Box::new(connection);
            Ok((response.map(BodyExt::boxed_unsync), connection))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn seen(value: &str) -> (String, bool) {
        let value: Box<RawValue> = serde_json::from_str(value).unwrap();
        let (request, web) = request(&value).unwrap();
        let (head, body) = request.into_parts();
        let kind = head.headers.get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        (format!("{} {} {kind} {body}", head.method, head.uri), web)
    }

    #[tokio::test]
    async fn activations_are_requests() {
        for (value, expected, web) in [
            (
                r#"{"a":1}"#,
                r#"POST http://localhost/ application/json {"a":1}"#,
                false,
            ),
            (r#"[1]"#, "POST http://localhost/ application/json [1]", false),
            (
                r#"{"__ow_method":"get","__ow_path":"/x/y","__ow_headers":{"a":"b"},"name":"n"}"#,
                r#"GET http://localhost/x/y application/json {"name":"n"}"#,
                true,
            ),
            (
                r#"{"__ow_method":"put","__ow_path":"","__ow_query":"q=1&r","__ow_headers":{"content-type":"text/plain"},"__ow_body":"hello"}"#,
                "PUT http://localhost/?q=1&r text/plain hello",
                true,
            ),
            (
                r#"{"__ow_method":"post","__ow_headers":{"content-type":"image/png"},"__ow_body":"AAEC"}"#,
                "POST http://localhost/ image/png \u{0}\u{1}\u{2}",
                true,
            ),
        ] {
            assert_eq!(seen(value).await, (expected.to_owned(), web));
        }
    }
}
