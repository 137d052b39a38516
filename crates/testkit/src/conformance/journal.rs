//! The contract of [`Journal`].

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use wisp_core::{
    Code,
    ports::{
        Journal,
        journal::{Effect, Page, Payload, Place, Post, Timer, Turn},
    },
};

type Port = Arc<dyn Journal>;

/// All checks, each on an empty journal.
pub async fn suite(open: &dyn Fn() -> Port) {
    turns_follow_each_other(open()).await;
    one_of_two_holders_finds_out(open()).await;
    history_is_read_from_both_ends(open()).await;
    effects_stay_until_they_are_settled(open()).await;
    timers_are_found_by_time(open()).await;
    timers_that_are_set_late_are_found(open()).await;
    lists_show_the_newest_first(open()).await;
    executions_go_with_all_they_have(open()).await;
    what_is_left_at_others_is_there_at_once(open()).await;
    histories_begin_afresh(open()).await;
    payloads_stay_as_they_were_first(open()).await;
    many_at_once(open()).await;
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn place(scope: &str, status: &str, started: u64) -> Option<Place> {
    Some(Place {
        scope: scope.into(),
        status: status.into(),
        started,
        summary: text(&format!("{status} since {started}")),
    })
}

fn effect(id: &str) -> Effect {
    Effect {
        id: id.into(),
        body: text(&format!("do {id}")),
    }
}

fn payload(name: &str) -> Payload {
    Payload {
        name: name.into(),
        body: text(&format!("what {name} says")),
    }
}

fn timer(at: u64, id: &str) -> Timer {
    Timer { at, id: id.into() }
}

/// A turn that says nothing but its state.
fn turn(execution: &str, after: u64) -> Turn {
    Turn {
        execution: execution.into(),
        after,
        state: text(&format!("{execution} after {after}")),
        place: if after == 0 { place("all", "RUNNING", 1) } else { None },
        synced: after.is_multiple_of(2),
        ..Turn::default()
    }
}

async fn commit(port: &Port, turn: Turn) {
    port.commit(turn).await.unwrap();
}

async fn turns_follow_each_other(port: Port) {
    assert_eq!(port.load("a").await.unwrap(), None);
    let unplaced = Turn {
        place: None,
        ..turn("a", 0)
    };
    port.commit(unplaced).await.expect_err("nobody could list it");
    commit(&port, turn("a", 0)).await;
    commit(&port, turn("a", 1)).await;
    let stored = port.load("a").await.unwrap().unwrap();
    assert_eq!((stored.turns, stored.events, stored.state), (2, 0, text("a after 1")));
    assert_eq!(Some(stored.place), place("all", "RUNNING", 1));
    assert_eq!(
        port.load("a0").await.unwrap(),
        None,
        "a name is not the beginning of another"
    );
}

async fn one_of_two_holders_finds_out(port: Port) {
    commit(&port, turn("a", 0)).await;
    let rivals = (0..8).map(|rival| {
        let turn = Turn {
            events: vec![text(&rival.to_string())],
            effects: vec![effect(&rival.to_string())],
            timers: vec![timer(rival, "t")],
            ..turn("a", 1)
        };
        port.commit(turn)
    });
    let outcomes = join_all(rivals).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(error.code(), Code::Conflict);
    }
    assert_eq!(
        port.events("a", 0, 9, false).await.unwrap().len(),
        1,
        "a refused turn leaves nothing"
    );
    assert_eq!(port.effects("a").await.unwrap().len(), 1);
    assert_eq!(port.due(9, 9).await.unwrap().len(), 1);
    for stale in [0, 1, 3] {
        port.commit(turn("a", stale)).await.expect_err("there are two turns");
    }
}

