//! `wisp api`: HTTP APIs made of web actions.

mod create;
mod keys;
mod policy;
mod show;
mod traffic;

use clap::Parser;

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
