//! Every engine of the table, held against the contracts of its ports.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use proptest::{prelude::ProptestConfig, test_runner::TestRunner};
use tempfile::TempDir;
use tokio::runtime::Builder;
use wisp_store::{Config, ENGINES, Engine};
use wisp_testkit::conformance;

/// Opens empty stores, each in a directory of its own, removed in the end.
#[derive(Default)]
struct Opener(Mutex<Vec<TempDir>>);

impl Opener {
    fn open(&self, name: &str, change: impl Fn(&mut Config)) -> Engine {
        let directory = TempDir::new().unwrap();
        let mut config = Config {
            directory: directory.path().to_owned(),
            reserve: 0,
            ..Config::default()
        };
        change(&mut config);
        self.0.lock().unwrap().push(directory);
        wisp_store::open(name, &config).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records() {
    for (name, _) in ENGINES {
        let opener = Opener::default();
        conformance::records::suite(&|| opener.open(name, |_| {}).records).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs() {
    for (name, _) in ENGINES {
        let opener = Opener::default();
        conformance::blobs::suite(&|| opener.open(name, |_| {}).blobs).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activations() {
    for (name, _) in ENGINES {
        let opener = Opener::default();
        conformance::activations::suite(&|| opener.open(name, |_| {}).activations).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn journal() {
    for (name, _) in ENGINES {
        let opener = Opener::default();
        conformance::journal::suite(&|| opener.open(name, |_| {}).journal).await;
        conformance::journal::suite(&|| opener.open(name, |config| config.sync_interval = 0).journal).await;
    }
}

#[test]
fn any_history_of_activations() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    for (name, _) in ENGINES {
        for minutes in [60, 1] {
            let opener = Opener::default();
            let port = opener.open(name, |config| config.bucket_minutes = minutes).activations;
            let rounds = AtomicU64::new(0);
            let config = ProptestConfig {
                cases: 100,
                failure_persistence: None,
                ..ProptestConfig::default()
            };
            let checked = TestRunner::new(config).run(&conformance::activations::histories(), |history| {
                let round = rounds.fetch_add(1, Relaxed);
                runtime.block_on(conformance::activations::check_history(&port, round, &history))
            });
            checked.unwrap_or_else(|error| panic!("{name}, buckets of {minutes} minutes: {error}"));
        }
    }
}