async fn history_is_read_from_both_ends(port: Port) {
    let mut written = Vec::new();
    for (after, count) in [3, 0, 1, 70, 2].into_iter().enumerate() {
        let events: Vec<Bytes> = (0..count).map(|one| text(&format!("{after}.{one}"))).collect();
        written.extend(events.clone());
        commit(
            &port,
            Turn {
                events,
                ..turn("a", after as u64)
            },
        )
        .await;
        commit(
            &port,
            Turn {
                events: vec![text("other")],
                ..turn("a.", after as u64)
            },
        )
        .await;
    }
    assert_eq!(port.load("a").await.unwrap().unwrap().events, written.len() as u64);
    for from in [0, 1, 2, 3, 4, 40, 74, 75, 76, 1000] {
        for limit in [0, 1, 2, 5, 200] {
            let expected: Vec<Bytes> = written.iter().skip(from).take(limit).cloned().collect();
            let found = port.events("a", from as u64, limit, false).await.unwrap();
            assert_eq!(found, expected, "{limit} from {from}");
            let expected: Vec<Bytes> = written.iter().take(from + 1).rev().take(limit).cloned().collect();
            let found = port.events("a", from as u64, limit, true).await.unwrap();
            assert_eq!(found, expected, "{limit} down from {from}");
        }
    }
    assert_eq!(
        port.events("a", u64::MAX, 1, true).await.unwrap().as_slice(),
        &written[75..]
    );
    assert!(port.events("b", 0, 9, false).await.unwrap().is_empty());
}

async fn effects_stay_until_they_are_settled(port: Port) {
    commit(
        &port,
        Turn {
            effects: vec![effect("1"), effect("2")],
            ..turn("b", 0)
        },
    )
    .await;
    commit(
        &port,
        Turn {
            effects: vec![effect("1")],
            ..turn("a", 0)
        },
    )
    .await;
    commit(&port, turn("c", 0)).await;
    commit(
        &port,
        Turn {
            effects: vec![effect("1")],
            ..turn("a/b", 0)
        },
    )
    .await;
    assert_eq!(port.pending(None, 9).await.unwrap(), ["a", "a/b", "b"]);
    assert_eq!(port.pending(None, 1).await.unwrap(), ["a"]);
    assert_eq!(port.pending(Some("a"), 9).await.unwrap(), ["a/b", "b"]);
    let settled = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<String>>();
    let next = Turn {
        settled: settled(&["1", "4", "5"]),
        effects: vec![effect("3"), effect("4")],
        ..turn("b", 1)
    };
    commit(&port, next).await;
    assert_eq!(port.effects("b").await.unwrap(), [effect("2"), effect("3")]);
    commit(
        &port,
        Turn {
            settled: settled(&["1"]),
            ..turn("a", 1)
        },
    )
    .await;
    assert!(port.effects("a").await.unwrap().is_empty());
    assert_eq!(port.pending(None, 9).await.unwrap(), ["a/b", "b"]);
}

async fn timers_are_found_by_time(port: Port) {
    assert_eq!(port.next_timer(0).await.unwrap(), None);
    let decades = 4_102_444_800_000;
    commit(
        &port,
        Turn {
            timers: vec![timer(300, "x"), timer(100, "y"), timer(decades, "z")],
            ..turn("a", 0)
        },
    )
    .await;
    commit(
        &port,
        Turn {
            timers: vec![timer(200, "x")],
            ..turn("b", 0)
        },
    )
    .await;
    assert!(port.due(99, 9).await.unwrap().is_empty());
    assert_eq!(port.next_timer(99).await.unwrap(), Some(100));
    let due = async |now, limit| -> Vec<(String, u64)> {
        let due = port.due(now, limit).await.unwrap();
        due.into_iter().map(|due| (due.execution, due.timer.at)).collect()
    };
    assert_eq!(due(100, 9).await, [("a".to_owned(), 100)]);
    assert_eq!(due(1000, 2).await, [("a".to_owned(), 100), ("b".to_owned(), 200)]);
    assert_eq!(port.next_timer(100).await.unwrap(), Some(200));
    let next = Turn {
        cancelled: vec![timer(100, "y"), timer(5, "never set"), timer(400, "w")],
        timers: vec![timer(400, "w"), timer(400, "v")],
        ..turn("a", 1)
    };
    commit(&port, next).await;
    assert_eq!(
        due(1000, 9).await,
        [("b".to_owned(), 200), ("a".to_owned(), 300), ("a".to_owned(), 400)]
    );
    assert_eq!(port.next_timer(400).await.unwrap(), Some(decades));
    let own = [timer(300, "x"), timer(400, "v"), timer(decades, "z")];
    assert_eq!(port.timers("a").await.unwrap(), own);
    assert!(port.timers("c").await.unwrap().is_empty());
    assert_eq!(port.next_timer(decades).await.unwrap(), None);
}

