//! `wisp activation`: records of what ran.

mod breakdown;
mod list;
mod poll;
mod show;

use clap::Parser;

use crate::cli::{Session, Verb};

/// Work with activations
#[derive(Parser)]
enum Activation {
    List(list::List),
    Get(show::Get),
    Logs(show::Logs),
    Result(show::Result),
    Poll(poll::Poll),
}

/// `wisp activation`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, activation: Activation) -> anyhow::Result<()> {
    match activation {
        Activation::List(list) => list.run(&session).await,
        Activation::Get(get) => get.run(&session).await,
        Activation::Logs(logs) => logs.run(&session).await,
        Activation::Result(result) => result.run(&session).await,
        Activation::Poll(poll) => poll.run(&session).await,
    }
}
