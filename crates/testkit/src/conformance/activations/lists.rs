use std::sync::Arc;

use futures_util::future::join_all;
use wisp_core::{
    model::{Activation, ActivationId, Response, Status},
    ports::Scope,
};

use super::{DAY, HOUR, MINUTE, NOON, Port, all, ids, of, page};
use crate::fixtures::{activation, json, namespace, shared};

pub(super) async fn suite(open: &dyn Fn() -> Port) {
    a_record_is_read_back_whole(open()).await;
    the_newest_come_first(open()).await;
    namespaces_are_apart(open()).await;
    names_select(open()).await;
    bounds_are_inclusive(open()).await;
    pages_join_up(open()).await;
    recording_again_replaces(open()).await;
    recording_again_at_once_leaves_one(open()).await;
    what_is_finished_is_seen(open()).await;
}

async fn finish(port: &Port, action: &str, id: u128, start: u64) {
    port.finish(shared("guest", action, id, start)).await.unwrap();
}

async fn a_record_is_read_back_whole(port: Port) {
    let (guest, id) = (namespace("guest"), ActivationId::from_bits(7));
    assert_eq!(port.get(&guest, id).await.unwrap(), None);
    let mut record = activation("guest", "tools/greet", 7, NOON);
    record.cause = Some(ActivationId::from_bits(6));
    record.logs = vec!["ä \u{0} \"quoted\"".into(); 1000];
    port.finish(Arc::new(record.clone())).await.unwrap();
    let expected = serde_json::to_string(&record).unwrap();
    let found = port.get(&guest, id).await.unwrap().unwrap();
    assert_eq!(std::str::from_utf8(&found).unwrap(), expected);
    assert_eq!(
        serde_json::to_string(&page(&port, all("guest"), 0, 1).await[0]).unwrap(),
        expected
    );
    assert_eq!(
        port.get(&namespace("other"), id).await.unwrap(),
        None,
        "an id is of one namespace"
    );
}

async fn the_newest_come_first(port: Port) {
    for (id, start) in [
        (1, NOON),
        (2, NOON + DAY),
        (3, NOON - DAY),
        (4, NOON + 1),
        (5, NOON + MINUTE),
        (6, 0),
    ] {
        finish(&port, "greet", id, start).await;
    }
    assert_eq!(ids(&port, all("guest")).await, [2, 5, 4, 1, 3, 6]);
}

async fn namespaces_are_apart(port: Port) {
    for (id, name) in ["guest", "gues", "guest2", "Guest", "guest 2", "g"]
        .into_iter()
        .enumerate()
    {
        port.finish(shared(name, "greet", id as u128, NOON)).await.unwrap();
        assert_eq!(ids(&port, all(name)).await, [id as u128], "{name}");
    }
    assert_eq!(ids(&port, all("guest")).await, [0]);
    assert!(ids(&port, all("nobody")).await.is_empty());
}

async fn names_select(port: Port) {
    let actions = [
        "greet",
        "tools/greet",
        "tools/other",
        "greet2",
        "more/greet",
        "gree",
        "tools/gree",
    ];
    for (id, action) in actions.into_iter().enumerate() {
        finish(&port, action, id as u128, NOON + id as u64).await;
    }
    port.finish(shared("other", "greet", 99, NOON)).await.unwrap();
    assert_eq!(
        ids(&port, of("guest", "greet")).await,
        [4, 1, 0],
        "a simple name matches in every package"
    );
    assert_eq!(ids(&port, of("guest", "tools/greet")).await, [1]);
    assert_eq!(ids(&port, of("guest", "tools/gree")).await, [6]);
    assert_eq!(ids(&port, of("guest", "greet2")).await, [3]);
    for nothing in ["", "tools", "tools/", "/greet", "gre", "guest/greet", "other/greet"] {
        assert!(ids(&port, of("guest", nothing)).await.is_empty(), "{nothing}");
    }
}

