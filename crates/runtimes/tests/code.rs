//! Unpacking: what users send must not reach beyond its directory, nor beyond its limits.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use support::{Memory, code_ref};
use wisp_core::{Code as ErrorCode, Error};
use wisp_runtimes::code::{Cache, Code, Config, Lease};
use zip::{ZipWriter, write::SimpleFileOptions};

struct Fixture {
    cache: Cache,
    blobs: Arc<Memory>,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new(config: Config) -> Self {
        let blobs = Arc::new(Memory::default());
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(blobs.clone(), directory.path().join("code"), config).unwrap();
        Self {
            cache,
            blobs,
            directory,
        }
    }

    async fn unpack(&self, code: Vec<u8>) -> Result<Lease, Error> {
        let code = code_ref(&self.blobs, code, true).await;
        match self.cache.materialise(&code).await? {
            Code::Directory(lease) => Ok(lease),
            Code::Text(text) => panic!("unpacked to text: {text}"),
        }
    }

    /// Whatever there is beside the cache, and below it.
    fn names(&self) -> Vec<String> {
        let list = |path: &Path| {
            fs::read_dir(path)
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
        };
        let root = self.directory.path();
        let mut names: Vec<_> = list(root).chain(list(&root.join("code"))).collect();
        names.sort();
        names
    }
}

enum Item<'a> {
    File(&'a str, &'a [u8]),
    Link(&'a str, &'a str),
    Directory(&'a str),
}
use Item::{Directory, File, Link};

fn zip(items: &[Item<'_>]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for item in items {
        match item {
            File(name, content) => {
                zip.start_file(*name, options).unwrap();
                zip.write_all(content).unwrap();
            }
            Link(name, target) => zip.add_symlink(*name, *target, options).unwrap(),
            Directory(name) => zip.add_directory(*name, options).unwrap(),
        }
    }
    zip.finish().unwrap().into_inner()
}

fn tar_gz(entries: &[(&str, tar::EntryType, &[u8], &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, content, target) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o4755);
        // By hand: the library refuses to write the names that an attacker would.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn archives_and_programs_become_directories() {
    let fixture = Fixture::new(Config::default());
    let archive = zip(&[
        File("index.js", b"one"),
        Directory("empty/"),
        File("node_modules/a/b.js", b"two"),
        Link("node_modules/.bin/b", "../a/b.js"),
        File("exec", b"three"),
    ]);
    let lease = fixture.unpack(archive).await.unwrap();
    let read = |name: &str| fs::read_to_string(lease.path().join(name)).unwrap();
    assert_eq!(
        (read("index.js"), read("node_modules/.bin/b"), read("exec")),
        ("one".into(), "two".into(), "three".into())
    );
    let mode = |name: &str| fs::metadata(lease.path().join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        (mode("index.js"), mode("exec"), lease.path().join("empty").is_dir()),
        (0o644, 0o755, true)
    );

    let archive = tar_gz(&[
        ("lib/run", tar::EntryType::Regular, b"x", ""),
        ("current", tar::EntryType::Symlink, b"", "lib"),
    ]);
    let lease = fixture.unpack(archive).await.unwrap();
    let run = fs::metadata(lease.path().join("current/run")).unwrap();
    assert_eq!(run.permissions().mode() & 0o7777, 0o755, "no set-user-id bit survives");

    let lease = fixture.unpack(b"#!/bin/sh\n".to_vec()).await.unwrap();
    assert_eq!(fs::read(lease.path().join("exec")).unwrap(), b"#!/bin/sh\n");
}

#[tokio::test]
async fn nothing_leaves_its_directory() {
    let fixture = Fixture::new(Config::default());
    let before = fixture.names();
    for items in [
        &[File("../evil", b"x")][..],
        &[File("a/../../evil", b"x")],
        &[File("/tmp/wisp-evil", b"x")],
        &[Link("evil", "../..")],
        &[Link("evil", "/etc/passwd")],
        &[Link("a", "."), Link("a/b", "../../evil")],
        &[Link("a/b/up", "../.."), Link("a/b/evil", "up/..")],
        &[Link("a", "b"), File("a/evil", b"x")],
        &[File("a", b"x"), File("a/evil", b"x")],
        &[Directory("a"), File("a", b"x")],
    ] {
        let error = fixture.unpack(zip(items)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequest, "{error:?}");
    }
    for entries in [
        &[("../evil", tar::EntryType::Regular, &b"x"[..], "")][..],
        &[("/tmp/wisp-evil", tar::EntryType::Regular, b"x", "")],
        &[("evil", tar::EntryType::Symlink, b"", "../..")],
        &[("evil", tar::EntryType::Link, b"", "/etc/passwd")],
        &[("evil", tar::EntryType::Char, b"", "")],
        &[("evil", tar::EntryType::Fifo, b"", "")],
    ] {
        let error = fixture.unpack(tar_gz(entries)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadRequest, "{error:?}");
    }
    assert_eq!(fixture.names(), before, "refused code leaves nothing behind");
}

#[tokio::test]
async fn limits_hold_whatever_an_archive_claims() {
    let limits = Config {
        unpacked_size: 3 << 20,
        entries: 10,
        depth: 4,
        ..Config::default()
    };
    let fixture = Fixture::new(limits.clone());
    let many: Vec<String> = (0..11).map(|n| format!("f{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| File(name, b"")).collect();
    let noise: Vec<u8> = (0..4_u64 << 20)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u8)
        .collect();
    let long_name = vec![b'n'; 100 << 10];
    for (code, reason) in [
        (zip(&[File("zeros", &vec![0; 2 << 20])]), "200 times"),
        (zip(&[File("noise", &noise)]), "more than 3145728 bytes"),
        (zip(&many), "more than 10 entries"),
        (zip(&[File("a/b/c/d/e", b"")]), "deeper than 4"),
        (
            tar_gz(&[("././@LongLink", tar::EntryType::GNULongName, &long_name, "")]),
            "header of 102400 bytes",
        ),
    ] {
        let error = fixture.unpack(code).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::TooLarge, "{error:?}");
        assert!(error.message().contains(reason), "{error:?}");
    }
    for code in [
        b"neither".to_vec(),
        b"PK\x03\x04broken".to_vec(),
        b"\x1f\x8bbroken".to_vec(),
        Vec::new(),
    ] {
        assert_eq!(fixture.unpack(code).await.unwrap_err().code(), ErrorCode::BadRequest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_users_share_one_directory() {
    let fixture = Fixture::new(Config::default());
    let code = code_ref(&fixture.blobs, zip(&[File("index.js", b"x")]), true).await;
    let (a, b) = tokio::join!(fixture.cache.materialise(&code), fixture.cache.materialise(&code));
    let (Ok(Code::Directory(a)), Ok(Code::Directory(b))) = (a, b) else {
        panic!("not unpacked")
    };
    assert_eq!(a.path(), b.path());
    assert_eq!(fixture.names().len(), 2);
}

#[tokio::test]
async fn the_least_recently_used_goes_first_but_never_what_is_in_use() {
    let fixture = Fixture::new(Config {
        cache_size: 2500,
        ..Config::default()
    });
    let archive = |byte: u8| zip(&[File("file", &[byte; 1000])]);
    let held = fixture.unpack(archive(1)).await.unwrap();
    let second = fixture.unpack(archive(2)).await.unwrap().path().to_owned();
    let third = fixture.unpack(archive(3)).await.unwrap().path().to_owned();
    assert!(held.path().exists() && !second.exists() && third.exists());
    assert!(fixture.unpack(archive(2)).await.unwrap().path().join("file").exists());
    assert!(held.path().exists() && !third.exists());
}
