use std::path::Path;

use anyhow::{Context, Result};
use wisp_api::Listener;

use super::{paths, settings::Tls};

/// The TLS socket, if one is wanted.
pub(super) async fn listen(settings: &Tls, data: &Path) -> Result<Option<Listener>> {
    let Some(address) = &settings.listen else {
        return Ok(None);
    };
    let (certificate, key) = match (&settings.certificate, &settings.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ => self_signed(data)?,
    };
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let config = wisp_api::tls::config(&read(&certificate)?, &read(&key)?)?;
    Ok(Some(Listener::tls(address, config).await?))
}

/// A certificate for this machine's loopback names, made once and kept with the data.
fn self_signed(data: &Path) -> Result<(std::path::PathBuf, std::path::PathBuf)> {
    let (certificate, key) = (data.join("tls/certificate.pem"), data.join("tls/key.pem"));
    if !certificate.exists() {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names)?;
        paths::write_private(&key, made.signing_key.serialize_pem().as_bytes())?;
        paths::write_private(&certificate, made.cert.pem().as_bytes())?;
        tracing::warn!(
            "made a self-signed certificate, {}: clients need --insecure",
            certificate.display()
        );
    }
    Ok((certificate, key))
}