async fn bounds_are_inclusive(port: Port) {
    let starts = [
        NOON - HOUR,
        NOON - 1,
        NOON,
        NOON + 1,
        NOON + MINUTE - 1,
        NOON + MINUTE,
        NOON + HOUR,
        NOON + DAY,
    ];
    for (id, start) in starts.into_iter().enumerate() {
        finish(&port, "greet", id as u128, start).await;
    }
    for scope in [all("guest"), of("guest", "greet")] {
        for (first, since) in starts.into_iter().enumerate() {
            for (last, upto) in starts.into_iter().enumerate() {
                let scope = Scope {
                    since: Some(since),
                    upto: Some(upto),
                    ..scope.clone()
                };
                let expected: Vec<u128> = (first..=last).rev().map(|id| id as u128).collect();
                assert_eq!(ids(&port, scope.clone()).await, expected, "{scope:?}");
            }
        }
        let after = Scope {
            since: Some(NOON + DAY + 1),
            ..scope.clone()
        };
        assert!(ids(&port, after).await.is_empty());
        let before = Scope {
            upto: Some(NOON - HOUR - 1),
            ..scope
        };
        assert!(ids(&port, before).await.is_empty());
    }
}

async fn pages_join_up(port: Port) {
    for id in 0..60 {
        let action = if id % 3 == 0 { "tools/greet" } else { "other" };
        finish(&port, action, u128::from(id), NOON + id * 25_000 + (id / 20) * DAY).await;
    }
    for scope in [
        all("guest"),
        of("guest", "greet"),
        Scope {
            upto: Some(NOON + DAY + 500_000),
            ..all("guest")
        },
    ] {
        let whole = ids(&port, scope.clone()).await;
        for (skip, limit) in [
            (0, 0),
            (0, 1),
            (1, 1),
            (0, 7),
            (7, 7),
            (13, 30),
            (19, 2),
            (55, 30),
            (60, 5),
            (1000, 5),
        ] {
            let found = page(&port, scope.clone(), skip, limit).await;
            let found: Vec<u128> = found
                .iter()
                .map(|one| u128::from_be_bytes(one.activation_id.to_bytes()))
                .collect();
            let expected: Vec<u128> = whole.iter().copied().skip(skip as usize).take(limit as usize).collect();
            assert_eq!(found, expected, "{scope:?} from {skip}, {limit} of them");
        }
    }
}

async fn recording_again_replaces(port: Port) {
    let (guest, id) = (namespace("guest"), ActivationId::from_bits(1));
    finish(&port, "greet", 2, NOON).await;
    let versions = [
        activation("guest", "greet", 1, NOON + 1),
        Activation {
            response: Response::new(Status::DeveloperError, json("{}")),
            ..activation("guest", "greet", 1, NOON + 1)
        },
        activation("guest", "tools/greet", 1, NOON + 1),
        activation("guest", "tools/other", 1, NOON - 1),
        activation("guest", "other", 1, NOON + DAY),
        activation("guest", "greet", 1, NOON - DAY),
    ];
    for version in versions {
        port.finish(Arc::new(version.clone())).await.unwrap();
        let found = port.get(&guest, id).await.unwrap().unwrap();
        assert_eq!(
            std::str::from_utf8(&found).unwrap(),
            serde_json::to_string(&version).unwrap()
        );
        let expected = if version.start > NOON { [1, 2] } else { [2, 1] };
        assert_eq!(ids(&port, all("guest")).await, expected, "one record, in its place");
    }
    assert_eq!(ids(&port, of("guest", "greet")).await, [2, 1]);
    for old in ["tools/greet", "tools/other", "other"] {
        assert!(
            ids(&port, of("guest", old)).await.is_empty(),
            "nothing is left under {old}"
        );
    }
    port.finish(shared("other", "greet", 1, NOON)).await.unwrap();
    assert_eq!(
        (ids(&port, all("guest")).await, ids(&port, all("other")).await),
        (vec![2], vec![1])
    );
}

async fn recording_again_at_once_leaves_one(port: Port) {
    join_all((0..50).map(|round| finish(&port, "greet", 1, NOON + round * 20_000))).await;
    assert_eq!(ids(&port, all("guest")).await, [1]);
    assert_eq!(ids(&port, of("guest", "greet")).await, [1]);
}

async fn what_is_finished_is_seen(port: Port) {
    let one = async |id: u128| {
        finish(&port, "greet", id, NOON + id as u64 * 1000).await;
        assert!(
            port.get(&namespace("guest"), ActivationId::from_bits(id))
                .await
                .unwrap()
                .is_some()
        );
        for scope in [all("guest"), of("guest", "greet")] {
            let scope = Scope {
                since: Some(NOON + id as u64 * 1000),
                upto: Some(NOON + id as u64 * 1000),
                ..scope
            };
            assert_eq!(ids(&port, scope).await, [id]);
        }
    };
    join_all((0..100).map(one)).await;
    assert_eq!(port.count(&all("guest")).await.unwrap(), 100);
}
