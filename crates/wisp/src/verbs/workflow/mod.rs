//! `wisp workflow`: state machines and their executions, by the Step Functions API.

mod credentials;
mod deploy;
mod fork;
mod graph;
mod inspect;
mod lint;
mod list;
mod names;
mod show;
mod signal;
mod start;
mod tables;
mod test;
mod timeline;

use clap::Parser;

use crate::cli::{Session, Verb};

/// Work with workflows: state machines and their executions
#[derive(Parser)]
enum Workflow {
    Deploy(deploy::Deploy),
    Start(start::Start),
    List(list::List),
    Show(show::Show),
    History(show::History),
    Stop(show::Stop),
    Redrive(show::Redrive),
    Fork(fork::Fork),
    Signal(signal::Signal),
    Graph(graph::Graph),
    Timeline(timeline::Timeline),
    Delete(deploy::Delete),
    Lint(lint::Lint),
    Test(test::Test),
    Credentials(credentials::Show),
}

/// `wisp workflow`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, workflow: Workflow) -> anyhow::Result<()> {
    match workflow {
        Workflow::Deploy(deploy) => deploy.run(&session).await,
        Workflow::Start(start) => start.run(&session).await,
        Workflow::List(list) => list.run(&session).await,
        Workflow::Show(show) => show.run(&session).await,
        Workflow::History(history) => history.run(&session).await,
        Workflow::Stop(stop) => stop.run(&session).await,
        Workflow::Redrive(redrive) => redrive.run(&session).await,
        Workflow::Fork(fork) => fork.run(&session).await,
        Workflow::Signal(signal) => signal.run(&session).await,
        Workflow::Graph(graph) => graph.run(&session).await,
        Workflow::Timeline(timeline) => timeline.run(&session).await,
        Workflow::Delete(delete) => delete.run(&session).await,
        Workflow::Lint(lint) => lint.run(&session),
        Workflow::Test(test) => test.run(&session),
        Workflow::Credentials(credentials) => credentials.run(&session).await,
    }
}
