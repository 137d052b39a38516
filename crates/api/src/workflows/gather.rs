use serde_json::{Value, json};
use wisp_control::workflows::{Chunk, Paging};
use wisp_core::Result;

use crate::{
    extract::Page,
    reply::{Reply, ok},
};

/// Entries that are asked for at once.
const MOST: i64 = 1000;

/// A page of a list that goes on by tokens, in the form that all lists have.
pub(super) async fn gather<T, F>(
    page: &Page,
    collection: &str,
    mut ask: impl FnMut(Paging) -> F,
    show: impl Fn(T) -> Value,
) -> Reply
where
    F: Future<Output = Result<Chunk<T>>>,
{
    let most = match page.count {
        true => u64::MAX,
        false => page.skip.saturating_add(page.limit),
    };
    let (mut entries, mut passed, mut token) = (Vec::new(), 0, None);
    while passed < most {
        let limit = i64::try_from(most - passed).unwrap_or(MOST).min(MOST);
        let chunk = ask(Paging {
            limit: Some(limit),
            token,
        });
        let chunk = chunk.await?;
        for entry in chunk.entries {
            if passed >= page.skip && !page.count {
                entries.push(show(entry));
            }
            passed += 1;
        }
        token = chunk.next;
        if token.is_none() {
            break;
        }
    }
    match page.count {
        true => ok(&json!({ collection: page.remaining(passed) })),
        false => ok(&entries),
    }
}
