use wisp_core::{Code, Result};

use super::{
    express::PROMISED,
    key::namespace_of,
    run::{RUNNING, decode},
};
use crate::{buckets, control::Control, durable, orchestrations::is_ours};

/// Executions that are looked up at once.
const PAGE: usize = 256;

impl Control {
    /// Takes up what the previous run of this server left: work that was begun and not answered is begun again, and
    /// timers are watched from now on. Executions that only wait are not read. Returns how many went on.
    pub async fn resume_workflows(&self) -> Result<usize> {
        let (journal, census) = (&self.inner.workflows.journal, &self.inner.workflows.census);
        for status in [RUNNING, PROMISED] {
            for (scope, count) in journal.census(status).await? {
                census.begun(namespace_of(&scope), usize::try_from(count).unwrap_or(usize::MAX));
            }
        }
        self.count_instances().await?;
        let (mut resumed, mut after) = (0, None);
        loop {
            let page = journal.pending(after.as_deref(), PAGE).await?;
            for execution in &page {
                match self.resume_one(execution).await {
                    Ok(()) => resumed += 1,
                    // One that cannot be read keeps nobody else from going on.
                    Err(error) if error.code() == Code::Corrupted => {
                        tracing::error!(execution, ?error, "an execution cannot go on");
                    }
                    Err(error) => return Err(error),
                }
            }
            match page.last().filter(|_| page.len() == PAGE) {
                Some(last) => after = Some(last.clone()),
                None => break,
            }
        }
        self.read_sources().await?;
        let (timers, buckets) = (self.clone(), self.clone());
        let tasks = &self.inner.tasks;
        tasks.spawn(Box::pin(async move { timers.watch_timers().await }));
        tasks.spawn(Box::pin(async move { buckets.watch_buckets().await }));
        Ok(resumed)
    }

    async fn resume_one(&self, execution: &str) -> Result<()> {
        if durable::is_key(execution) {
            let (control, key) = (self.clone(), execution.to_owned());
            self.inner.tasks.spawn(Box::pin(async move {
                if let Err(error) = control.go_on_with(&key).await {
                    tracing::error!(
                        execution = key,
                        ?error,
                        "a durable sequence or composition does not go on"
                    );
                }
            }));
            return Ok(());
        }
        if buckets::is_ours(execution) {
            self.resume_scope(execution);
            return Ok(());
        }
        if is_ours(execution) {
            self.resume_instance(execution);
            return Ok(());
        }
        let Some(stored) = self.inner.workflows.journal.load(execution).await? else {
            return Ok(());
        };
        match stored.place.status == PROMISED {
            true => self.keep_promise(execution.to_owned(), decode(&stored.state)?),
            false => self.resume_execution(execution),
        }
        Ok(())
    }

    /// Ends what waits for workflows, so that the server can end: what is not done goes on at its next start.
    pub fn stop_workflows(&self) {
        self.inner.workflows.stop();
    }
}
