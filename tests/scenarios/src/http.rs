use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

use crate::case::Form;

/// Longer than any reply may take: a blocking invocation answers within a minute.
const PATIENCE: Duration = Duration::from_secs(90);

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case; repeated headers joined by commas.
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Reply {
    /// The value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Sends a request on a connection of its own; its URI is the target as it stands.
pub async fn send(address: &str, form: Form, request: Request<Full<Bytes>>) -> Result<Reply> {
    let socket = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    let reply = async {
        match form {
            Form::Tls => exchange(secured(socket, &[]).await?, request).await,
            Form::H2Tls => {
                let socket = secured(socket, &[b"h2"]).await?;
                ensure!(
                    socket.get_ref().1.alpn_protocol() == Some(b"h2"),
                    "the server did not agree to HTTP/2"
                );
                exchange2(socket, request).await
            }
            Form::H2 => exchange2(socket, request).await,
            Form::Plain | Form::Absolute => exchange(socket, request).await,
        }
    };
    timeout(PATIENCE, reply)
        .await
        .with_context(|| format!("no reply within {} s", PATIENCE.as_secs()))?
}

async fn exchange<S>(socket: S, request: Request<Full<Bytes>>) -> Result<Reply>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    read(sender.send_request(request).await?).await
}

async fn exchange2<S>(socket: S, request: Request<Full<Bytes>>) -> Result<Reply>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    read(sender.send_request(request).await?).await
}

async fn secured(socket: TcpStream, protocols: &[&[u8]]) -> Result<TlsStream<TcpStream>> {
    let mut config = trusting()?;
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, socket).await?)
}

async fn read(response: Response<Incoming>) -> Result<Reply> {
    let (head, body) = response.into_parts();
    let text = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match headers.iter_mut().find(|(key, _)| key == name.as_str()) {
            Some((_, values)) => *values = format!("{values}, {value}"),
            None => headers.push((name.as_str().to_owned(), value.into_owned())),
        }
    }
    Ok(Reply {
        status: head.status.as_u16(),
        headers,
        text,
    })
}

/// A client that takes the self-signed certificate a server makes on its first start.
fn trusting() -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(AnyCertificate(provider));
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
