//! What the embedded engine does in a second, and what it costs.
//!
//! `cargo run --release -p wisp-store --example measure -- [records] [milliseconds between two] [directory]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use wisp_core::{
    model::ActivationId,
    ports::{Query, Retention, Scope},
};
use wisp_store::{Config, Engine};
use wisp_testkit::fixtures;

/// How long each rate is measured.
const SPELL: Duration = Duration::from_secs(3);
/// The first start.
const NOON: u64 = 28_333_333 * 60_000;
/// Spreads ids like random ones.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments.next().map_or(1_000_000, |count| count.parse().unwrap());
    let apart: u64 = arguments.next().map_or(10, |apart| apart.parse().unwrap());
    let directory = tempfile::tempdir_in(arguments.next().map_or(std::env::temp_dir(), PathBuf::from)).unwrap();
    println!("idle: {}", memory());
    rates(directory.path()).await;
    let data = directory.path().join("many");
    let began = Instant::now();
    let engine = open(&data);
    println!("made in {:?}: {}", began.elapsed(), memory());
    fill(&engine, records, apart).await;
    looks(&engine, records, apart).await;
    let began = Instant::now();
    engine.close().await.unwrap();
    drop(engine);
    println!("closed in {:?}", began.elapsed());
    let began = Instant::now();
    let engine = open(&data);
    println!("opened {records} records in {:?}; {}", began.elapsed(), memory());
    looks(&engine, records, apart).await;
    let began = Instant::now();
    let keep = |_: &str| Retention {
        age: u64::MAX,
        count: records / 2,
        bytes: u64::MAX,
    };
    let swept = engine.activations.sweep(NOON, &keep).await.unwrap();
    println!("swept {} records in {:?}; {}", swept.records, began.elapsed(), memory());
    looks(&engine, records, apart).await;
}

fn open(directory: &Path) -> Engine {
    wisp_store::open(
        "embedded",
        &Config {
            directory: directory.to_owned(),
            ..Config::default()
        },
    )
    .unwrap()
}

/// Resident memory and processor time of this process.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = |name: &str| {
        status
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default()
            .to_owned()
    };
    format!(
        "{} {}",
        line("VmRSS").replace(char::is_whitespace, ""),
        line("RssAnon").replace(char::is_whitespace, "")
    )
}

/// User and system time so far.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // utime and stime, in ticks of 10 ms.
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}

async fn rates(directory: &Path) {
    let alone = alone(directory);
    println!("one fdatasync for each write of 300 bytes: {alone:.0}/s");
    for clients in [1, 8, 64] {
        let engine = open(&directory.join(format!("accept-{clients}")));
        let rate = rate(clients, async |number| accept(&engine, number).await).await;
        println!("accept, {clients} clients: {rate}");
    }
    for clients in [1, 8, 64] {
        let engine = open(&directory.join(format!("finish-{clients}")));
        let rate = rate(clients, async |number| finish(&engine, number).await).await;
        println!("finish, {clients} clients: {rate}");
    }
    let engine = open(&directory.join("both"));
    let rate = rate(64, async |number| {
        accept(&engine, number).await;
        finish(&engine, number).await;
    })
    .await;
    println!("accept and finish, 64 clients: {rate}");
}

async fn accept(engine: &Engine, number: u64) {
    let promise = fixtures::accepted("guest", u128::from(number).wrapping_mul(SPREAD), NOON + number / 10);
    engine.activations.accept(&promise).await.unwrap();
}

async fn finish(engine: &Engine, number: u64) {
    let id = u128::from(number).wrapping_mul(SPREAD);
    let record = fixtures::shared("guest", "tools/greet", id, NOON + number / 10);
    engine.activations.finish(record).await.unwrap();
}

fn alone(directory: &Path) -> f64 {
    let mut file = File::create(directory.join("alone")).unwrap();
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < SPELL {
        file.write_all(&[7; 300]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

async fn rate(clients: u64, work: impl AsyncFn(u64)) -> String {
    let next = AtomicU64::new(0);
    let (began, before) = (Instant::now(), processor());
    let client = async || {
        let mut times = Vec::new();
        while began.elapsed() < SPELL {
            let start = Instant::now();
            work(next.fetch_add(1, Relaxed)).await;
            times.push(start.elapsed());
        }
        times
    };
    let mut times: Vec<Duration> = join_all((0..clients).map(|_| client()))
        .await
        .into_iter()
        .flatten()
        .collect();
    times.sort_unstable();
    let (count, spent) = (times.len(), processor() - before);
    let rate = count as f64 / began.elapsed().as_secs_f64();
    let (median, p99) = (times[count / 2], times[count * 99 / 100]);
    let each = spent.as_secs_f64() * 1e6 / count as f64;
    format!(
        "{rate:.0}/s, median {median:?}, p99 {p99:?}, {each:.1} µs of processor each; {}",
        memory()
    )
}

async fn fill(engine: &Engine, records: u64, apart: u64) {
    let (began, before) = (Instant::now(), processor());
    let engine = Arc::new(engine.clone());
    let writer = |first: u64| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for number in (first..records).step_by(64) {
                let action = ["tools/greet", "tools/other", "hello", "rare"][(number % 4) as usize];
                let id = u128::from(number).wrapping_mul(SPREAD);
                engine
                    .activations
                    .finish(fixtures::shared("guest", action, id, NOON + number * apart))
                    .await
                    .unwrap();
            }
        })
    };
    join_all((0..64).map(writer)).await;
    let each = (processor() - before).as_secs_f64() * 1e6 / records as f64;
    println!(
        "{records} records in {:?}, {each:.1} µs of processor each; {}",
        began.elapsed(),
        memory()
    );
}

async fn looks(engine: &Engine, records: u64, apart: u64) {
    let guest = fixtures::namespace("guest");
    let all = Scope {
        namespace: guest.clone(),
        name: None,
        since: None,
        upto: None,
    };
    let named = Scope {
        name: Some("tools/greet".into()),
        ..all.clone()
    };
    let half = Scope {
        since: Some(NOON + 12_345),
        upto: Some(NOON + records * apart / 2 + 6_789),
        ..all.clone()
    };
    for (what, scope) in [("all", &all), ("a name", &named), ("half", &half)] {
        let list = median(async || {
            let query = Query {
                scope: scope.clone(),
                skip: 0,
                limit: 30,
            };
            engine.activations.list(&query).await.unwrap().len() as u64
        });
        let deep = median(async || {
            let query = Query {
                scope: scope.clone(),
                skip: 100_000,
                limit: 30,
            };
            engine.activations.list(&query).await.unwrap().len() as u64
        });
        let count = median(async || engine.activations.count(scope).await.unwrap());
        println!(
            "  {what}: 30 newest {}, after 100000 {}, count {}",
            list.await,
            deep.await,
            count.await
        );
    }
    let step = AtomicU64::new(0);
    let get = median(async || {
        let number = u128::from(step.fetch_add(7_919, Relaxed) % records);
        let id = ActivationId::from_bits(number.wrapping_mul(SPREAD));
        u64::from(engine.activations.get(&guest, id).await.unwrap().is_some())
    });
    let unknown = median(async || {
        let id = ActivationId::from_bits(u128::from(step.fetch_add(1, Relaxed)));
        u64::from(engine.activations.get(&guest, id).await.unwrap().is_some())
    });
    println!("  get {}, unknown {}; {}", get.await, unknown.await, memory());
}

async fn median(work: impl AsyncFn() -> u64) -> String {
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..100 {
        let began = Instant::now();
        found = work().await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    format!("{:?} ({found})", times[50])
}
