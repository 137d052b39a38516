//! The contract of [`Activations`](wisp_core::ports::Activations), but for surviving crashes, which takes a process to
//! kill.

mod history;
mod lists;
mod promises;
mod retention;

use std::sync::Arc;

use wisp_core::{
    model::{Activation, Millis},
    ports::{Activations, Query, Scope},
};

pub use history::{Step, check as check_history, histories};

use crate::fixtures::namespace;

type Port = Arc<dyn Activations>;

/// All checks, each on an empty store. Times are days apart where buckets of any sensible length may matter.
pub async fn suite(open: &dyn Fn() -> Port) {
    promises::suite(open).await;
    lists::suite(open).await;
    retention::suite(open).await;
}

/// A time to count from, at the start of a minute.
const NOON: Millis = 28_333_333 * MINUTE;
const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// All of a namespace.
fn all(name: &str) -> Scope {
    Scope {
        namespace: namespace(name),
        name: None,
        since: None,
        upto: None,
    }
}

/// All of a name in a namespace.
fn of(namespace: &str, name: &str) -> Scope {
    Scope {
        name: Some(name.into()),
        ..all(namespace)
    }
}

/// The records of a page.
async fn page(port: &Port, scope: Scope, skip: u64, limit: u64) -> Vec<Activation> {
    let found = port.list(&Query { scope, skip, limit }).await.unwrap();
    found.iter().map(|json| serde_json::from_slice(json).unwrap()).collect()
}

/// The ids of all records of a scope, newest first; that their number is counted right is checked on the way.
async fn ids(port: &Port, scope: Scope) -> Vec<u128> {
    let found = page(port, scope.clone(), 0, 1_000).await;
    assert_eq!(port.count(&scope).await.unwrap(), found.len() as u64, "{scope:?}");
    found
        .iter()
        .map(|activation| u128::from_be_bytes(activation.activation_id.to_bytes()))
        .collect()
}
