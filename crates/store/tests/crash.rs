//! A process that writes under load is killed at random moments; what it was told is kept must be there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;
use wisp_core::{
    model::ActivationId,
    ports::{Expect, Query, Scope, Write},
};
use wisp_store::{Config, Engine};
use wisp_testkit::fixtures;

const ROUNDS: u64 = 15;
const WRITERS: u128 = 24;
const DIRECTORY: &str = "WISP_CRASH_DIRECTORY";
const ROUND: &str = "WISP_CRASH_ROUND";

fn open(directory: &Path) -> Engine {
    let config = Config {
        directory: directory.to_owned(),
        reserve: 0,
        bucket_minutes: 1,
        ..Config::default()
    };
    wisp_store::open("embedded", &config).unwrap()
}

fn say(line: String) {
    // One write a line, so that none is cut.
    std::io::stdout().write_all(format!("\n> {line}\n").as_bytes()).unwrap();
}

/// The process that is killed: this test alone, told its directory by the environment.
#[test]
fn victim() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let round: u128 = std::env::var(ROUND).unwrap().parse().unwrap();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
        .block_on(async {
            let engine = open(&PathBuf::from(directory));
            say("ready".into());
            let writers =
                (0..WRITERS).map(|writer| tokio::spawn(write(engine.clone(), (round << 64) + (writer << 32))));
            for writer in writers.collect::<Vec<_>>() {
                writer.await.unwrap();
            }
        });
}

async fn write(engine: Engine, first: u128) {
    for id in first.. {
        let start = 1_700_000_000_000 + (id as u64 & 0xffff) * 7_919;
        if !id.is_multiple_of(3) {
            engine
                .activations
                .accept(&fixtures::accepted("guest", id, start))
                .await
                .unwrap();
            say(format!("accepted {id}"));
        }
        if !id.is_multiple_of(4) {
            say(format!("ending {id}"));
            engine
                .activations
                .finish(fixtures::shared("guest", "tools/greet", id, start))
                .await
                .unwrap();
            say(format!("finished {id}"));
        }
        if id.is_multiple_of(5) {
            let value = Some(Bytes::from(id.to_string()));
            let write = Write {
                table: "things",
                key: id.to_string(),
                value,
                expect: Expect::Absent,
            };
            let revision = engine.records.commit(vec![write]).await.unwrap();
            say(format!("stored {id} {}", revision.0));
        }
    }
}

/// What the victims were told.
#[derive(Default)]
struct Told {
    accepted: HashSet<u128>,
    ending: HashSet<u128>,
    finished: HashSet<u128>,
    stored: HashMap<u128, u64>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [">", "accepted", id] => drop(self.accepted.insert(id.parse().unwrap())),
            [">", "ending", id] => drop(self.ending.insert(id.parse().unwrap())),
            [">", "finished", id] => drop(self.finished.insert(id.parse().unwrap())),
            [">", "stored", id, revision] => {
                self.stored.insert(id.parse().unwrap(), revision.parse().unwrap());
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = TempDir::new().unwrap();
    let mut told = Told::default();
    for round in 1..=ROUNDS {
        run_and_kill(directory.path(), round, &mut told);
        let began = std::time::Instant::now();
        let engine = open(directory.path());
        let opened = began.elapsed();
        verify(&engine, &told).await;
        let (accepted, finished) = (told.accepted.len(), told.finished.len());
        println!("round {round}: {accepted} accepted, {finished} finished, all found; opened in {opened:?}");
        engine.close().await.unwrap();
    }
    assert!(
        told.finished.len() > 1000,
        "the victims did some work: {}",
        told.finished.len()
    );
}

fn run_and_kill(directory: &Path, round: u64, told: &mut Told) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut killer = None;
    for line in output.lines() {
        let line = line.unwrap();
        if line == "> ready" {
            // Times that are spread over a commit, a sync and a flush, and the same in every run.
            let pause = Duration::from_micros(5_000 + round * 7_919_977 % 600_000);
            let pid = child.id().to_string();
            killer = Some(std::thread::spawn(move || {
                std::thread::sleep(pause);
                Command::new("kill").args(["-9", &pid]).status().unwrap();
            }));
        }
        told.hear(&line);
    }
    killer.expect("the victim became ready").join().unwrap();
    assert!(
        !child.wait().unwrap().success(),
        "it was killed, and did not end by itself"
    );
}

async fn verify(engine: &Engine, told: &Told) {
    let unfinished = engine.activations.unfinished().await.unwrap();
    let unfinished: HashSet<u128> = unfinished.into_iter().map(bits).collect();
    let guest = fixtures::namespace("guest");
    let all = Scope {
        namespace: guest.clone(),
        name: None,
        since: None,
        upto: None,
    };
    let listed = engine
        .activations
        .list(&Query {
            scope: all.clone(),
            skip: 0,
            limit: u64::MAX,
        })
        .await
        .unwrap();
    let records: Vec<u128> = listed
        .iter()
        .map(|json| {
            bits(
                serde_json::from_slice::<wisp_core::model::Activation>(json)
                    .unwrap()
                    .activation_id,
            )
        })
        .collect();
    let recorded: HashSet<u128> = records.iter().copied().collect();
    assert_eq!(recorded.len(), records.len(), "no record is listed twice");
    for name in [None, Some("greet".to_owned()), Some("tools/greet".to_owned())] {
        let scope = Scope { name, ..all.clone() };
        assert_eq!(
            engine.activations.count(&scope).await.unwrap(),
            records.len() as u64,
            "{scope:?}"
        );
    }
    for id in &told.finished {
        assert!(recorded.contains(id), "{id} was finished");
        assert!(
            engine
                .activations
                .get(&guest, ActivationId::from_bits(*id))
                .await
                .unwrap()
                .is_some()
        );
    }
    for id in &told.accepted {
        assert!(
            recorded.contains(id) != unfinished.contains(id),
            "{id} is in exactly one of the two"
        );
        assert!(
            told.ending.contains(id) || unfinished.contains(id),
            "{id} was only accepted"
        );
    }
    assert!(
        recorded.iter().all(|id| told.ending.contains(id)),
        "nothing was recorded that did not end"
    );
    for (id, revision) in &told.stored {
        let record = engine
            .records
            .get("things", &id.to_string())
            .await
            .unwrap()
            .expect("it was stored");
        assert_eq!(
            (record.revision.0, record.value),
            (*revision, Bytes::from(id.to_string()))
        );
    }
}

fn bits(id: ActivationId) -> u128 {
    u128::from_be_bytes(id.to_bytes())
}
