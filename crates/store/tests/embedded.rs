//! What the embedded engine does beyond its ports: reopening, locking, refusing, and bearing with its disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path, time::Instant};

use futures_util::future::join_all;
use tempfile::TempDir;
use wisp_core::{
    Code,
    model::ActivationId,
    ports::{Expect, FollowUp, Query, Revision, Scope, Write},
};
use wisp_store::{Config, Engine};
use wisp_testkit::fixtures;

fn config(directory: &Path) -> Config {
    Config {
        directory: directory.to_owned(),
        reserve: 0,
        ..Config::default()
    }
}

fn open(directory: &Path) -> Engine {
    wisp_store::open("embedded", &config(directory)).unwrap()
}

fn write(key: &str, value: &'static str) -> Vec<Write> {
    vec![Write {
        table: "things",
        key: key.into(),
        value: Some(value.into()),
        expect: Expect::Any,
    }]
}

fn all() -> Scope {
    Scope {
        namespace: fixtures::namespace("guest"),
        name: None,
        since: None,
        upto: None,
    }
}

async fn finish(engine: &Engine, id: u128, start: u64) -> wisp_core::Result<()> {
    engine
        .activations
        .finish(fixtures::shared("guest", "greet", id, start))
        .await
}

async fn starts(engine: &Engine) -> Vec<u64> {
    let page = engine
        .activations
        .list(&Query {
            scope: all(),
            skip: 0,
            limit: 10_000,
        })
        .await
        .unwrap();
    let start = |json: &bytes::Bytes| {
        serde_json::from_slice::<wisp_core::model::Activation>(json)
            .unwrap()
            .start
    };
    page.iter().map(start).collect()
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path());
    let first = engine.records.commit(write("a", "one")).await.unwrap();
    let mut gone = write("b", "x");
    engine.records.commit(gone.clone()).await.unwrap();
    gone[0].value = None;
    let last = engine.records.commit(gone).await.unwrap();
    engine
        .activations
        .accept(&fixtures::accepted("guest", 1, 5))
        .await
        .unwrap();
    finish(&engine, 2, 7).await.unwrap();
    let digest = engine.blobs.put("code".into()).await.unwrap();
    engine.close().await.unwrap();
    let error = finish(&engine, 3, 8).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    engine.close().await.unwrap();
    drop(engine);

    let engine = open(directory.path());
    assert_eq!(
        engine
            .records
            .get("things", "a")
            .await
            .unwrap()
            .map(|record| record.revision),
        Some(first)
    );
    assert!(
        engine.records.commit(write("c", "x")).await.unwrap() > last,
        "revisions go on where they were"
    );
    assert_eq!(engine.activations.unfinished().await.unwrap().len(), 1);
    assert_eq!(starts(&engine).await, [7]);
    assert_eq!(engine.activations.count(&all()).await.unwrap(), 1);
    assert_eq!(engine.blobs.get(&digest).await.unwrap().as_deref(), Some(&b"code"[..]));
    finish(&engine, 1, 9).await.unwrap();
    assert!(engine.activations.unfinished().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_length_of_buckets_may_change() {
    let directory = TempDir::new().unwrap();
    let mut expected = Vec::new();
    for (round, minutes) in [60, 7, 1440, 1, 60].into_iter().enumerate() {
        let config = Config {
            bucket_minutes: minutes,
            ..config(directory.path())
        };
        let engine = wisp_store::open("embedded", &config).unwrap();
        for step in 0..40_u64 {
            let start = 1_700_000_000_000 + (step * 37 % 40) * 777_777 + round as u64;
            finish(&engine, u128::from(step) << 8 | round as u128, start)
                .await
                .unwrap();
            expected.push(start);
        }
        expected.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(starts(&engine).await, expected, "after buckets of {minutes} minutes");
        assert_eq!(engine.activations.count(&all()).await.unwrap(), expected.len() as u64);
    }
}

#[tokio::test]
async fn one_server_has_the_directory_alone() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path());
    let error = wisp_store::open("embedded", &config(directory.path()))
        .err()
        .expect("it is in use");
    assert_eq!(error.code(), Code::Locked);
    let (path, pid) = (directory.path().display(), std::process::id());
    assert_eq!(
        error.message(),
        format!("the data directory {path} is in use by the process {pid}")
    );
    drop(engine);
    open(directory.path());
}

