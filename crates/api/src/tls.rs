//! TLS with rustls.

use std::sync::Arc;

use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use wisp_core::{Code, Error, Result};

/// A server's configuration from its certificate chain and private key, both in PEM. Offers HTTP/2 and HTTP/1.1.
pub fn config(certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| refused("the TLS certificate is not PEM").because(error))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| refused("the TLS key is not PEM").because(error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("the TLS library offers no protocol").because(error))?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| refused("the TLS certificate and key do not fit").because(error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn refused(message: &str) -> Error {
    Error::new(Code::Config, message)
}
