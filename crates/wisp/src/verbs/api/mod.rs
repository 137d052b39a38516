//! `wisp api`: HTTP APIs made of web actions.

mod create;
mod keys;
mod policy;
mod show;
mod traffic;

use clap::Parser;
use serde_json::Value;
use wisp_wire::client::{self, Client};

use crate::cli::{Session, Verb};

/// Work with APIs: paths and methods that reach web actions
#[derive(Parser)]
enum Api {
    Create(create::Create),
    Get(show::Get),
    List(show::List),
    Delete(show::Delete),
    Policy(policy::Policy),
    #[command(subcommand)]
    Key(keys::Key),
    Logs(traffic::Logs),
    Usage(traffic::Usage),
}

/// `wisp api`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, api: Api) -> anyhow::Result<()> {
    match api {
        Api::Create(create) => create.run(&session).await,
        Api::Get(get) => get.run(&session).await,
        Api::List(list) => list.run(&session).await,
        Api::Delete(delete) => delete.run(&session).await,
        Api::Policy(policy) => policy.run(&session).await,
        Api::Key(key) => key.run(&session).await,
        Api::Logs(logs) => logs.run(&session).await,
        Api::Usage(usage) => usage.run(&session).await,
    }
}

/// The document of an API, by its base path or name.
async fn document(client: &Client, base: &str) -> client::Result<Value> {
    part(client, base, None, None).await
}

/// The same with one of its paths only, or one operation of that.
async fn part(client: &Client, base: &str, path: Option<&str>, method: Option<&str>) -> client::Result<Value> {
    let query = [
        ("basepath", Some(base)),
        ("relpath", path),
        ("operation", method),
        ("format", Some("swagger")),
    ];
    client.apis("getApi", &query).await
}