#[tokio::test]
async fn a_later_format_is_refused() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    let refused = |text: &str| {
        fs::write(directory.path().join("format"), text).unwrap();
        wisp_store::open("embedded", &config(directory.path()))
            .err()
            .expect("not a format of this program")
    };
    let later = refused("2\n");
    assert_eq!(later.code(), Code::Config);
    assert!(
        later
            .message()
            .contains("has format 2, of a later Wisp; this one reads formats up to 1"),
        "{later}"
    );
    assert_eq!(refused("x").code(), Code::Corrupted);
    fs::write(directory.path().join("format"), "1\n").unwrap();
    open(directory.path());
}

#[test]
fn an_unknown_engine_is_refused_with_the_known_ones() {
    let error = wisp_store::open("paper", &Config::default())
        .err()
        .expect("there is no such engine");
    assert_eq!(error.code(), Code::Config);
    assert_eq!(
        error.message(),
        "there is no storage engine 'paper'; available: embedded, memory"
    );
}

#[tokio::test]
async fn damaged_blobs_are_not_returned_and_can_be_put_again() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path());
    let digest = engine.blobs.put("code".into()).await.unwrap();
    let folder = directory.path().join("blobs").join(&digest[..2]);
    fs::write(folder.join(&digest), "c0de").unwrap();
    assert_eq!(engine.blobs.get(&digest).await.unwrap_err().code(), Code::Corrupted);
    assert_eq!(engine.blobs.put("code".into()).await.unwrap(), digest);
    assert_eq!(engine.blobs.get(&digest).await.unwrap().as_deref(), Some(&b"code"[..]));
    drop(engine);
    fs::write(folder.join(".new-left-over"), "x").unwrap();
    let engine = open(directory.path());
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        1,
        "what a crash left is removed"
    );
    assert_eq!(engine.blobs.get(&digest).await.unwrap().as_deref(), Some(&b"code"[..]));
}

/// A file system of its own, of some MB, if this process may make one.
struct Disk(TempDir);