async fn timers_that_are_set_late_are_found(port: Port) {
    for (after, at) in [50, 10, 49, 0].into_iter().enumerate() {
        assert!(port.due(50, 9).await.unwrap().is_empty());
        commit(
            &port,
            Turn {
                timers: vec![timer(at, "t")],
                ..turn("a", 2 * after as u64)
            },
        )
        .await;
        assert_eq!(port.due(50, 9).await.unwrap()[0].timer, timer(at, "t"));
        commit(
            &port,
            Turn {
                cancelled: vec![timer(at, "t")],
                ..turn("a", 2 * after as u64 + 1)
            },
        )
        .await;
    }
}

async fn lists_show_the_newest_first(port: Port) {
    for (name, scope, started) in [
        ("a", "s", 1),
        ("b", "s", 3),
        ("c", "s", 3),
        ("d", "s", 2),
        ("e", "s2", 9),
        ("f", "r", 9),
    ] {
        commit(
            &port,
            Turn {
                place: place(scope, "RUNNING", started),
                ..turn(name, 0)
            },
        )
        .await;
    }
    commit(
        &port,
        Turn {
            place: place("s", "SUCCEEDED", 3),
            ..turn("b", 1)
        },
    )
    .await;
    let list = async |status: Option<&str>, after: Option<(u64, &str)>, limit| -> String {
        let page = Page {
            scope: "s".into(),
            status: status.map(str::to_owned),
            after: after.map(|(at, name)| (at, name.to_owned())),
            limit,
        };
        let listed = port.list(&page).await.unwrap();
        for one in &listed {
            assert_eq!(
                Some(&one.place),
                place("s", &one.place.status, one.place.started).as_ref()
            );
        }
        listed.into_iter().map(|one| one.execution).collect()
    };
    assert_eq!(list(None, None, 9).await, "bcda");
    assert_eq!(list(None, None, 3).await, "bcd");
    assert_eq!(list(None, Some((3, "b")), 9).await, "cda");
    assert_eq!(list(None, Some((2, "d")), 9).await, "a");
    assert_eq!(list(Some("RUNNING"), None, 9).await, "cda");
    assert_eq!(list(Some("RUNNING"), Some((3, "c")), 1).await, "d");
    assert_eq!(list(Some("SUCCEEDED"), None, 9).await, "b");
    assert_eq!(list(Some("RUN"), None, 9).await, "");
    let census = port.census("RUNNING").await.unwrap();
    assert_eq!(census, [("r".to_owned(), 1), ("s".to_owned(), 3), ("s2".to_owned(), 1)]);
}

async fn executions_go_with_all_they_have(port: Port) {
    for name in ["a", "a/b"] {
        let first = Turn {
            events: vec![text("one")],
            effects: vec![effect("1")],
            timers: vec![timer(7, "t")],
            payloads: vec![payload("large")],
            ..turn(name, 0)
        };
        commit(&port, first).await;
    }
    port.delete("a").await.unwrap();
    port.delete("never there").await.unwrap();
    assert_eq!(port.load("a").await.unwrap(), None);
    assert!(port.events("a", 0, 9, false).await.unwrap().is_empty());
    assert_eq!(port.payload("a", "large").await.unwrap(), None);
    assert!(port.payload("a/b", "large").await.unwrap().is_some());
    assert_eq!(port.pending(None, 9).await.unwrap(), ["a/b"]);
    assert_eq!(port.due(9, 9).await.unwrap().len(), 1);
    assert_eq!(port.census("RUNNING").await.unwrap(), [("all".to_owned(), 1)]);
    let all = Page {
        scope: "all".into(),
        status: None,
        after: None,
        limit: 9,
    };
    assert_eq!(port.list(&all).await.unwrap().len(), 1);
    commit(&port, turn("a", 0)).await;
}

