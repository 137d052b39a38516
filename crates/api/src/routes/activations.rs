use axum::{extract, http::StatusCode};
use bytes::Bytes;
use serde_json::{json, value::RawValue};
use wisp_core::{
    Code, Error, Result,
    model::EntityName,
    ports::{self, Scope},
};
use wisp_wire::document::{self, ActivationSummary};

use crate::{
    State,
    extract::{Page, Place, Query, Segment},
    reply::{Reply, ok, raw},
};

pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    state.control.entitle_namespace(&at.caller, &at.namespace)?;
    let page = Page::of(&query, "activations")?;
    let docs = query.flag("docs")?;
    let scope = scope(&query, at.namespace)?;
    if page.count {
        if docs {
            return Err(Error::bad_request("The parameter 'docs' is not permitted with 'count'.").into());
        }
        let count = state.control.count_activations(&at.caller, &scope).await?;
        return ok(&json!({ "activations": page.remaining(count) }));
    }
    let asked = ports::Query {
        scope,
        skip: page.skip,
        limit: page.limit,
    };
    let records = state.control.list_activations(&at.caller, &asked).await?;
    if docs {
        let records = records.iter().map(|record| serde_json::from_slice::<&RawValue>(record));
        return ok(&records
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| corrupted().because(error))?);
    }
    ok(&records
        .iter()
        .map(|record| ActivationSummary::of(record))
        .collect::<Result<Vec<_>>>()?)
}

fn scope(query: &Query, namespace: EntityName) -> Result<Scope> {
    let time = |key| {
        query.read(key, |text| {
            text.parse()
                .map_err(|_| format!("Parameter is not a valid value for epoch seconds: {text}"))
        })
    };
    Ok(Scope {
        namespace,
        name: query.read("name", name)?,
        since: time("since")?,
        upto: time("upto")?,
    })
}

fn name(text: &str) -> std::result::Result<String, String> {
    let segments: Vec<_> = text.split('/').map(str::parse::<EntityName>).collect();
    if segments.len() > 2 {
        return Err(format!(
            "Parameter may be a 'simple' name or 'package-name/simple' name: {text}"
        ));
    }
    match segments.into_iter().find_map(Result::err) {
        Some(error) => Err(error.message().to_owned()),
        None => Ok(text.to_owned()),
    }
}

pub(crate) async fn get(extract::State(state): extract::State<State>, at: Segment) -> Reply {
    Ok(raw(StatusCode::OK, record(&state, at).await?))
}

pub(crate) async fn logs(extract::State(state): extract::State<State>, at: Segment) -> Reply {
    Ok(raw(StatusCode::OK, document::logs(&record(&state, at).await?)?))
}

pub(crate) async fn result(extract::State(state): extract::State<State>, at: Segment) -> Reply {
    Ok(raw(StatusCode::OK, document::response(&record(&state, at).await?)?))
}

async fn record(state: &State, at: Segment) -> Result<Bytes> {
    let id = at.text.parse()?;
    state
        .control
        .get_activation(&at.place.caller, &at.place.namespace, id)
        .await
}

fn corrupted() -> Error {
    Error::new(Code::Corrupted, "Resource is corrupted and cannot be read.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_simple_or_in_a_package() {
        assert_eq!(name("a").as_deref(), Ok("a"));
        assert_eq!(name("p/a").as_deref(), Ok("p/a"));
        let expected = "Parameter may be a 'simple' name or 'package-name/simple' name: n/p/a";
        assert_eq!(name("n/p/a"), Err(expected.into()));
        assert!(name("").is_err());
    }
}
