use axum::{
    extract,
    routing::{self, MethodRouter},
};
use serde_json::json;
use wisp_control::{Collection, Entity, Opened};
use wisp_core::model::Right;
use wisp_wire::{
    document::{PackageDoc, PackageSummary},
    put,
};

use crate::{
    State,
    extract::{Incoming, Named, Page, Place, Query},
    reply::{Reply, ok},
};

pub(crate) fn entity() -> MethodRouter<State> {
    routing::get(get).put(put_one).delete(delete)
}

pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place, query: Query) -> Reply {
    let page = Page::of(&query, "packages")?;
    let entities = state
        .control
        .list(&at.caller, &at.namespace, Collection::Packages)
        .await?;
    if page.count {
        return ok(&json!({ "packages": page.remaining(entities.len() as u64) }));
    }
    let summaries = page.cut(entities.iter()).filter_map(|entity| match entity {
        Entity::Package(package) => Some(PackageSummary::from(&**package)),
        _ => None,
    });
    ok(&summaries.collect::<Vec<_>>())
}

async fn get(extract::State(state): extract::State<State>, at: Named) -> Reply {
    let Opened { package, actions } = state.control.get_package(&at.caller, &at.name).await?;
    ok(&PackageDoc::from(&package).containing(actions.iter().map(|action| &**action)))
}

async fn put_one(extract::State(state): extract::State<State>, at: Named, query: Query, body: Incoming) -> Reply {
    let overwrite = query.flag("overwrite")?;
    state.control.entitle(&at.caller, Right::Put, &at.name)?;
    let put = put::package(&body.document(&state).await?, &at.caller.namespace)?;
    ok(&PackageDoc::from(
        &*state.control.put_package(&at.caller, &at.name, put, overwrite).await?,
    ))
}

async fn delete(extract::State(state): extract::State<State>, at: Named, query: Query) -> Reply {
    let force = query.flag("force")?;
    ok(&PackageDoc::from(
        &*state.control.delete_package(&at.caller, &at.name, force).await?,
    ))
}
