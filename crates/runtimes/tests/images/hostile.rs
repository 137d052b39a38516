//! Layers that want to be somewhere else, or something else.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::PathBuf,
};

use wisp_core::ports::{Images, ImportOptions};

use super::{
    fixture::{Entry, archive, file, saved},
    support::Platform,
};

/// Imports an image with this layer; its directory, or why it was refused.
async fn layer(platform: &Platform, entries: &[(&str, Entry<'_>)]) -> Result<PathBuf, String> {
    let (_kept, path) = file(&saved("hostile", &[archive(entries)]));
    let imported = platform.images.import(&path, &ImportOptions::default()).await;
    imported.map_err(|error| error.message().to_owned())?;
    Ok(platform.images.ensure("hostile").await.unwrap().root().layers[0].clone())
}

#[tokio::test]
async fn nothing_is_written_outside_of_the_layer() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let (folder, victim_name) = (outside.path().to_str().unwrap(), victim.to_str().unwrap());
    let up = format!("{}{victim_name}", "../".repeat(20));
    let platform = Platform::new();
    for entries in [
        vec![(up.as_str(), Entry::File(b"evil"))],
        vec![("a/../../x", Entry::File(b"evil"))],
        vec![("way", Entry::Link(folder)), ("way/victim", Entry::File(b"evil"))],
        vec![
            ("way", Entry::Link(folder)),
            ("way/new/", Entry::Directory),
            ("way/new/file", Entry::File(b"evil")),
        ],
        vec![("way", Entry::Link(folder)), ("way/.wh.victim", Entry::File(b""))],
        vec![("hard", Entry::Hard(&up)), ("hard", Entry::File(b"evil"))],
        vec![("way", Entry::Link(folder)), ("hard", Entry::Hard("way/victim"))],
        vec![(".wh...", Entry::File(b""))],
        vec![(".wh..", Entry::File(b""))],
        vec![(".wh.", Entry::File(b""))],
    ] {
        let refused = layer(&platform, &entries).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_link_is_replaced_and_never_written_through() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let platform = Platform::new();
    let entries = [
        ("name", Entry::Link(victim.to_str().unwrap())),
        ("name", Entry::File(b"own")),
    ];
    let place = layer(&platform, &entries).await.unwrap();
    assert_eq!(fs::read_to_string(place.join("name")).unwrap(), "own");
    // An absolute name begins at the layer's directory, as it does in the image.
    let place = layer(&platform, &[("/etc/name", Entry::File(b"own"))]).await.unwrap();
    assert_eq!(fs::read_to_string(place.join("etc/name")).unwrap(), "own");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
}

#[tokio::test]
async fn devices_are_dropped_and_nobody_becomes_somebody_else() {
    let platform = Platform::new();
    let entries = [
        ("null", Entry::Kind(tar::EntryType::Char)),
        ("disk", Entry::Kind(tar::EntryType::Block)),
        ("pipe", Entry::Kind(tar::EntryType::Fifo)),
        ("su", Entry::File(b"#!/bin/sh\n")),
        ("twin", Entry::Hard("su")),
    ];
    let place = layer(&platform, &entries).await.unwrap();
    for gone in ["null", "disk", "pipe"] {
        assert!(!place.join(gone).exists(), "{gone}");
    }
    assert_eq!(fs::metadata(place.join("su")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(
        fs::metadata(place.join("twin")).unwrap().ino(),
        fs::metadata(place.join("su")).unwrap().ino()
    );
}

#[tokio::test]
async fn whiteouts_are_what_overlayfs_takes_for_them() {
    let platform = Platform::new();
    let entries = [
        ("gone/.wh.file", Entry::File(b"")),
        ("fresh/.wh..wh..opq", Entry::File(b"")),
        (".wh..wh.aufs", Entry::File(b"")),
    ];
    let place = layer(&platform, &entries).await.unwrap();
    let hidden = fs::symlink_metadata(place.join("gone/file")).unwrap();
    assert!(hidden.file_type().is_char_device() && hidden.rdev() == 0);
    let name = if rustix::process::geteuid().is_root() {
        "trusted.overlay.opaque"
    } else {
        "user.overlay.opaque"
    };
    let mut value = [0; 4];
    assert_eq!(rustix::fs::getxattr(place.join("fresh"), name, &mut value).unwrap(), 1);
    assert_eq!(fs::read_dir(&place).unwrap().count(), 2);
}
