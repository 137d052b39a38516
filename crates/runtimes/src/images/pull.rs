use std::{
    io::{self, Read, Seek},
    pin::Pin,
    str::FromStr,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    manifest::OciDescriptor,
};
use tokio::{fs::File, io::AsyncWrite, task::spawn_blocking};
use wisp_core::{Code, Error, Result};

use super::{
    archive::{DOCUMENT, digest},
    credentials,
    expand::storage,
    manifest::{Configuration, check_platform},
    store::{Layer, Store, Stored},
};

/// A registry with the image that is wanted of it.
struct Source<'a> {
    store: &'a Store,
    client: Client,
    reference: Reference,
}

/// Fetches an image; only the layers that are not there yet are transferred.
pub async fn pull(store: &Store, full: &str) -> Result<Arc<Stored>> {
    let reference = Reference::from_str(full);
    let reference = reference.map_err(|error| Error::bad_request("could not parse image name").because(error))?;
    let begun = store.clock().elapsed();
    tracing::info!(image = full, "pulling");
    let source = Source::new(store, reference)?;
    let stored = source.pull(full).await?;
    let seconds = (store.clock().elapsed() - begun).as_secs_f64();
    tracing::info!(image = full, id = stored.id, seconds, "pulled");
    Ok(stored)
}

impl<'a> Source<'a> {
    fn new(store: &'a Store, reference: Reference) -> Result<Self> {
        let config = store.config();
        let registry = reference.registry();
        if !config.registries.is_empty() && !config.registries.iter().any(|allowed| allowed == registry) {
            let message = format!("Images may not come from the registry '{registry}' here.");
            return Err(Error::new(Code::Forbidden, message)
                .with("allowed", config.registries.join(", "))
                .with("setting", "images.registries"));
        }
        // The library takes the process's choice. It fails only if that was made before.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let silence = Some(Duration::from_secs(config.registry_timeout));
        let client = Client::new(ClientConfig {
            protocol: ClientProtocol::HttpsExcept(config.insecure.clone()),
            connect_timeout: silence,
            read_timeout: silence,
            user_agent: concat!("wisp/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        });
        Ok(Self {
            store,
            client,
            reference,
        })
    }

    async fn pull(&self, full: &str) -> Result<Arc<Stored>> {
        let registry = self.reference.registry().to_owned();
        let docker = self.store.config().docker_config.clone();
        let auth = spawn_blocking(move || credentials::find(&registry, docker.as_deref())).await;
        let auth = auth.map_err(|error| Error::internal("Reading credentials was cut off.").because(error))?;
        let manifest = self.client.pull_image_manifest(&self.reference, &auth).await;
        let (manifest, _) = manifest.map_err(|error| self.failed(error))?;
        let mut bytes = Vec::new();
        let mut config = self.download(&manifest.config, DOCUMENT, "configuration").await?;
        config.read_to_end(&mut bytes).map_err(storage)?;
        let configuration = Configuration::read(&bytes)?;
        check_platform(&configuration)?;
        let digests = configuration.layers()?;
        if digests.len() != manifest.layers.len() || digests.len() > self.store.config().layers {
            let (count, named, most) = (manifest.layers.len(), digests.len(), self.store.config().layers);
            return Err(Error::bad_request(format!(
                "The image has {count} layers, its configuration names {named}, and {most} are allowed."
            ))
            .with("setting", "images.layers"));
        }
        let mut layers = Vec::new();
        for (descriptor, digest) in manifest.layers.iter().zip(digests) {
            let number = layers.len() + 1;
            let what = format!("layer {number} of {}", manifest.layers.len());
            layers.push(self.layer(descriptor, digest, &what).await?);
        }
        self.store
            .commit(&digest(&bytes), configuration, layers, &[full.to_owned()])
    }

    async fn layer(&self, descriptor: &OciDescriptor, digest: String, what: &str) -> Result<Layer> {
        if let Some(layer) = self.store.layer(&digest) {
            return Ok(layer);
        }
        let archive = self.download(descriptor, self.store.config().layer_size, what).await?;
        let store = self.store.clone();
        let unpacked = spawn_blocking(move || store.add_layer(archive, Some(&digest))).await;
        unpacked.map_err(|error| Error::internal("Unpacking a layer was cut off.").because(error))?
    }

    /// A blob of the registry, whose digest and size are right.
    async fn download(&self, descriptor: &OciDescriptor, most: u64, what: &str) -> Result<std::fs::File> {
        let size = u64::try_from(descriptor.size).unwrap_or(u64::MAX);
        if size > most {
            let message = format!("The image's {what} has {size} bytes; {most} are allowed.");
            return Err(Error::new(Code::TooLarge, message).with("setting", "images.layer_size"));
        }
        let mut download = Download {
            file: File::from_std(self.store.spool()?),
            image: self.reference.whole(),
            what: what.to_owned(),
            size,
            done: 0,
        };
        let pulled = self.client.pull_blob(&self.reference, descriptor, &mut download).await;
        pulled.map_err(|error| self.failed(error))?;
        let mut file = download.file.into_std().await;
        file.rewind().map_err(storage)?;
        Ok(file)
    }

    /// What a registry's refusal means.
    fn failed(&self, error: OciDistributionError) -> Error {
        let image = self.reference.whole();
        let message = format!("The image '{image}' cannot be pulled: {}", story(&error));
        let code = match &error {
            OciDistributionError::ImageManifestNotFoundError(_) => Code::NotFound,
            OciDistributionError::RegistryError { .. } | OciDistributionError::AuthenticationFailure(_) => {
                Code::NotFound
            }
            OciDistributionError::DigestError(_) | OciDistributionError::ManifestParsingError(_) => Code::BadRequest,
            OciDistributionError::ServerError {
                code: 404 | 401 | 403, ..
            } => Code::NotFound,
            OciDistributionError::UnauthorizedError { .. } => Code::NotFound,
            _ => Code::Unavailable,
        };
        Error::new(code, message).because(error)
    }
}

/// An error with its causes: the library's own texts leave them out.
fn story(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// A blob on its way into a file: no longer than it was said to be, and its progress in the log.
struct Download {
    file: File,
    image: String,
    what: String,
    size: u64,
    done: u64,
}

impl Download {
    /// Says how far it is, at each quarter.
    fn advance(&mut self, count: u64) {
        let quarter = |done: u64| (done * 4).checked_div(self.size).unwrap_or(4);
        let (before, after) = (quarter(self.done), quarter(self.done + count));
        self.done += count;
        if after > before {
            tracing::info!(
                image = self.image,
                part = self.what,
                bytes = self.size,
                percent = after * 25,
                "pulling"
            );
        }
    }
}

impl AsyncWrite for Download {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.done + bytes.len() as u64 > self.size {
            let message = format!(
                "{} is longer than the {} bytes that the image says",
                self.what, self.size
            );
            return Poll::Ready(Err(io::Error::other(message)));
        }
        let count = ready!(Pin::new(&mut self.file).poll_write(context, bytes))?;
        self.advance(count as u64);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(context)
    }
}
