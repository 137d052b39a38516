//! The contract of [`Records`].

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use wisp_core::{
    Code,
    ports::{Expect, Record, Records, Revision, Table, Write},
};

type Port = Arc<dyn Records>;

const TABLE: Table = "things";

/// All checks, each on an empty store.
pub async fn suite(open: &dyn Fn() -> Port) {
    reads_what_was_written(open()).await;
    expectations_hold_or_nothing_happens(open()).await;
    revisions_grow(open()).await;
    scans_are_prefixes_in_order(open()).await;
    tables_are_apart(open()).await;
    the_last_write_of_a_commit_wins(open()).await;
    one_of_many_rivals_wins(open()).await;
    counters_lose_no_step(open()).await;
    watches_see_every_commit_in_order(open()).await;
}

fn write(key: &str, value: Option<&str>, expect: Expect) -> Write {
    let value = value.map(|value| Bytes::copy_from_slice(value.as_bytes()));
    Write {
        table: TABLE,
        key: key.into(),
        value,
        expect,
    }
}

async fn put(port: &Port, key: &str, value: &str) -> Revision {
    port.commit(vec![write(key, Some(value), Expect::Any)]).await.unwrap()
}

async fn value(port: &Port, key: &str) -> Option<String> {
    let record = port.get(TABLE, key).await.unwrap();
    record.map(|record| String::from_utf8(record.value.to_vec()).unwrap())
}

async fn reads_what_was_written(port: Port) {
    assert_eq!(
        port.get(TABLE, "a").await.unwrap(),
        None,
        "an empty store has no records"
    );
    let first = put(&port, "a", "one").await;
    let found = port.get(TABLE, "a").await.unwrap();
    assert_eq!(
        found,
        Some(Record {
            key: "a".into(),
            revision: first,
            value: "one".into()
        })
    );
    let second = put(&port, "a", "").await;
    let found = port.get(TABLE, "a").await.unwrap();
    assert_eq!(
        found,
        Some(Record {
            key: "a".into(),
            revision: second,
            value: "".into()
        }),
        "an empty value is one"
    );
    port.commit(vec![write("a", None, Expect::Any)]).await.unwrap();
    assert_eq!(port.get(TABLE, "a").await.unwrap(), None, "a deleted record is gone");
    port.commit(vec![write("a", None, Expect::Any)]).await.unwrap();
}

async fn expectations_hold_or_nothing_happens(port: Port) {
    let first = put(&port, "a", "one").await;
    let second = put(&port, "a", "two").await;
    let broken = [
        write("a", Some("x"), Expect::Absent),
        write("a", Some("x"), Expect::At(first)),
        write("a", None, Expect::At(first)),
        write("b", Some("x"), Expect::At(second)),
        write("b", None, Expect::At(second)),
    ];
    for rejected in broken {
        let what = format!("{rejected:?}");
        let error = port
            .commit(vec![write("c", Some("c"), Expect::Any), rejected])
            .await
            .expect_err(&what);
        assert_eq!(error.code(), Code::Conflict, "{what}");
        assert_eq!(value(&port, "c").await, None, "a refused commit writes nothing: {what}");
        assert_eq!(value(&port, "a").await.as_deref(), Some("two"), "{what}");
    }
    port.commit(vec![write("a", Some("three"), Expect::At(second))])
        .await
        .unwrap();
    port.commit(vec![write("b", Some("b"), Expect::Absent)]).await.unwrap();
    assert_eq!(
        (value(&port, "a").await.as_deref(), value(&port, "b").await.as_deref()),
        (Some("three"), Some("b"))
    );
    port.commit(vec![write("b", None, Expect::Any)]).await.unwrap();
    port.commit(vec![write("b", Some("again"), Expect::Absent)])
        .await
        .unwrap();
}

async fn revisions_grow(port: Port) {
    let mut last = Revision::default();
    for round in 0..20 {
        // Deleting the newest record must not take its revision back.
        let write = write("a", (round % 2 == 0).then_some("x"), Expect::Any);
        let revision = port.commit(vec![write]).await.unwrap();
        assert!(revision > last, "{revision:?} follows {last:?}");
        last = revision;
    }
}

