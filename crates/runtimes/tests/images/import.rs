use std::{fs, process::Command};

use wisp_core::{
    Code,
    ports::{Images, ImportOptions},
};
use wisp_runtimes::{images::Config, languages};

use super::{
    fixture::{Entry, archive, file, gzip, layout, runtime, saved},
    support::Platform,
};

fn named(name: &str) -> ImportOptions {
    ImportOptions {
        name: Some(name.into()),
        ..ImportOptions::default()
    }
}

#[tokio::test]
async fn all_three_forms_are_imported_and_share_their_layers() {
    let platform = Platform::new();
    let layers = [runtime(), archive(&[("top", Entry::File(b"top"))])];
    let (_kept, path) = file(&gzip(&saved("saved:1", &layers)));
    let images = platform.images.import(&path, &ImportOptions::default()).await.unwrap();
    assert_eq!(images[0].names, ["docker.io/library/saved:1"]);
    assert_eq!(
        (images[0].command.as_slice(), images[0].user.as_str()),
        (["/start".to_owned()].as_slice(), "33:44")
    );
    let folder = layout(&layers);
    let images = platform
        .images
        .import(folder.path(), &ImportOptions::default())
        .await
        .unwrap();
    assert_eq!(
        images[0].names,
        ["docker.io/library/layout:1", "docker.io/library/saved:1"]
    );
    let packed = folder.path().join("layout.tar");
    let status = Command::new("tar")
        .arg("-C")
        .arg(folder.path())
        .arg("-cf")
        .arg(&packed)
        .args(["blobs", "index.json", "oci-layout"])
        .status();
    assert!(status.unwrap().success());
    assert_eq!(
        platform.images.import(&packed, &named("packed")).await.unwrap()[0]
            .names
            .len(),
        3
    );
    let (_kept, path) = file(&gzip(&layers[0]));
    let options = ImportOptions {
        command: vec!["/start".into()],
        environment: vec!["A=1".into()],
        ..named("plain")
    };
    let plain = platform.images.import(&path, &options).await.unwrap().remove(0);
    assert_eq!(plain.layers, images[0].layers[..1]);
    let listed = platform.images.list().await.unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
}

#[tokio::test]
async fn a_deleted_image_takes_the_layers_along_that_no_other_needs() {
    let platform = Platform::new();
    let (_first, first) = file(&saved("first", &[runtime(), archive(&[("a", Entry::File(b"a"))])]));
    let (_second, second) = file(&saved("second", &[runtime()]));
    let image = platform
        .images
        .import(&first, &ImportOptions::default())
        .await
        .unwrap()
        .remove(0);
    platform
        .images
        .import(&second, &ImportOptions::default())
        .await
        .unwrap();
    let held = platform.images.ensure("first").await.unwrap();
    let top = held.root().layers[1].clone();
    platform.images.delete("first").await.unwrap();
    assert!(top.exists(), "it may still run");
    drop(held);
    assert_eq!(platform.images.get("first").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(
        platform.images.delete("second").await.unwrap().layers,
        image.layers[..1]
    );
    assert!(!top.exists());
    assert!(platform.images.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_image_is_refused_in_words() {
    let platform = Platform::new();
    let mut wrong = saved("wrong", &[runtime()]);
    // A byte of the layer's content, not of a header.
    let at = wrong.windows(5).rposition(|window| window == b"below").unwrap();
    wrong[at] = b'B';
    for (bytes, words) in [
        (wrong, "is not what its configuration says"),
        (archive(&[("manifest.json", Entry::File(b"[]"))]), "no image in it"),
        (archive(&[("manifest.json", Entry::File(b"nonsense"))]), "not valid"),
        (saved("a b", &[runtime()]), "could not parse image name"),
        (runtime(), "no name of its own"),
        (vec![7; 2000], "damaged"),
    ] {
        let (_kept, path) = file(&bytes);
        let error = platform
            .images
            .import(&path, &ImportOptions::default())
            .await
            .unwrap_err();
        assert!(error.message().contains(words), "{words}: {error}");
    }
    assert!(platform.images.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn limits_hold() {
    let check = async |config: Config, entries: &[(&str, Entry<'_>)], setting: &str| {
        let platform = Platform::with_images(languages::Config::default(), config);
        let (_kept, path) = file(&gzip(&archive(entries)));
        let error = platform.images.import(&path, &named("big")).await.unwrap_err();
        assert_eq!(error.code(), Code::TooLarge, "{setting}: {error}");
        let left = platform.images.ensure("big").await;
        assert!(left.is_err());
    };
    let bomb = vec![0; 4 << 20];
    let layer_size = Config {
        layer_size: 1 << 20,
        ..Config::default()
    };
    check(layer_size, &[("bomb", Entry::File(&bomb))], "layer_size").await;
    let image_size = Config {
        image_size: 1 << 20,
        ..Config::default()
    };
    check(image_size, &[("bomb", Entry::File(&bomb))], "image_size").await;
    let store_size = Config {
        store_size: 1 << 20,
        ..Config::default()
    };
    check(store_size, &[("bomb", Entry::File(&bomb))], "store_size").await;
    let entries = Config {
        entries: 2,
        ..Config::default()
    };
    let many = [
        ("a", Entry::Directory),
        ("b", Entry::Directory),
        ("c", Entry::Directory),
    ];
    check(entries, &many, "entries").await;
    let depth = Config {
        depth: 2,
        ..Config::default()
    };
    check(depth, &[("a/b/c/d", Entry::File(b""))], "depth").await;
}

#[tokio::test]
async fn images_outlive_the_server() {
    let platform = Platform::new();
    let (_kept, path) = file(&saved("kept", &[runtime()]));
    platform.images.import(&path, &ImportOptions::default()).await.unwrap();
    let root = platform.images.ensure("kept").await.unwrap().root();
    let directory = root.layers[0].ancestors().nth(2).unwrap().to_owned();
    fs::create_dir(directory.join("layers/0123")).unwrap();
    fs::write(directory.join("partial/1"), "unfinished").unwrap();
    let clock = std::sync::Arc::new(super::support::RealTime::new());
    let again = wisp_runtimes::images::Store::open(directory.clone(), Config::default(), clock).unwrap();
    assert_eq!(again.ensure("kept").await.unwrap().root(), root);
    assert!(!directory.join("layers/0123").exists() && !directory.join("partial/1").exists());
}
