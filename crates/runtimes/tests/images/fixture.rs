//! Small images, made here: busybox and a script or two.

use std::{fs, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// An entry of a layer: its name, and what it is.
pub enum Entry<'a> {
    Directory,
    File(&'a [u8]),
    Link(&'a str),
    Hard(&'a str),
    Kind(tar::EntryType),
}

/// An archive with these entries, whatever their names say.
pub fn archive(entries: &[(&str, Entry<'_>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, entry) in entries {
        let mut header = tar::Header::new_gnu();
        let (kind, content, target): (_, &[u8], _) = match entry {
            Entry::Directory => (tar::EntryType::Directory, &[], ""),
            Entry::File(content) => (tar::EntryType::Regular, content, ""),
            Entry::Link(target) => (tar::EntryType::Symlink, &[], *target),
            Entry::Hard(target) => (tar::EntryType::Link, &[], *target),
            Entry::Kind(kind) => (*kind, &[], ""),
        };
        header.set_entry_type(kind);
        header.set_mode(0o6755);
        header.set_size(content.len() as u64);
        // Set by hand: the library refuses the names that matter here.
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// The layer of an image that speaks OpenWhisk's protocol.
pub fn runtime() -> Vec<u8> {
    let busybox = fs::read("/bin/busybox").expect("busybox-static is installed");
    let start = b"#!/bin/sh\nexec 5>&1\nexec busybox nc -ll -p 8080 -e /handler\n";
    archive(&[
        ("bin/", Entry::Directory),
        ("bin/busybox", Entry::File(&busybox)),
        ("bin/sh", Entry::Link("busybox")),
        ("handler", Entry::File(include_bytes!("handler.sh"))),
        ("start", Entry::File(start)),
        ("secret", Entry::File(b"below")),
    ])
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    format!(
        "sha256:{}",
        digits.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    )
}

/// The configuration of an image with these uncompressed layers.
pub fn configuration(layers: &[Vec<u8>]) -> Vec<u8> {
    let ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    let config = json!({ "Entrypoint": ["/start"], "Env": ["PATH=/bin", "GREETING=hello"], "User": "33:44", "WorkingDir": "/work" });
    json!({ "os": "linux", "config": config, "rootfs": { "type": "layers", "diff_ids": ids } })
        .to_string()
        .into_bytes()
}

/// What `docker save` writes.
pub fn saved(name: &str, layers: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": names }]).to_string();
    let config = configuration(layers);
    let mut entries = vec![
        ("manifest.json", Entry::File(manifest.as_bytes())),
        ("config.json", Entry::File(&config)),
    ];
    entries.extend(
        names
            .iter()
            .zip(layers)
            .map(|(name, layer)| (name.as_str(), Entry::File(layer))),
    );
    archive(&entries)
}

/// The blobs of an image as a registry has them: each with its digest, the manifest last.
pub fn blobs(layers: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    let config = configuration(layers);
    let packed: Vec<Vec<u8>> = layers.iter().map(|layer| gzip(layer)).collect();
    let described: Vec<_> = packed
        .iter()
        .map(|layer| {
            json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(layer), "size": layer.len() })
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config), "size": config.len() },
        "layers": described,
    });
    let all = packed.into_iter().chain([config, manifest.to_string().into_bytes()]);
    all.map(|blob| (digest(&blob), blob)).collect()
}

/// An index that offers an image for this machine, and one for a machine that nobody has.
pub fn index(manifest: &(String, Vec<u8>)) -> Vec<u8> {
    let architecture = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let entry = |digest: &str, architecture: &str| {
        json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": manifest.1.len(),
            "platform": { "os": "linux", "architecture": architecture } })
    };
    let other = entry(&digest(b"nothing"), "s390x");
    json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [other, entry(&manifest.0, architecture)] })
    .to_string()
    .into_bytes()
}

/// An OCI layout of an image for several machines.
pub fn layout(layers: &[Vec<u8>]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("blobs/sha256");
    fs::create_dir_all(&place).unwrap();
    let mut blobs = blobs(layers);
    let index = index(blobs.last().unwrap());
    blobs.push((digest(&index), index));
    for (name, blob) in &blobs {
        fs::write(place.join(name.strip_prefix("sha256:").unwrap()), blob).unwrap();
    }
    let top = json!({ "schemaVersion": 2, "manifests": [{ "digest": blobs.last().unwrap().0,
        "annotations": { "org.opencontainers.image.ref.name": "layout:1" } }] });
    fs::write(folder.path().join("index.json"), top.to_string()).unwrap();
    fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    folder
}

/// A file with this content.
pub fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}
