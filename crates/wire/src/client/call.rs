use std::io;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Method, Request,
    header::{self, HeaderName},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::timeout};

use super::{Endpoint, Error, Options, Refusal, Result, body::Upload, connection, connection::Connection};

/// Longest piece of an unexpected reply that is shown, in characters.
const SHOWN: usize = 300;

/// What stays as it is in a path segment and in a query: RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Told of requests and replies: a line, and the beginning of the body.
type Tracer = Box<dyn Fn(&str, &str) + Send + Sync>;

/// A connection to one server, with one key.
pub struct Client {
    endpoint: Endpoint,
    options: Options,
    version: String,
    authorization: Option<String>,
    tracer: Option<Tracer>,
    connection: Mutex<Option<Connection>>,
}

/// One HTTP request.
pub struct Call {
    method: Method,
    target: String,
    body: Option<Bytes>,
    anonymous: bool,
    headers: Vec<(String, String)>,
}

/// One HTTP reply.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Client {
    /// A client that connects when it is first used.
    pub fn new(endpoint: Endpoint, options: Options) -> Self {
        let (version, connection) = ("v1".to_owned(), Mutex::new(None));
        Self {
            endpoint,
            options,
            version,
            authorization: None,
            tracer: None,
            connection,
        }
    }

    /// With a key, `uuid:secret`, that every call presents.
    pub fn with_key(mut self, key: &str) -> Self {
        self.authorization = Some(format!("Basic {}", BASE64_STANDARD.encode(key)));
        self
    }

    /// With another version of the API than `v1`.
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// With a function that is told of every request and reply: a line, and the beginning of the body, which may hold
    /// secrets.
    pub fn with_tracer(mut self, tracer: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        self.tracer = Some(Box::new(tracer));
        self
    }

    /// Where it connects.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The path of the API, `/api/v1`.
    pub fn base_path(&self) -> String {
        format!("/api/{}", self.version)
    }

    /// Makes a call and returns whatever was answered, an error body too.
    pub async fn send(&self, call: Call) -> Result<Reply> {
        let what = format!("{} {}", call.method, call.target);
        self.trace(&what, call.body.as_deref().unwrap_or_default());
        let reply = timeout(self.options.reply_timeout, self.exchange(call))
            .await
            .unwrap_or_else(|_| {
                let text = format!("no reply to {what} within {:?}", self.options.reply_timeout);
                Err(connection::unreachable(
                    &self.endpoint,
                    io::Error::new(io::ErrorKind::TimedOut, text),
                ))
            })?;
        self.trace(&format!("{} for {what}", reply.status), &reply.body);
        Ok(reply)
    }

    /// Makes a call that must succeed, and reads its reply.
    pub async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        self.send(call).await?.success()?.json()
    }

    async fn exchange(&self, call: Call) -> Result<Reply> {
        let lost = |error: hyper::Error| connection::unreachable(&self.endpoint, error);
        let request = self.request(call)?;
        let mut slot = self.connection.lock().await;
        let mut open = match slot.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => connection::open(&self.endpoint, &self.options).await?,
        };
        open.ready().await.map_err(lost)?;
        let (parts, body) = open.send_request(request).await.map_err(lost)?.into_parts();
        let body = Limited::new(body, self.options.reply_size).collect().await;
        let body = body
            .map_err(|error| connection::unreachable(&self.endpoint, io::Error::other(error)))?
            .to_bytes();
        *slot = Some(open);
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    fn request(&self, call: Call) -> Result<Request<Upload>> {
        let mut request = Request::builder()
            .method(&call.method)
            .uri(&call.target)
            .header(header::HOST, self.endpoint.authority())
            .header(header::USER_AGENT, concat!("wisp/", env!("CARGO_PKG_VERSION")));
        if !call.has(&header::ACCEPT) {
            request = request.header(header::ACCEPT, "application/json");
        }
        if let Some(key) = self.authorization.as_ref().filter(|_| !call.anonymous) {
            request = request.header(header::AUTHORIZATION, key);
        }
        if call.body.is_some() && !call.has(&header::CONTENT_TYPE) {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let upload = Upload::new(call.body.unwrap_or_default(), self.options.progress.clone());
        request
            .body(upload)
            .map_err(|error| connection::unreachable(&self.endpoint, error))
    }

    fn trace(&self, line: &str, body: &[u8]) {
        if let Some(tracer) = &self.tracer {
            tracer(line, &shown(body));
        }
    }
}

impl Call {
    /// A request for an absolute path, already encoded.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            target: path.into(),
            body: None,
            anonymous: false,
            headers: Vec::new(),
        }
    }

    /// A request by the method POST for an absolute path, already encoded, with a body of any kind.
    pub fn post(path: impl Into<String>, body: Bytes) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::POST, path)
        }
    }

    /// With a query parameter.
    pub fn query(mut self, key: &str, value: impl ToString) -> Self {
        let joint = if self.target.contains('?') { '&' } else { '?' };
        self.target = format!("{}{joint}{key}={}", self.target, encode(&value.to_string()));
        self
    }

    /// With a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self> {
        self.body = Some(serde_json::to_vec(body).map_err(Error::Unwritable)?.into());
        Ok(self)
    }

    /// With a header.
    pub fn with_header(mut self, name: impl Into<String>, value: String) -> Self {
        self.headers.push((name.into(), value));
        self
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name.as_str()))
    }

    /// Without the key.
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }
}

impl Reply {
    /// This reply if its status is one of success, else the error it describes.
    pub fn success(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            Ok(self)
        } else {
            Err(self.refusal())
        }
    }

    /// The error that this reply describes.
    pub fn refusal(&self) -> Error {
        match Refusal::parse(self.status, &self.body) {
            Some(refusal) => Error::Refused(Box::new(refusal)),
            None => Error::Unexpected {
                status: self.status,
                text: shown(&self.body),
            },
        }
    }

    /// The body, read as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Unexpected {
            status: self.status,
            text: format!("{error} in {}", shown(&self.body)),
        })
    }
}

/// A text as a path segment or query value.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], body.len()),
        None => text.into_owned(),
    }
}
