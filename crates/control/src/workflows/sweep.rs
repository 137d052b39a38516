//! Removes definitions and records of map runs that nothing refers to any more.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use wisp_core::{
    Code, Result,
    model::Millis,
    ports::{Expect, Record, Table, journal::Page},
};

use super::{
    Machine, Version,
    express::PROMISED,
    key::namespace_of,
    machine::{DEFINITIONS, MACHINES, VERSIONS},
    map_runs::MAP_RUNS,
    run::{Run, STATUSES, Summary, decode},
    shelf::deleting,
};
use crate::{control::Control, durable, orchestrations::is_ours};

/// Executions that are looked up at once.
const PAGE: usize = 1000;

/// How long between two sweeps, in milliseconds: each reads the list of executions if there is anything to remove.
const PAUSE: Millis = 3_600_000;

/// What the last sweep found that nothing refers to, and when that was. What two sweeps find is removed: whoever starts an
/// execution meanwhile has read the definition before, and written it by then.
#[derive(Default)]
pub(crate) struct Suspects(Mutex<(Option<Millis>, HashSet<String>)>);

impl Suspects {
    /// Whether it is time.
    fn is_due(&self, now: Millis) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.0.is_none_or(|last| now >= last + PAUSE);
        if due {
            last.0 = Some(now);
        }
        due
    }

    /// Which of these were suspect before; from now on these are.
    fn again(&self, found: HashSet<String>) -> HashSet<String> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut last.1, found.clone());
        found.intersection(&before).cloned().collect()
    }
}

impl Control {
    /// Removes definitions that no machine, version or execution refers to, and records of map runs whose executions are gone, if
    /// an hour has passed since the last time and they were found then too. Returns how many went.
    pub async fn sweep_workflows(&self) -> Result<usize> {
        let workflows = &self.inner.workflows;
        if !workflows.swept.is_due(self.inner.clock.now()) {
            return Ok(0);
        }
        let definitions = workflows.shelf.records.scan(DEFINITIONS, "").await?;
        let unused = self.unused_definitions(&definitions).await?;
        let map_runs = workflows.shelf.records.scan(MAP_RUNS, "").await?;
        let mut gone = HashSet::new();
        for record in &map_runs {
            let execution: String = decode(&record.value)?;
            if workflows.journal.load(&execution).await?.is_none() {
                gone.insert(record.key.clone());
            }
        }
        let found = unused.into_iter().chain(gone).collect();
        let again = workflows.swept.again(found);
        let (definitions, map_runs) = (
            self.remove(DEFINITIONS, &definitions, &again).await?,
            self.remove(MAP_RUNS, &map_runs, &again).await?,
        );
        Ok(definitions + map_runs)
    }

    /// The keys of definitions that nothing refers to.
    async fn unused_definitions(&self, definitions: &[Record]) -> Result<HashSet<String>> {
        let shelf = &self.inner.workflows.shelf;
        let mut unused: HashSet<String> = definitions.iter().map(|record| record.key.clone()).collect();
        for record in shelf.records.scan(MACHINES, "").await? {
            let machine: Machine = decode(&record.value)?;
            unused.remove(&definition_key(&record.key, &machine.draft.definition));
        }
        for record in shelf.records.scan(VERSIONS, "").await? {
            let version: Version = decode(&record.value)?;
            unused.remove(&definition_key(&record.key, &version.draft.definition));
        }
        for status in STATUSES.into_iter().chain([PROMISED]) {
            for (scope, _) in self.inner.workflows.journal.census(status).await? {
                // Children of map runs are gone before the executions that they are of.
                let others = is_ours(&scope) || durable::is_key(&scope);
                if !unused.is_empty() && (status == PROMISED || !others) {
                    self.strike_out(&scope, status, &mut unused).await?;
                }
            }
        }
        Ok(unused)
    }

    /// Strikes out what the executions of a list refer to.
    async fn strike_out(&self, scope: &str, status: &str, unused: &mut HashSet<String>) -> Result<()> {
        let journal = &self.inner.workflows.journal;
        let mut page = Page {
            scope: scope.to_owned(),
            status: Some(status.to_owned()),
            after: None,
            limit: PAGE,
        };
        loop {
            let listed = journal.list(&page).await?;
            for one in &listed {
                let definition = match status {
                    PROMISED => match journal.load(&one.execution).await? {
                        Some(stored) => decode::<Run>(&stored.state)?.definition,
                        None => continue,
                    },
                    _ => decode::<Summary>(&one.place.summary)?.definition,
                };
                unused.remove(&definition_key(scope, &definition));
            }
            match listed.last().filter(|_| listed.len() == PAGE && !unused.is_empty()) {
                Some(last) => page.after = Some((last.place.started, last.execution.clone())),
                None => return Ok(()),
            }
        }
    }

    /// Removes those of these records that are to go, unless they were written again.
    async fn remove(&self, table: Table, records: &[Record], keys: &HashSet<String>) -> Result<usize> {
        let mut removed = 0;
        for record in records.iter().filter(|record| keys.contains(&record.key)) {
            let write = deleting(table, record.key.clone(), Expect::At(record.revision));
            match self.inner.workflows.shelf.records.commit(vec![write]).await {
                Ok(_) => removed += 1,
                Err(error) if error.code() == Code::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }
}

/// Where a definition is that something of the same namespace refers to.
fn definition_key(of: &str, digest: &str) -> String {
    format!("{}/{digest}", namespace_of(of))
}
