use axum::{
    extract,
    http::StatusCode,
    response::IntoResponse,
    routing::{self, MethodRouter},
};
use serde_json::json;
use wisp_control::{Collection, Entity};
use wisp_core::model::{Right, RuleStatus};
use wisp_wire::{
    document::{FailingDoc, RuleDoc, RuleSummary},
    put,
};

use crate::{
    State,
    extract::{Incoming, Named, Page, Place, Query},
    reply::{Reply, ok},
};

pub(crate) fn entity() -> MethodRouter<State> {
    routing::get(get).put(put_one).delete(delete).post(set_status)
}

pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let page = Page::of(&query, "rules")?;
    let entities = state.control.list(&at.caller, &at.namespace, Collection::Rules).await?;
    if page.count {
        return ok(&json!({ "rules": page.remaining(entities.len() as u64) }));
    }
    let summaries = page.cut(entities.iter()).filter_map(|entity| match entity {
        Entity::Rule(rule) => Some(RuleSummary::from(&**rule)),
        _ => None,
    });
    ok(&summaries.collect::<Vec<_>>())
}

async fn get(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let (rule, status) = state.control.get_rule(&at.caller, &at.name).await?;
    let failing = state.control.failing(&rule).map(|failing| FailingDoc {
        failures: failing.failures,
        since: failing.since,
        last: failing.last,
        error: failing.error,
    });
    ok(&RuleDoc {
        failing,
        ..RuleDoc::new(&rule, status)
    })
}

async fn put_one(extract::State(state): extract::State<State>, at: Named, query: Query, body: Incoming) -> Reply {
    let overwrite = query.flag("overwrite")?;
    state.control.entitle(&at.caller, Right::Put, &at.name)?;
    let put = put::rule(&body.document(&state).await?, &at.caller.namespace)?;
    let (rule, status) = state.control.put_rule(&at.caller, &at.name, put, overwrite).await?;
    ok(&RuleDoc::new(&rule, status))
}

async fn delete(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let rule = state.control.delete_rule(&at.caller, &at.name).await?;
    ok(&RuleDoc::new(&rule, RuleStatus::Inactive))
}

async fn set_status(extract::State(state): extract::State<State>, at: Named, body: Incoming) -> Reply {
    state.control.entitle(&at.caller, Right::Activate, &at.name)?;
    let status = put::status(&body.document(&state).await?)?;
    state.control.set_rule_status(&at.caller, &at.name, status).await?;
    Ok(StatusCode::OK.into_response())
}
