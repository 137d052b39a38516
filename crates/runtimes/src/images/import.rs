use std::{fs::File, path::Path, sync::Arc};

use serde::Deserialize;
use wisp_core::{Error, Result, ports::ImportOptions};

use super::{
    archive::{Archive, digest},
    expand::{expand, storage},
    manifest::{Configuration, Execution, RootFs, check_platform, hexadecimal, platform},
    store::{Layer, Store, Stored, full},
};

/// What `docker save` says of an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// An OCI index.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

/// What an OCI index or manifest says of something else.
#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
    #[serde(default)]
    annotations: std::collections::HashMap<String, String>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// An OCI manifest, or an index in its place.
#[derive(Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

/// Annotations of an OCI index that name an image; the first that is there counts.
const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/// Takes images from a file or directory.
pub fn import(store: &Store, path: &Path, options: &ImportOptions) -> Result<Vec<Arc<Stored>>> {
    let shown = path.display();
    let unreadable = |error| Error::bad_request(format!("'{shown}' cannot be read: {error}."));
    if path.metadata().map_err(unreadable)?.is_dir() {
        let archive = Archive::Directory(path.to_owned());
        return match archive.has("index.json") {
            true => layout(store, &archive, options),
            false => Err(Error::bad_request(format!(
                "The directory '{shown}' is no OCI layout: it has no index.json."
            ))),
        };
    }
    let mut whole = store.spool()?;
    let id = expand(
        File::open(path).map_err(unreadable)?,
        &mut whole,
        store.config().image_size,
    )?;
    let archive = Archive::open(whole.try_clone().map_err(storage)?)?;
    if archive.has("manifest.json") {
        saved(store, &archive, options)
    } else if archive.has("index.json") && archive.has("oci-layout") {
        layout(store, &archive, options)
    } else {
        root(store, whole, id, options)
    }
}

/// Images as `docker save` writes them.
fn saved(store: &Store, archive: &Archive, options: &ImportOptions) -> Result<Vec<Arc<Stored>>> {
    let images: Vec<Saved> = read(&archive.document("manifest.json")?, "manifest.json")?;
    let only = only(images.len(), options)?;
    let import = |image: &Saved| {
        let names = names(only, image.repo_tags.clone().unwrap_or_default())?;
        add(store, archive, &image.config, &image.layers, &names, options)
    };
    images.iter().map(import).collect()
}

/// Images of an OCI layout.
fn layout(store: &Store, archive: &Archive, options: &ImportOptions) -> Result<Vec<Arc<Stored>>> {
    let index: Index = read(&archive.document("index.json")?, "index.json")?;
    let only = only(index.manifests.len(), options)?;
    let import = |descriptor: &Descriptor| {
        let named = NAMES.iter().find_map(|name| descriptor.annotations.get(*name));
        let names = names(only, named.into_iter().cloned().collect())?;
        let manifest = image_manifest(archive, descriptor)?;
        let config = manifest
            .config
            .ok_or_else(|| Error::bad_request("The image's manifest names no configuration."))?;
        let layers = manifest.layers.iter().map(|layer| blob(&layer.digest));
        let layers: Vec<String> = layers.collect::<Result<_>>()?;
        verified(archive, &config.digest)?;
        add(store, archive, &blob(&config.digest)?, &layers, &names, options)
    };
    index.manifests.iter().map(import).collect()
}

/// The manifest that a descriptor means; of an index, the one for this machine.
fn image_manifest(archive: &Archive, descriptor: &Descriptor) -> Result<Manifest> {
    let manifest: Manifest = read(&verified(archive, &descriptor.digest)?, "the manifest")?;
    if manifest.manifests.is_empty() {
        return Ok(manifest);
    }
    let (os, architecture) = platform();
    let fits = |wanted: &&Descriptor| {
        let wanted = wanted.platform.as_ref();
        wanted.is_some_and(|wanted| wanted.os == os && wanted.architecture == architecture)
    };
    let found = manifest.manifests.iter().find(fits).ok_or_else(|| {
        Error::bad_request(format!(
            "The image has no variant for this machine, {os}/{architecture}."
        ))
    })?;
    read(&verified(archive, &found.digest)?, "the manifest")
}

