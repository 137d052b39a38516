use std::{collections::BTreeSet, sync::Mutex};

use wisp_core::{
    model::ActivationId,
    ports::{Retention, Swept},
};

use super::{DAY, HOUR, MINUTE, NOON, Port, all, ids, of};
use crate::fixtures::{accepted, namespace, shared};

/// Keeps everything.
const FOREVER: Retention = Retention {
    age: u64::MAX,
    count: u64::MAX,
    bytes: u64::MAX,
};

pub(super) async fn suite(open: &dyn Fn() -> Port) {
    nothing_goes_without_need(open()).await;
    the_oldest_go_by_number(open()).await;
    the_oldest_go_by_size(open()).await;
    the_oldest_go_by_age(open()).await;
    each_namespace_has_its_policy(open()).await;
    late_records_are_seen_until_the_next_sweep(open()).await;
}

async fn fill(port: &Port, namespace: &str, ids: std::ops::Range<u128>, apart: u64) {
    for id in ids {
        let action = if id.is_multiple_of(2) { "tools/greet" } else { "other" };
        port.finish(shared(namespace, action, id, NOON + id as u64 * apart))
            .await
            .unwrap();
    }
}

fn newest(ids: std::ops::Range<u128>) -> Vec<u128> {
    ids.rev().collect()
}

async fn nothing_goes_without_need(port: Port) {
    assert_eq!(port.sweep(NOON, &|_| FOREVER).await.unwrap(), Swept::default());
    port.accept(&accepted("guest", 99, NOON)).await.unwrap();
    fill(&port, "guest", 0..10, HOUR).await;
    assert_eq!(
        port.sweep(NOON + 100 * DAY, &|_| FOREVER).await.unwrap(),
        Swept::default()
    );
    assert_eq!(ids(&port, all("guest")).await, newest(0..10));
    port.sweep(NOON + 100 * DAY, &|_| Retention {
        age: 0,
        count: 0,
        bytes: 0,
    })
    .await
    .unwrap();
    assert_eq!(port.unfinished().await.unwrap().len(), 1, "promises are not swept");
}

async fn the_oldest_go_by_number(port: Port) {
    for (apart, name) in [(1, "crowded"), (7 * MINUTE, "spread"), (DAY, "wide")] {
        // Ids are of one namespace each; those of the next begin where these end.
        let first = [("crowded", 0), ("spread", 1000), ("wide", 2000)]
            .into_iter()
            .find(|(n, _)| *n == name)
            .unwrap()
            .1;
        fill(&port, name, first..first + 50, apart).await;
        for keep in [49, 20, 19, 0] {
            let before = port.count(&all(name)).await.unwrap();
            let swept = port
                .sweep(NOON, &|_| Retention { count: keep, ..FOREVER })
                .await
                .unwrap();
            let left = first + 50 - u128::from(keep)..first + 50;
            assert_eq!(ids(&port, all(name)).await, newest(left.clone()), "{name}, {keep} kept");
            assert!(
                swept.records >= before - keep && swept.bytes > 100 * swept.records,
                "{swept:?}"
            );
            let even: Vec<u128> = newest(left.clone()).into_iter().filter(|id| id % 2 == 0).collect();
            assert_eq!(ids(&port, of(name, "tools/greet")).await, even);
            assert_eq!(ids(&port, of(name, "greet")).await, even);
            for id in first..first + 50 {
                let found = port.get(&namespace(name), ActivationId::from_bits(id)).await.unwrap();
                assert_eq!(found.is_some(), left.contains(&id), "{id}");
            }
        }
    }
}

async fn the_oldest_go_by_size(port: Port) {
    fill(&port, "guest", 0..30, 45_000).await;
    let sizes: Vec<u64> = {
        let mut sizes = Vec::new();
        for id in newest(0..30) {
            let record = port
                .get(&namespace("guest"), ActivationId::from_bits(id))
                .await
                .unwrap();
            sizes.push(record.unwrap().len() as u64);
        }
        sizes
    };
    let (kept, gone): (u64, u64) = (sizes[..12].iter().sum(), sizes[12..].iter().sum());
    let swept = port
        .sweep(NOON, &|_| Retention { bytes: kept, ..FOREVER })
        .await
        .unwrap();
    assert_eq!(
        swept,
        Swept {
            records: 18,
            bytes: gone
        }
    );
    assert_eq!(ids(&port, all("guest")).await, newest(18..30));
    port.sweep(NOON, &|_| Retention {
        bytes: kept - 1,
        ..FOREVER
    })
    .await
    .unwrap();
    assert_eq!(ids(&port, all("guest")).await, newest(19..30));
}

async fn the_oldest_go_by_age(port: Port) {
    // Ages are in days: an engine may keep a record somewhat longer than it must, by less than a day.
    fill(&port, "guest", 0..10, DAY).await;
    fill(&port, "other", 100..110, 1).await;
    let now = NOON + 9 * DAY + HOUR;
    let swept = port
        .sweep(now, &|_| Retention {
            age: 4 * DAY + DAY / 2,
            ..FOREVER
        })
        .await
        .unwrap();
    assert_eq!(swept.records, 15);
    assert_eq!(ids(&port, all("guest")).await, newest(5..10));
    assert!(ids(&port, all("other")).await.is_empty());
    assert_eq!(
        port.get(&namespace("guest"), ActivationId::from_bits(4)).await.unwrap(),
        None
    );
    fill(&port, "guest", 0..1, DAY).await;
    assert_eq!(
        ids(&port, all("guest")).await,
        [9, 8, 7, 6, 5, 0],
        "there is room again for what is old"
    );
}

async fn each_namespace_has_its_policy(port: Port) {
    for (number, name) in ["short", "few", "long"].into_iter().enumerate() {
        let first = number as u128 * 100;
        for id in first..first + 8 {
            let start = NOON + (id - first) as u64 * DAY;
            port.finish(shared(name, "greet", id, start)).await.unwrap();
        }
    }
    let asked = Mutex::new(BTreeSet::new());
    let policy = |name: &str| {
        asked.lock().unwrap().insert(name.to_owned());
        match name {
            "short" => Retention {
                age: 3 * DAY + HOUR * 2,
                ..FOREVER
            },
            "few" => Retention { count: 2, ..FOREVER },
            _ => FOREVER,
        }
    };
    let swept = port.sweep(NOON + 8 * DAY, &policy).await.unwrap();
    assert_eq!(swept.records, 5 + 6);
    assert_eq!(
        *asked.lock().unwrap(),
        BTreeSet::from(["few".into(), "long".into(), "short".into()])
    );
    assert_eq!(ids(&port, all("short")).await, newest(5..8));
    assert_eq!(ids(&port, all("few")).await, newest(106..108));
    assert_eq!(ids(&port, all("long")).await, newest(200..208));
}

async fn late_records_are_seen_until_the_next_sweep(port: Port) {
    fill(&port, "guest", 10..30, 1000).await;
    let policy = |_: &str| Retention { count: 5, ..FOREVER };
    port.sweep(NOON, &policy).await.unwrap();
    fill(&port, "guest", 3..4, 1000).await;
    assert_eq!(ids(&port, all("guest")).await, [29, 28, 27, 26, 25, 3]);
    assert_eq!(ids(&port, of("guest", "other")).await, [29, 27, 25, 3]);
    assert_eq!(port.sweep(NOON, &policy).await.unwrap().records, 1);
    assert_eq!(ids(&port, all("guest")).await, newest(25..30));
}