async fn payloads_stay_as_they_were_first(port: Port) {
    let first = Turn {
        payloads: vec![payload("one"), payload("two")],
        ..turn("a", 0)
    };
    commit(&port, first).await;
    let again = Turn {
        payloads: vec![payload("two"), payload("three")],
        ..turn("a", 1)
    };
    commit(&port, again).await;
    for name in ["one", "two", "three"] {
        assert_eq!(port.payload("a", name).await.unwrap(), Some(payload(name).body));
    }
    assert_eq!(port.payload("a", "on").await.unwrap(), None);
    assert_eq!(port.payload("b", "one").await.unwrap(), None, "another's");
    let stale = Turn {
        payloads: vec![payload("four")],
        ..turn("a", 0)
    };
    port.commit(stale).await.expect_err("there are turns");
    assert_eq!(port.payload("a", "four").await.unwrap(), None);
}

async fn what_is_left_at_others_is_there_at_once(port: Port) {
    let post = |execution: &str, id: &str| Post {
        execution: execution.into(),
        effect: effect(id),
    };
    commit(&port, turn("b", 0)).await;
    let first = Turn {
        posts: vec![post("b", "1"), post("c", "2"), post("a", "3")],
        ..turn("a", 0)
    };
    commit(&port, first).await;
    for (name, id) in [("a", "3"), ("b", "1"), ("c", "2")] {
        assert_eq!(port.effects(name).await.unwrap(), [effect(id)]);
    }
    assert_eq!(port.pending(None, 9).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(
        port.load("c").await.unwrap(),
        None,
        "what is left there does not make it"
    );
    let stale = Turn {
        posts: vec![post("b", "9")],
        ..turn("a", 0)
    };
    port.commit(stale).await.expect_err("there is a turn");
    let own = Turn {
        settled: vec!["1".into()],
        ..turn("b", 1)
    };
    commit(&port, own).await;
    assert!(
        port.effects("b").await.unwrap().is_empty(),
        "a refused turn leaves nothing"
    );
    let made = Turn {
        settled: vec!["2".into()],
        ..turn("c", 0)
    };
    commit(&port, made).await;
    commit(
        &port,
        Turn {
            posts: vec![post("d", "1")],
            ..turn("c", 1)
        },
    )
    .await;
    port.delete("d").await.unwrap();
    assert_eq!(port.pending(None, 9).await.unwrap(), ["a"]);
}

async fn histories_begin_afresh(port: Port) {
    let told = |after: u64, afresh: bool, events: &[&str]| Turn {
        afresh,
        events: events.iter().map(|event| text(event)).collect(),
        ..turn("a", after)
    };
    commit(&port, told(0, true, &["one", "two"])).await;
    commit(&port, told(1, false, &["three"])).await;
    let moved = Turn {
        place: place("all", "ENDED", 5),
        ..told(2, true, &["four", "five"])
    };
    commit(&port, moved).await;
    commit(&port, told(3, false, &["six"])).await;
    let all = ["four", "five", "six"].map(text);
    assert_eq!(port.events("a", 0, 9, false).await.unwrap(), all);
    assert_eq!(port.events("a", 1, 1, false).await.unwrap(), all[1..2]);
    assert_eq!(port.load("a").await.unwrap().unwrap().events, 3);
    let page = |status: Option<&str>| Page {
        scope: "all".into(),
        status: status.map(str::to_owned),
        after: None,
        limit: 9,
    };
    assert!(port.list(&page(Some("RUNNING"))).await.unwrap().is_empty());
    for status in [None, Some("ENDED")] {
        let listed = port.list(&page(status)).await.unwrap();
        assert_eq!(listed.len(), 1, "it is listed once");
        assert_eq!(listed[0].place.started, 5);
    }
    commit(&port, told(4, true, &[])).await;
    assert!(port.events("a", 0, 9, false).await.unwrap().is_empty());
    assert_eq!(port.load("a").await.unwrap().unwrap().events, 0);
}

async fn many_at_once(port: Port) {
    let one = async |name: String| {
        for after in 0..4 {
            commit(
                &port,
                Turn {
                    events: vec![text(&after.to_string())],
                    ..turn(&name, after)
                },
            )
            .await;
        }
        assert_eq!(
            port.events(&name, 0, 9, false).await.unwrap(),
            ["0", "1", "2", "3"].map(text)
        );
    };
    join_all((0..200).map(|number| one(format!("execution {number}")))).await;
    assert_eq!(port.census("RUNNING").await.unwrap(), [("all".to_owned(), 200)]);
}
