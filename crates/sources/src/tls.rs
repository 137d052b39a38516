use std::sync::Arc;

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use wisp_core::{
    Error, Result,
    ports::{FeedParameter, FeedSettings},
};

use crate::setting::{optional, text};

/// Who vouches for a server that is reached by TLS, as a feed is told.
pub(crate) const AUTHORITY: FeedParameter = optional(
    "ca",
    "The certificates (PEM) of those who vouch for a server that is reached by TLS; the machine's",
);

/// How a server is reached by TLS: as the feed's authorities vouch for it, or the machine's.
pub(crate) fn client(settings: &FeedSettings) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match text(settings, AUTHORITY.name) {
        Some(pem) => own(pem, &mut roots)?,
        None => {
            // A broken certificate among the machine's must not shut out the good ones.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS cannot be set up").because(error))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn own(pem: &str, roots: &mut RootCertStore) -> Result<()> {
    let wrong = || Error::bad_request("the ca parameter must be certificates in PEM");
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| wrong().because(error))?;
        roots.add(certificate).map_err(|error| wrong().because(error))?;
    }
    match roots.is_empty() {
        true => Err(wrong()),
        false => Ok(()),
    }
}