impl Disk {
    fn new(megabytes: u64) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let options = format!("size={megabytes}m");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(directory.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(directory)),
            other => {
                eprintln!("skipped: cannot mount a file system here: {other:?}");
                None
            }
        }
    }

    fn fill(&self, megabytes: usize) {
        // Fails when the disk is full, which is just what is wanted.
        let _ = fs::write(self.0.path().join("ballast"), vec![1; megabytes << 20]);
    }

    fn empty(&self) {
        fs::remove_file(self.0.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_space_again() {
    let Some(disk) = Disk::new(80) else { return };
    let config = Config {
        reserve: 20,
        ..config(&disk.0.path().join("data"))
    };
    let engine = wisp_store::open("embedded", &config).unwrap();
    finish(&engine, 1, 7).await.unwrap();
    engine.records.commit(write("a", "one")).await.unwrap();
    disk.fill(65);
    let errors = [
        finish(&engine, 2, 8).await.unwrap_err(),
        engine
            .activations
            .accept(&fixtures::accepted("guest", 3, 9))
            .await
            .unwrap_err(),
        engine.records.commit(write("a", "two")).await.unwrap_err(),
        engine.blobs.put("code".into()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), Code::Storage);
        assert!(error.message().contains("MB free, and 20 MB must stay free"), "{error}");
    }
    assert_eq!(starts(&engine).await, [7], "reads go on");
    assert!(engine.activations.unfinished().await.unwrap().is_empty());
    assert_eq!(engine.records.get("things", "a").await.unwrap().unwrap().value, "one");
    disk.empty();
    finish(&engine, 2, 8).await.unwrap();
    engine.records.commit(write("a", "two")).await.unwrap();
    engine.blobs.put("code".into()).await.unwrap();
    assert_eq!(starts(&engine).await, [8, 7]);
}

#[tokio::test]
async fn a_failed_write_loses_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::new(40) else { return };
    let directory = disk.0.path().join("data");
    let engine = open(&directory);
    finish(&engine, 1, 1).await.unwrap();
    disk.fill(40);
    let mut acknowledged = vec![1];
    let mut refused = None;
    for id in 2..20_000_u64 {
        match finish(&engine, u128::from(id), id).await {
            Ok(()) => acknowledged.push(id),
            Err(error) => refused = Some(error),
        }
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("the disk is full in the end");
    assert_eq!(refused.code(), Code::Storage, "{refused:?}");
    acknowledged.reverse();
    assert_eq!(
        starts(&engine).await.len(),
        acknowledged.len().min(10_000),
        "reads go on"
    );
    disk.empty();
    drop(engine);
    let engine = open(&directory);
    let found = starts(&engine).await;
    assert!(
        found == acknowledged || found[1..] == acknowledged,
        "{} and {}",
        found.len(),
        acknowledged.len()
    );
    finish(&engine, 99_999, 99_999).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_records_reopen_soon() {
    const COUNT: u128 = 100_000;
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path());
    let began = Instant::now();
    let writer = async |first: u128| {
        for id in (first..COUNT).step_by(64) {
            finish(&engine, id, 1_700_000_000_000 + id as u64 * 100).await.unwrap();
        }
    };
    join_all((0..64).map(writer)).await;
    println!("{COUNT} records written in {:?}", began.elapsed());
    engine.close().await.unwrap();
    drop(engine);
    let began = Instant::now();
    let engine = open(directory.path());
    println!("opened in {:?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(engine.activations.count(&all()).await.unwrap(), COUNT as u64);
    println!("counted in {:?}", began.elapsed());
    let found = engine
        .activations
        .get(&fixtures::namespace("guest"), ActivationId::from_bits(COUNT / 2))
        .await;
    assert!(found.unwrap().is_some());
}

#[tokio::test]
async fn a_failed_delivery_and_what_follows_survive_a_reopening() {
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path());
    let first = fixtures::delivery("guest", 1, 7);
    engine.activations.accept(&first).await.unwrap();
    engine
        .activations
        .finish(fixtures::failed("guest", "greet", 1, 8))
        .await
        .unwrap();
    engine.close().await.unwrap();
    drop(engine);

    let engine = open(directory.path());
    assert_eq!(engine.activations.unfinished().await.unwrap().len(), 1);
    engine
        .activations
        .finish(fixtures::failed("guest", "greet", 1, 8))
        .await
        .unwrap();
    assert!(
        engine.activations.is_promised(first.id).await.unwrap(),
        "what is a delivery is known after a start, too"
    );
    let letter = |expect| FollowUp {
        settled: Some(first.id),
        promised: Some(fixtures::delivery("guest", 2, 9)),
        writes: vec![Write {
            table: "letters",
            key: "1".into(),
            value: Some("gone".into()),
            expect,
        }],
    };
    let refused = engine
        .activations
        .follow(letter(Expect::At(Revision(77))))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Conflict);
    assert!(
        engine.activations.is_promised(first.id).await.unwrap(),
        "nothing of it is done"
    );
    let mut changes = engine.records.watch();
    engine.activations.follow(letter(Expect::Absent)).await.unwrap();
    assert_eq!(changes.recv().await.unwrap().key, "1");
    engine.close().await.unwrap();
    drop(engine);

    let engine = open(directory.path());
    let open = engine.activations.unfinished().await.unwrap();
    assert_eq!(open.len(), 1);
    let promise = engine.activations.promise(open[0]).await.unwrap();
    assert_eq!(promise.map(|promise| promise.at), Some(9));
    let record = engine.records.get("letters", "1").await.unwrap();
    assert_eq!(record.map(|record| record.value), Some("gone".into()));
}
