//! `wisp workflow`: state machines and their executions.

mod test;

use clap::Parser;

use crate::cli::{Session, Verb};

/// Work with workflows: state machines and their executions
#[derive(Parser)]
enum Workflow {
    Test(test::Test),
}

/// `wisp workflow`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, workflow: Workflow) -> anyhow::Result<()> {
    match workflow {
        Workflow::Test(test) => test.run(&session),
    }
}
