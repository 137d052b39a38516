//! What happens to a scope, event by event.

use std::collections::BTreeMap;

use super::{Body, Effect, Event, Hint, Object, Pass, Primitive, Rerun, Scope, Target, Trigger};

fn trigger(when: Primitive, hints: Vec<Hint>) -> Trigger {
    Trigger {
        when,
        target: Target::Function("ns/f".into()),
        pass: Pass::KeyValue,
        hints,
    }
}

fn put(key: &str, at: i64) -> Event {
    Event::Put(Object {
        session: "s".into(),
        key: key.into(),
        body: Body::Apart("digest".into()),
        size: 1,
        at,
        chain: Default::default(),
    })
}

fn defined(trigger: Trigger) -> Scope {
    let mut scope = Scope::default();
    let triggers = [("t".to_owned(), trigger)].into();
    scope.apply(Event::Defined { triggers, life: 1000 });
    scope
}

fn pair() -> Primitive {
    Primitive::BySet {
        key_set: vec!["a".into(), "b".into()],
    }
}

fn keys(effects: &[Effect]) -> Vec<String> {
    let mut said = Vec::new();
    for effect in effects {
        said.push(match effect {
            Effect::Fire(_, given) => given.objects.iter().map(|object| object.key.as_str()).collect(),
            Effect::Rerun(_, run) => format!("again {}", run.function),
            Effect::Lapsed(..) => "lapsed".into(),
        });
    }
    said
}

#[test]
fn a_key_is_put_once() {
    let mut scope = defined(trigger(Primitive::Immediate {}, vec![]));
    assert_eq!(keys(&scope.apply(put("a", 1))), ["a"]);
    assert_eq!(keys(&scope.apply(put("a", 2))), [""; 0]);
    scope.apply(Event::Removed {
        session: "s".into(),
        key: "a".into(),
    });
    assert_eq!(keys(&scope.apply(put("a", 3))), ["a"]);
}

#[test]
fn what_is_too_old_is_gone() {
    let mut scope = defined(trigger(pair(), vec![]));
    scope.apply(put("a", 1));
    assert_eq!(scope.deadline(), Some(2000), "the second is over");
    scope.apply(Event::Passed { at: 1001 });
    assert!(scope.is_empty() && scope.get("s", "a").is_none());
    assert_eq!(keys(&scope.apply(put("b", 1002))), [""; 0]);
    assert_eq!(keys(&scope.apply(put("a", 1003))), ["ab"]);
}

#[test]
fn a_trigger_that_changes_begins_afresh_and_one_that_stays_does_not() {
    let mut scope = defined(trigger(pair(), vec![]));
    scope.apply(put("a", 1));
    let same = [
        ("t".to_owned(), trigger(pair(), vec![])),
        ("u".to_owned(), trigger(pair(), vec![])),
    ];
    let define = |triggers: BTreeMap<String, Trigger>| Event::Defined { triggers, life: 1000 };
    scope.apply(define(same.into()));
    assert_eq!(keys(&scope.apply(put("b", 2))), ["ab"], "of the first trigger only");
}

#[test]
fn who_waits_sees_what_is_there_and_is_told_once() {
    let mut scope = defined(trigger(Primitive::ByName { key_name: "z".into() }, vec![]));
    scope.apply(put("a", 1));
    let wait = |name: &str, at| Event::Awaited {
        name: name.into(),
        trigger: trigger(pair(), vec![]),
        at,
    };
    assert!(scope.apply(wait("w", 2)).is_empty() && scope.apply(wait("w", 3)).is_empty());
    assert_eq!(keys(&scope.apply(put("b", 4))), ["ab"]);
    assert_eq!(keys(&scope.apply(wait("v", 5))), ["ab"], "all is there");
    scope.apply(Event::Passed { at: 1004 });
    scope.apply(wait("u", 1005));
    assert_eq!(keys(&scope.apply(Event::Passed { at: 2005 })), ["lapsed"]);
    assert!(scope.is_empty());
}

#[test]
fn an_overdue_producer_runs_again_as_often_as_it_may() {
    let hint = Hint {
        source_function: "ns/map".into(),
        source_key: "a".into(),
        timeout: 10,
        retries: 2,
    };
    let mut scope = defined(trigger(pair(), vec![hint]));
    let began = |at| Event::Began {
        run: Rerun {
            function: "ns/map".into(),
            payload: Body::Apart("digest".into()),
            session: "s".into(),
        },
        at,
    };
    scope.apply(began(0));
    assert_eq!(scope.deadline(), Some(10));
    assert_eq!(keys(&scope.apply(Event::Passed { at: 9 })), [""; 0]);
    assert_eq!(keys(&scope.apply(Event::Passed { at: 10 })), ["again ns/map"]);
    scope.apply(began(11));
    let mut other = scope.clone();
    other.apply(put("a", 12));
    assert_eq!(
        keys(&other.apply(Event::Passed { at: 20 })),
        [""; 0],
        "its object is there"
    );
    assert_eq!(keys(&scope.apply(Event::Passed { at: 20 })), ["again ns/map"]);
    assert_eq!(keys(&scope.apply(Event::Passed { at: 30 })), [""; 0], "often enough");
    assert!(scope.is_empty());
}

#[test]
fn a_scope_is_the_same_when_it_is_read_again() {
    let mut scope = defined(trigger(pair(), vec![]));
    scope.apply(put("a", 1));
    let written = serde_json::to_vec(&scope).expect("a scope is JSON");
    let mut read: Scope = serde_json::from_slice(&written).expect("it is read again");
    assert_eq!(keys(&read.apply(put("b", 2))), keys(&scope.apply(put("b", 2))));
    assert_eq!(serde_json::to_string(&read).ok(), serde_json::to_string(&scope).ok());
}
