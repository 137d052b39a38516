use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use proptest::{collection::vec, option, prelude::*};
use wisp_core::{
    model::{Activation, Millis},
    ports::{Query, Retention, Scope},
};

use super::{MINUTE, NOON, Port};
use crate::fixtures::{activation, namespace};

/// Something that happens to a store.
#[derive(Clone, Debug)]
pub enum Step {
    /// An activation ends, perhaps one that did already.
    Finish {
        /// Its namespace, of [`NAMESPACES`].
        namespace: usize,
        /// Its action, of [`ACTIONS`].
        action: usize,
        /// Its id.
        id: u8,
        /// Its start.
        start: Millis,
    },
    /// A sweep that keeps this many.
    Sweep(u64),
    /// A list and a count, held against what they should be.
    Look {
        /// The namespace.
        namespace: usize,
        /// The name, if any.
        name: Option<usize>,
        /// The earliest start.
        since: Option<Millis>,
        /// The latest start.
        upto: Option<Millis>,
        /// How many are left out.
        skip: u64,
        /// How many at most.
        limit: u64,
    },
}

/// The namespaces of histories.
const NAMESPACES: [&str; 2] = ["guest", "guest2"];
/// The actions of histories, and the names that are looked for.
const ACTIONS: [&str; 4] = ["greet", "tools/greet", "tools/other", "greet2"];
const NAMES: [&str; 6] = ["greet", "tools/greet", "tools/other", "greet2", "other", "tools"];

/// Histories in which all that could go wrong is near: few ids, few names, times around the edges of minutes.
pub fn histories() -> impl Strategy<Value = Vec<Step>> {
    let time = || (0_u64..4, prop_oneof![Just(0), Just(1), Just(MINUTE - 1), 0..MINUTE]);
    let time = move || time().prop_map(|(minute, rest)| NOON + minute * MINUTE + rest);
    let finish =
        (0..NAMESPACES.len(), 0..ACTIONS.len(), 0_u8..40, time()).prop_map(|(namespace, action, id, start)| {
            Step::Finish {
                namespace,
                action,
                id,
                start,
            }
        });
    let look = (
        0..NAMESPACES.len(),
        option::of(0..NAMES.len()),
        option::of(time()),
        option::of(time()),
        0_u64..12,
        0_u64..12,
    )
        .prop_map(|(namespace, name, since, upto, skip, limit)| Step::Look {
            namespace,
            name,
            since,
            upto,
            skip,
            limit,
        });
    vec(
        prop_oneof![8 => finish, 1 => (0_u64..20).prop_map(Step::Sweep), 4 => look],
        1..80,
    )
}

/// What a store should hold: namespace, action and start of each id.
type Model = HashMap<u8, (usize, usize, Millis)>;

/// Carries a history out, and holds every look against a model. Rounds of one store do not get in each other's way.
pub async fn check(port: &Port, round: u64, history: &[Step]) -> Result<(), TestCaseError> {
    let mut model = Model::new();
    for step in history {
        match *step {
            Step::Finish {
                namespace,
                action,
                id,
                start,
            } => {
                port.finish(Arc::new(record(round, id, (namespace, action, start))))
                    .await
                    .unwrap();
                model.insert(id, (namespace, action, start));
            }
            Step::Sweep(keep) => {
                let policy = |_: &str| Retention {
                    age: u64::MAX,
                    count: keep,
                    bytes: u64::MAX,
                };
                port.sweep(NOON, &policy).await.unwrap();
                (0..NAMESPACES.len()).for_each(|namespace| sweep(&mut model, namespace, keep as usize));
            }
            Step::Look {
                namespace: ns,
                name,
                since,
                upto,
                skip,
                limit,
            } => {
                let name = name.map(|name| NAMES[name]);
                let expected = expected(&model, ns, name, since.unwrap_or(0), upto.unwrap_or(u64::MAX));
                let scope = Scope {
                    namespace: namespace(&named(round, ns)),
                    name: name.map(str::to_owned),
                    since,
                    upto,
                };
                prop_assert_eq!(port.count(&scope).await.unwrap(), expected.len() as u64, "{:?}", scope);
                let page = port.list(&Query { scope, skip, limit }).await.unwrap();
                let expected: Vec<String> = expected
                    .into_iter()
                    .skip(skip as usize)
                    .take(limit as usize)
                    .map(|id| text(&model, round, id))
                    .collect();
                prop_assert_eq!(page, expected);
            }
        }
    }
    Ok(())
}

/// A namespace of a round.
fn named(round: u64, namespace: usize) -> String {
    format!("{}-{round}", NAMESPACES[namespace])
}

fn record(round: u64, id: u8, (namespace, action, start): (usize, usize, Millis)) -> Activation {
    activation(
        &named(round, namespace),
        ACTIONS[action],
        u128::from(round) << 8 | u128::from(id),
        start,
    )
}

fn text(model: &Model, round: u64, id: u8) -> String {
    serde_json::to_string(&record(round, id, model[&id])).unwrap()
}

fn expected(model: &Model, namespace: usize, name: Option<&str>, since: Millis, upto: Millis) -> Vec<u8> {
    let fits_name = |action: usize| {
        let path = ACTIONS[action];
        name.is_none_or(|name| name == path || path.rsplit('/').next() == Some(name))
    };
    let fits = |(_, (ns, action, start)): &(&u8, &(usize, usize, Millis))| {
        *ns == namespace && fits_name(*action) && (since..=upto).contains(start)
    };
    let mut ids: Vec<u8> = model.iter().filter(fits).map(|(id, _)| *id).collect();
    ids.sort_by_key(|id| (Reverse(model[id].2), *id));
    ids
}

/// Takes out the surplus: all that started when the first record of it did, or before.
fn sweep(model: &mut Model, namespace: usize, keep: usize) {
    let all = expected(model, namespace, None, 0, u64::MAX);
    if let Some(first) = all.get(keep).map(|id| model[id].2) {
        model.retain(|_, (ns, _, start)| *ns != namespace || *start > first);
    }
}