async fn scans_are_prefixes_in_order(port: Port) {
    for key in ["b/2", "a/10", "a/1", "a", "a/ä", "b", "a/2", "a0"] {
        put(&port, key, key).await;
    }
    let keys = async |prefix: &str| -> Vec<String> {
        let found = port.scan(TABLE, prefix).await.unwrap();
        assert!(
            found.iter().all(|record| record.value == record.key.as_bytes()),
            "each with its value"
        );
        found.into_iter().map(|record| record.key).collect()
    };
    assert_eq!(keys("a/").await, ["a/1", "a/10", "a/2", "a/ä"]);
    assert_eq!(keys("a").await, ["a", "a/1", "a/10", "a/2", "a/ä", "a0"]);
    assert_eq!(keys("").await.len(), 8);
    assert!(keys("c").await.is_empty());
}

async fn tables_are_apart(port: Port) {
    let other = |key: &str| Write {
        table: "thing",
        key: key.into(),
        value: Some("x".into()),
        expect: Expect::Absent,
    };
    port.commit(vec![other("a"), other("sa")]).await.unwrap();
    assert_eq!(port.get(TABLE, "a").await.unwrap(), None);
    assert!(
        port.scan(TABLE, "").await.unwrap().is_empty(),
        "one table's name may begin another's"
    );
    assert_eq!(port.scan("thing", "").await.unwrap().len(), 2);
}

async fn the_last_write_of_a_commit_wins(port: Port) {
    let writes = vec![
        write("a", Some("one"), Expect::Absent),
        write("a", Some("two"), Expect::Absent),
    ];
    port.commit(writes).await.unwrap();
    assert_eq!(
        value(&port, "a").await.as_deref(),
        Some("two"),
        "expectations are about the record before the commit"
    );
    port.commit(vec![
        write("a", Some("three"), Expect::Any),
        write("a", None, Expect::Any),
    ])
    .await
    .unwrap();
    assert_eq!(value(&port, "a").await, None);
}

async fn one_of_many_rivals_wins(port: Port) {
    let rivals = (0..32).map(|rival| {
        let (port, text) = (port.clone(), rival.to_string());
        async move {
            port.commit(vec![write("a", Some(&text), Expect::Absent)])
                .await
                .map(|_| text)
        }
    });
    let outcomes = join_all(rivals).await;
    let winners: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok().cloned())
        .collect();
    assert_eq!(winners.len(), 1, "one creates it, all others conflict");
    assert!(
        outcomes
            .iter()
            .flat_map(|outcome| outcome.as_ref().err())
            .all(|error| error.code() == Code::Conflict)
    );
    assert_eq!(value(&port, "a").await.as_ref(), winners.first());
}

async fn counters_lose_no_step(port: Port) {
    put(&port, "a", "0").await;
    let step = async |port: &Port| loop {
        let record = port.get(TABLE, "a").await.unwrap().unwrap();
        let count: u32 = String::from_utf8(record.value.to_vec()).unwrap().parse().unwrap();
        let next = write("a", Some(&(count + 1).to_string()), Expect::At(record.revision));
        match port.commit(vec![next]).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), Code::Conflict),
        }
    };
    join_all((0..16).map(|_| step(&port))).await;
    assert_eq!(
        value(&port, "a").await.as_deref(),
        Some("16"),
        "revisions keep concurrent updates apart"
    );
}

async fn watches_see_every_commit_in_order(port: Port) {
    put(&port, "before", "x").await;
    let mut watch = port.watch();
    let commits = (0..16).map(|round| {
        let (port, key) = (port.clone(), format!("k{round}"));
        async move {
            (
                port.commit(vec![write(&key, Some("x"), Expect::Any)]).await.unwrap(),
                key,
            )
        }
    });
    let mut expected = join_all(commits).await;
    port.commit(vec![write("k0", Some("x"), Expect::Absent)])
        .await
        .expect_err("it exists");
    expected.push((
        port.commit(vec![write("k0", None, Expect::Any)]).await.unwrap(),
        "k0".into(),
    ));
    expected.sort();
    for (revision, key) in expected {
        let deleted = port.get(TABLE, &key).await.unwrap().is_none() && revision > Revision(17);
        let change = watch.recv().await.unwrap();
        assert_eq!((change.table, change.revision, &change.key), (TABLE, revision, &key));
        assert_eq!(change.deleted, deleted, "{change:?}");
    }
    assert!(watch.try_recv().is_err(), "a refused commit is not seen");
}
