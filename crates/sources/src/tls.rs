use std::sync::Arc;

use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use wisp_core::{Error, Result};

/// How brokers are reached by TLS: as the machine's certificate authorities vouch for them.
pub(crate) fn client() -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // A broken certificate among the machine's must not shut out the good ones.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS cannot be set up").because(error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
