//! `wisp simulate`: what a policy would have done with a workload that was recorded.

mod keepalive;
mod plot;
mod trace;

use clap::Parser;

use crate::cli::{Session, Verb};

/// Replay recorded workloads through the platform's policies
#[derive(Parser)]
enum Simulate {
    Keepalive(keepalive::Keepalive),
}

/// `wisp simulate`
pub fn register() -> Verb {
    Verb::local(run)
}

fn run(session: Session, simulate: Simulate) -> anyhow::Result<()> {
    match simulate {
        Simulate::Keepalive(keepalive) => keepalive.run(&session),
    }
}
