//! The contract of [`Blobs`]. That damaged bytes are never returned is for an engine's own tests to show: only they
//! know where the bytes are.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use wisp_core::ports::Blobs;

type Port = Arc<dyn Blobs>;

/// All checks, each on an empty store.
pub async fn suite(open: &dyn Fn() -> Port) {
    digests_name_bytes(open()).await;
    what_is_no_digest_names_nothing(open()).await;
    the_same_bytes_may_be_put_at_once(open()).await;
    sweeps_keep_what_is_named_and_what_is_young(open()).await;
}

async fn put(port: &Port, text: &str) -> String {
    port.put(Bytes::copy_from_slice(text.as_bytes())).await.unwrap()
}

async fn digests_name_bytes(port: Port) {
    // The digests of FIPS 180's first example, and of no bytes at all.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(port.get(abc).await.unwrap(), None);
    assert_eq!(put(&port, "abc").await, abc);
    assert_eq!(put(&port, "abc").await, abc, "again");
    assert_eq!(put(&port, "").await, empty);
    assert_eq!(port.get(abc).await.unwrap().as_deref(), Some(&b"abc"[..]));
    assert_eq!(port.get(empty).await.unwrap().as_deref(), Some(&b""[..]));
    let large = Bytes::from(vec![7; 3 << 20]);
    let digest = port.put(large.clone()).await.unwrap();
    assert_eq!(port.get(&digest).await.unwrap(), Some(large));
}

async fn what_is_no_digest_names_nothing(port: Port) {
    let digest = put(&port, "abc").await;
    let damaged = [
        "",
        "a",
        "ä",
        "../lock",
        "/etc/passwd",
        &digest[1..],
        &digest.to_uppercase(),
        &"../".repeat(22),
    ];
    for text in damaged {
        assert_eq!(port.get(text).await.unwrap(), None, "{text}");
    }
}

async fn the_same_bytes_may_be_put_at_once(port: Port) {
    let digests: HashSet<String> = join_all((0..16).map(|_| put(&port, "the same")))
        .await
        .into_iter()
        .collect();
    assert_eq!(digests.len(), 1);
    for digest in digests {
        assert_eq!(port.get(&digest).await.unwrap().as_deref(), Some(&b"the same"[..]));
    }
}

async fn sweeps_keep_what_is_named_and_what_is_young(port: Port) {
    let (kept, dropped) = (put(&port, "kept").await, put(&port, "dropped").await);
    let keep = HashSet::from([kept.clone()]);
    assert_eq!(port.sweep(&keep, 3600).await.unwrap(), 0, "both are young");
    assert!(port.get(&dropped).await.unwrap().is_some());
    assert_eq!(port.sweep(&keep, 0).await.unwrap(), 1);
    assert!(port.get(&kept).await.unwrap().is_some());
    assert_eq!(port.get(&dropped).await.unwrap(), None);
    assert_eq!(put(&port, "dropped").await, dropped, "what was swept can be put again");
    assert!(port.get(&dropped).await.unwrap().is_some());
}
