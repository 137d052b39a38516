use std::{net::Ipv4Addr, os::fd::OwnedFd};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

/// A request to a container.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Headers beside those of every request.
    pub headers: Vec<(String, String)>,
    /// The body; JSON unless the headers say otherwise.
    pub body: Bytes,
    /// Whether 503 means that it shall be sent again.
    pub again: bool,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            method: Method::POST,
            path: "/".into(),
            headers: Vec::new(),
            body: Bytes::new(),
            again: false,
        }
    }
}

/// How much of an answer there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that are kept.
    pub keep: u64,
    /// Bytes after which it is broken off.
    pub most: u64,
}

/// What a container answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The content's type, if it says so.
    pub content_type: Option<String>,
    /// Bytes of the whole body.
    pub size: u64,
    /// The body, cut if it is longer than what is kept.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The connection was refused or closed.
    Dropped,
    /// What came was no answer, for this reason.
    Broken(String),
}

impl Ask {
    /// Connects a socket of a sandbox's network to a port of its loopback interface.
    pub async fn connect(socket: OwnedFd, port: u16) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::from_std_stream(std::net::TcpStream::from(socket));
        socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
    }

    /// Sends it and waits for the answer. Each has a connection of its own: what a container makes of one is over when
    /// it is closed.
    pub async fn send(&self, socket: OwnedFd, port: u16, limits: Limits) -> Result<Answer, Unanswered> {
        let stream = Self::connect(socket, port).await.map_err(|_| Unanswered::Dropped)?;
        let request = self.request(port)?;
        let connected = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connected.map_err(|_| Unanswered::Dropped)?;
        let answered = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            read(response, limits).await
        };
        tokio::pin!(answered);
        tokio::select! {
            biased;
            answered = &mut answered => return answered,
            // All that came is with the answer by now, or never will be.
            _ = connection => {}
        }
        answered.await
    }

    fn request(&self, port: u16) -> Result<Request<Full<Bytes>>, Unanswered> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(HOST, format!("localhost:{port}"));
        let typed = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !typed && !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body.clone()));
        request.map_err(|error| Unanswered::Broken(format!("The request cannot be sent to the image: {error}.")))
    }
}

async fn read(response: Response<Incoming>, limits: Limits) -> Result<Answer, Unanswered> {
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let (mut content, mut size, mut body) = (response.into_body(), 0, Vec::new());
    while let Some(frame) = content.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        size += data.len() as u64;
        if size > limits.most {
            let most = limits.most;
            return Err(Unanswered::Broken(format!("an answer of more than {most} bytes")));
        }
        let room = usize::try_from(limits.keep)
            .unwrap_or(usize::MAX)
            .saturating_sub(body.len());
        body.extend_from_slice(&data[..data.len().min(room)]);
    }
    Ok(Answer {
        status,
        content_type,
        size,
        body,
    })
}

/// A connection that ended early, or what is no HTTP.
fn broken(error: hyper::Error) -> Unanswered {
    match error.is_parse() {
        true => Unanswered::Broken(format!("an answer that is no HTTP: {error}")),
        false => Unanswered::Dropped,
    }
}
