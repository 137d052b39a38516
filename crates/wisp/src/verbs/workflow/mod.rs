//! `wisp workflow`: state machines and their executions.

mod lint;
mod tables;
mod test;

use clap::Parser;

use crate::cli::{Session, Verb};

/// Work with workflows: state machines and their executions
#[derive(Parser)]
enum Workflow {
    Lint(lint::Lint),
    Test(test::Test),
}

/// `wisp workflow`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, workflow: Workflow) -> anyhow::Result<()> {
    match workflow {
        Workflow::Lint(lint) => lint.run(&session),
        Workflow::Test(test) => test.run(&session),
    }
}
