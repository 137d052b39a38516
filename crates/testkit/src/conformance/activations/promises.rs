use std::collections::HashSet;

use futures_util::future::join_all;
use wisp_core::{model::ActivationId, ports::FollowUp};

use super::{NOON, Port, all, ids};
use crate::fixtures::{accepted, delivery, failed, namespace, shared};

pub(super) async fn suite(open: &dyn Fn() -> Port) {
    a_promise_is_kept_until_it_is_settled(open()).await;
    unfinished_ones_come_oldest_first(open()).await;
    a_promise_made_twice_is_one(open()).await;
    many_at_once_are_all_kept(open()).await;
    only_success_settles_a_delivery(open()).await;
    what_follows_takes_the_place_of_a_promise(open()).await;
}

async fn unfinished(port: &Port) -> Vec<u128> {
    let promises = port.unfinished().await.unwrap();
    promises.iter().map(|id| u128::from_be_bytes(id.to_bytes())).collect()
}

async fn a_promise_is_kept_until_it_is_settled(port: Port) {
    assert!(unfinished(&port).await.is_empty());
    let promise = accepted("guest", 1, NOON);
    assert!(!port.is_promised(promise.id).await.unwrap());
    port.accept(&promise).await.unwrap();
    assert!(port.is_promised(promise.id).await.unwrap());
    assert_eq!(port.unfinished().await.unwrap(), [promise.id]);
    let kept = port.promise(promise.id).await.unwrap();
    assert_eq!(
        serde_json::to_string(&kept).unwrap(),
        serde_json::to_string(&promise).unwrap(),
        "nothing is lost"
    );
    assert_eq!(
        port.get(&namespace("guest"), promise.id).await.unwrap(),
        None,
        "a promise is not a record"
    );
    assert!(ids(&port, all("guest")).await.is_empty());
    port.finish(shared("guest", "other", 2, NOON)).await.unwrap();
    assert_eq!(unfinished(&port).await, [1], "another's end does not settle it");
    port.finish(shared("guest", "greet", 1, NOON + 10)).await.unwrap();
    assert!(unfinished(&port).await.is_empty());
    assert!(!port.is_promised(promise.id).await.unwrap());
    assert_eq!(ids(&port, all("guest")).await, [1, 2]);
}

async fn unfinished_ones_come_oldest_first(port: Port) {
    for (id, at) in [(5, NOON), (4, NOON + 2), (3, NOON - 1), (2, NOON + 1_000_000), (1, 0)] {
        port.accept(&accepted("guest", id, at)).await.unwrap();
    }
    assert_eq!(unfinished(&port).await, [1, 3, 5, 4, 2]);
}

async fn a_promise_made_twice_is_one(port: Port) {
    port.accept(&accepted("guest", 1, NOON)).await.unwrap();
    port.accept(&accepted("guest", 1, NOON)).await.unwrap();
    port.accept(&accepted("guest", 1, NOON + 7)).await.unwrap();
    assert_eq!(unfinished(&port).await, [1]);
    port.finish(shared("guest", "greet", 1, NOON + 10)).await.unwrap();
    assert!(unfinished(&port).await.is_empty());
}

async fn many_at_once_are_all_kept(port: Port) {
    let one = async |id: u128| {
        port.accept(&accepted("guest", id, NOON + id as u64)).await.unwrap();
        if id.is_multiple_of(2) {
            port.finish(shared("guest", "greet", id, NOON + id as u64))
                .await
                .unwrap();
            let found = port
                .get(&namespace("guest"), ActivationId::from_bits(id))
                .await
                .unwrap();
            assert!(found.is_some(), "{id} is there when finish returns");
        }
    };
    join_all((0..100).map(one)).await;
    let (open, done): (Vec<u128>, Vec<u128>) = (0..100).partition(|id| id % 2 == 1);
    assert_eq!(unfinished(&port).await, open);
    assert_eq!(
        ids(&port, all("guest")).await.into_iter().collect::<HashSet<_>>(),
        done.into_iter().collect()
    );
}

async fn only_success_settles_a_delivery(port: Port) {
    for id in [1, 2] {
        port.accept(&delivery("guest", id, NOON)).await.unwrap();
    }
    port.accept(&accepted("guest", 3, NOON)).await.unwrap();
    port.finish(shared("guest", "greet", 1, NOON)).await.unwrap();
    port.finish(failed("guest", "greet", 2, NOON)).await.unwrap();
    port.finish(failed("guest", "greet", 3, NOON)).await.unwrap();
    assert_eq!(
        unfinished(&port).await,
        [2],
        "what failed stays, if it is to be delivered"
    );
    assert_eq!(ids(&port, all("guest")).await.len(), 3, "all have records");
}

async fn what_follows_takes_the_place_of_a_promise(port: Port) {
    let first = delivery("guest", 1, NOON);
    port.accept(&first).await.unwrap();
    let kept = port.promise(first.id).await.unwrap().unwrap();
    assert_eq!(
        serde_json::to_string(&kept).unwrap(),
        serde_json::to_string(&first).unwrap()
    );
    let follow = FollowUp {
        settled: Some(first.id),
        promised: Some(delivery("guest", 2, NOON + 5)),
        writes: Vec::new(),
    };
    port.follow(follow.clone()).await.unwrap();
    assert_eq!(unfinished(&port).await, [2]);
    assert!(port.promise(first.id).await.unwrap().is_none());
    port.follow(follow).await.unwrap();
    assert_eq!(unfinished(&port).await, [2], "doing it again changes nothing");
    let settled = Some(ActivationId::from_bits(2));
    port.follow(FollowUp {
        settled,
        ..FollowUp::default()
    })
    .await
    .unwrap();
    assert!(unfinished(&port).await.is_empty());
}
