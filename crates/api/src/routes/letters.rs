use axum::{
    extract,
    http::StatusCode,
    routing::{self, MethodRouter},
};
use serde_json::value::RawValue;
use wisp_core::{
    Code, Error, Result,
    model::{DeadLetter, Fqn},
};
use wisp_wire::document::{LetterDoc, MovedDoc, RedrivenDoc};

use crate::{
    State,
    extract::{Page, Place, Query, Segment},
    reply::{Reply, json, ok},
    transaction::Transaction,
};

/// Dead letters that one request moves at most.
const MOST: usize = 1_000;

pub(crate) fn collection() -> MethodRouter<State> {
    routing::get(list).post(redrive_all).delete(purge_all)
}

pub(crate) fn entity() -> MethodRouter<State> {
    routing::get(get).post(redrive).delete(purge)
}

async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let page = Page::of(&query, "dlq")?;
    let letters = letters(&state, &at, &query).await?;
    if page.count {
        return ok(&serde_json::json!({ "dlq": page.remaining(letters.len() as u64) }));
    }
    ok(&page.cut(letters.into_iter()).collect::<Vec<_>>())
}

async fn get(extract::State(state): extract::State<State>, at: Segment) -> Reply {
    let Place { caller, namespace } = &at.place;
    let letter = state.control.get_letter(caller, namespace, at.text.parse()?).await?;
    ok(&LetterDoc {
        event: RawValue::to_owned(&letter.event),
        letter: letter.head,
    })
}

async fn redrive(extract::State(state): extract::State<State>, at: Segment, transaction: Transaction) -> Reply {
    let Place { caller, namespace } = &at.place;
    let (id, transaction) = (at.text.parse()?, transaction.as_str());
    let activation_id = state.control.redrive_letter(caller, namespace, id, transaction).await?;
    Ok(json(StatusCode::ACCEPTED, &RedrivenDoc { activation_id }))
}

async fn purge(extract::State(state): extract::State<State>, at: Segment) -> Reply {
    let Place { caller, namespace } = &at.place;
    ok(&state.control.purge_letter(caller, namespace, at.text.parse()?).await?)
}

/// Delivers them again in the order in which they were given up, until all are or one may not be.
async fn redrive_all(
    extract::State(state): extract::State<State>,
    at: Place,
    query: Query,
    transaction: Transaction,
) -> Reply {
    let letters = letters(&state, &at, &query).await?;
    let (mut done, all) = (0, letters.len() as u64);
    for letter in letters.iter().rev().take(MOST) {
        let redriven = state
            .control
            .redrive_letter(&at.caller, &at.namespace, letter.id, transaction.as_str());
        match redriven.await {
            Ok(_) => done += 1,
            Err(error) if is_gone(&error) => {}
            Err(error) if done == 0 => return Err(error.into()),
            Err(_) => break,
        }
    }
    let left = all - done;
    Ok(json(StatusCode::ACCEPTED, &MovedDoc { done, left }))
}

async fn purge_all(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let letters = letters(&state, &at, &query).await?;
    let (mut done, all) = (0, letters.len() as u64);
    for letter in letters.iter().rev().take(MOST) {
        match state.control.purge_letter(&at.caller, &at.namespace, letter.id).await {
            Ok(_) => done += 1,
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let left = all - done;
    ok(&MovedDoc { done, left })
}

/// Whether somebody else has moved it meanwhile.
fn is_gone(error: &Error) -> bool {
    matches!(error.code(), Code::NotFound | Code::Conflict)
}

async fn letters(state: &State, at: &Place, query: &Query) -> Result<Vec<DeadLetter>> {
    let rule = query.get("rule").map(|rule| Fqn::resolve(rule, &at.namespace));
    let rule = rule.transpose()?;
    state
        .control
        .list_letters(&at.caller, &at.namespace, rule.as_ref())
        .await
}