/// An archive of a root file system: one layer, and what the options say.
fn root(store: &Store, whole: File, id: String, options: &ImportOptions) -> Result<Vec<Arc<Stored>>> {
    let names = names(only(1, options)?, Vec::new())?;
    let mut whole = whole;
    std::io::Seek::rewind(&mut whole).map_err(storage)?;
    let layer = store.add_layer(whole, Some(&id))?;
    let mut configuration = Configuration {
        rootfs: RootFs {
            diff_ids: vec![format!("sha256:{id}")],
        },
        ..Configuration::default()
    };
    overlay(&mut configuration, options);
    let bytes = serde_json::to_vec(&configuration).map_err(|error| storage(error.into()))?;
    let stored = store.commit(&digest(&bytes), configuration, vec![layer], &names)?;
    Ok(vec![stored])
}

fn add(
    store: &Store,
    archive: &Archive,
    config: &str,
    layers: &[String],
    names: &[String],
    options: &ImportOptions,
) -> Result<Arc<Stored>> {
    let bytes = archive.document(config)?;
    let mut configuration = Configuration::read(&bytes)?;
    check_platform(&configuration)?;
    let digests = configuration.layers()?;
    if digests.len() != layers.len() {
        return Err(Error::bad_request(format!(
            "The image names {} layers, and its configuration {}.",
            layers.len(),
            digests.len()
        )));
    }
    let unpack = |(name, expected): (&String, &String)| match store.layer(expected) {
        Some(layer) => Ok(layer),
        None => store.add_layer(archive.reader(name)?, Some(expected)),
    };
    let layers: Vec<Layer> = layers.iter().zip(&digests).map(unpack).collect::<Result<_>>()?;
    overlay(&mut configuration, options);
    // Images that run differently are different images.
    let id = match options.command.is_empty() && options.environment.is_empty() {
        true => digest(&bytes),
        false => digest(&serde_json::to_vec(&configuration).map_err(|error| storage(error.into()))?),
    };
    store.commit(&id, configuration, layers, names)
}

/// Lays what the options say over what the image says.
fn overlay(configuration: &mut Configuration, options: &ImportOptions) {
    let execution = configuration.config.get_or_insert_with(Execution::default);
    if !options.command.is_empty() {
        execution.entrypoint = Some(options.command.clone());
        execution.cmd = None;
    }
    let environment = execution.env.get_or_insert_default();
    environment.extend(options.environment.iter().cloned());
}

/// The name for the only image of a file.
fn only(count: usize, options: &ImportOptions) -> Result<Option<&str>> {
    match (&options.name, count) {
        (_, 0) => Err(Error::bad_request("There is no image in it.")),
        (Some(_), 2..) => Err(Error::bad_request(format!(
            "There are {count} images in it, which cannot have one name: import it without --name."
        ))),
        (name, _) => Ok(name.as_deref()),
    }
}

fn names(only: Option<&str>, own: Vec<String>) -> Result<Vec<String>> {
    let names = only.map_or(own, |only| vec![only.to_owned()]);
    if names.is_empty() {
        return Err(Error::bad_request(
            "The image has no name of its own: give it one with --name.",
        ));
    }
    names.iter().map(|name| full(name)).collect()
}

fn blob(digest: &str) -> Result<String> {
    Ok(format!("blobs/sha256/{}", hexadecimal(digest)?))
}

/// A document of an OCI layout whose digest is right.
fn verified(archive: &Archive, wanted: &str) -> Result<Vec<u8>> {
    let bytes = archive.document(&blob(wanted)?)?;
    match digest(&bytes) == hexadecimal(wanted)? {
        true => Ok(bytes),
        false => Err(Error::bad_request(format!(
            "The image is damaged: '{wanted}' has another digest, sha256:{}.",
            digest(&bytes)
        ))),
    }
}

fn read<T: for<'a> Deserialize<'a>>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::bad_request(format!("{what} of the image is not valid: {error}.")).because(error))
}
