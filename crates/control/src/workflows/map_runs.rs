use wisp_core::{
    Result,
    model::{Identity, Right},
    ports::{Expect, Table, journal::Page},
};
use wisp_workflow::execution::{EventKind, Pace, Status, Tolerance};

use super::{
    Exception,
    arn::{Arn, Named},
    machines::TOKEN,
    nested::map_run_scope,
    paging::{Chunk, Paging},
    run::{MapRun, Run},
    shelf::writing,
};
use crate::{control::Control, resolve::require};

/// The execution of a map run, by the run's ARN.
pub(super) const MAP_RUNS: Table = "map_runs";

/// Children that are counted in one read.
const PAGE: usize = 1000;

/// How many children of a map run are how far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Those that go on.
    pub running: u64,
    /// Those that ended well.
    pub succeeded: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that took too long.
    pub timed_out: u64,
    /// Those that were stopped.
    pub aborted: u64,
}

/// What a map run is to keep to, as far as that changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Children at once; 0 is as many as there may be.
    pub concurrency: Option<u32>,
    /// Children that may fail.
    pub count: Option<u32>,
    /// The same, of 100.
    pub percentage: Option<f64>,
}

impl Control {
    /// Writes down which execution a map run is of.
    pub(super) fn note_map_run(&self, key: &str, arn: &str) {
        let (control, key, arn) = (self.clone(), key.to_owned(), arn.to_owned());
        self.inner.tasks.spawn(Box::pin(async move {
            let write = writing(MAP_RUNS, arn.clone(), &key, Expect::Any);
            let noted = match write {
                Ok(write) => control.inner.workflows.shelf.commit(vec![write]).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = noted {
                tracing::error!(map_run = arn, ?error, "a map run will not be found by its ARN");
            }
        }));
    }

    /// A map run, the execution that it is of, and how far its children are.
    pub async fn describe_map_run(&self, caller: &Identity, text: &str) -> Result<(Run, MapRun, Counts)> {
        require(caller, Right::Read)?;
        let arn = Arn::parse(text, caller, Exception::ResourceNotFound)?;
        if !matches!(arn.named, Named::MapRun(..)) {
            return Err(arn.misplaced());
        }
        let missing = || Exception::ResourceNotFound.of(text);
        let key = self
            .inner
            .workflows
            .shelf
            .get::<String>(MAP_RUNS, text)
            .await?
            .ok_or_else(missing)?;
        let run = self.find_run(&key.value).await?.ok_or_else(missing)?;
        let found = run
            .map_runs
            .values()
            .find(|run| run.arn == text)
            .cloned()
            .ok_or_else(missing)?;
        let counts = self.count_children(caller, text).await?;
        Ok((run, found, counts))
    }

    /// Lets a map run that goes on keep to something else; what is not said stays.
    pub async fn pace_map_run(&self, caller: &Identity, text: &str, change: Change) -> Result<()> {
        require(caller, Right::Activate)?;
        if change.percentage.is_some_and(|share| !(0.0..=100.0).contains(&share)) {
            let rule = "Member must have value between 0 and 100";
            let share = change.percentage.unwrap_or_default();
            return Err(Exception::constraint(share, "toleratedFailurePercentage", rule));
        }
        let (run, found, _) = self.describe_map_run(caller, text).await?;
        let id = run.map_runs.iter().find(|(_, run)| run.arn == text).map(|(id, _)| *id);
        let (Some(id), Status::Running) = (id, found.status) else {
            let message = format!("Map Run is not running: '{text}'");
            return Err(Exception::ValidationException.says(message));
        };
        let Pace { concurrency, tolerance } = found.pace;
        let pace = Pace {
            concurrency: change.concurrency.unwrap_or(concurrency),
            tolerance: Tolerance {
                count: change.count.or(tolerance.count),
                percentage: change.percentage.or(tolerance.percentage),
            },
        };
        self.tell(&run.key(), EventKind::MapRunPaced { id, pace }).await
    }

    async fn count_children(&self, caller: &Identity, arn: &str) -> Result<Counts> {
        let mut counts = Counts::default();
        let scope = map_run_scope(&caller.namespace, arn);
        let mut page = Page {
            scope,
            status: None,
            after: None,
            limit: PAGE,
        };
        loop {
            let found = self.inner.workflows.journal.list(&page).await?;
            for one in &found {
                *counts.of(&one.place.status) += 1;
            }
            match found.last().filter(|_| found.len() == PAGE) {
                Some(last) => page.after = Some((last.place.started, last.execution.clone())),
                None => return Ok(counts),
            }
        }
    }

    /// The map runs of an execution.
    pub async fn list_map_runs(&self, caller: &Identity, arn: &str, paging: &Paging) -> Result<(Run, Chunk<MapRun>)> {
        require(caller, Right::Read)?;
        let (_, run) = self.execution(caller, arn).await?;
        let all: Vec<MapRun> = run.map_runs.values().cloned().collect();
        let page = paging.cut(TOKEN, all, |run| run.arn.clone())?;
        Ok((run, page))
    }
}

impl Counts {
    fn of(&mut self, status: &str) -> &mut u64 {
        match status {
            status if status == super::run::status(Status::Succeeded) => &mut self.succeeded,
            status if status == super::run::status(Status::Failed) => &mut self.failed,
            status if status == super::run::status(Status::TimedOut) => &mut self.timed_out,
            status if status == super::run::status(Status::Aborted) => &mut self.aborted,
            _ => &mut self.running,
        }
    }
}
