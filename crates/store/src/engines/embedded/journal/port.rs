use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wisp_core::{
    Result,
    model::Millis,
    ports::{
        Journal,
        journal::{Due, Effect, Execution, Listed, Page, Timer, Turn},
    },
};

use super::{
    floor::Floor,
    read,
    turn::{Commit, Delete},
};
use crate::engines::embedded::{blocking, database::Database, writer::Writer};

/// The journal in the database.
pub(in crate::engines::embedded) struct Embedded {
    database: Arc<Database>,
    writer: Arc<Writer>,
    floor: Floor,
}

impl Embedded {
    pub fn new(database: Arc<Database>, writer: Arc<Writer>) -> Self {
        Self {
            database,
            writer,
            floor: Floor::default(),
        }
    }

    /// Reads much, away from the threads that answer requests.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.database.clone();
        blocking(move || read(&database)).await
    }
}

#[async_trait]
impl Journal for Embedded {
    async fn commit(&self, turn: Turn) -> Result<()> {
        let earliest = turn.timers.iter().map(|timer| timer.at).min();
        self.writer.run(|reply| Box::new(Commit { turn, reply })).await?;
        earliest.into_iter().for_each(|at| self.floor.set(at));
        Ok(())
    }

    async fn load(&self, execution: &str) -> Result<Option<Execution>> {
        read::load(&self.database, execution)
    }

    async fn payload(&self, execution: &str, name: &str) -> Result<Option<Bytes>> {
        read::payload(&self.database, execution, name)
    }

    async fn effects(&self, execution: &str) -> Result<Vec<Effect>> {
        read::effects(&self.database, execution)
    }

    async fn timers(&self, execution: &str) -> Result<Vec<Timer>> {
        read::timers(&self.database, execution)
    }

    async fn events(&self, execution: &str, from: u64, limit: usize, backwards: bool) -> Result<Vec<Bytes>> {
        let name = execution.to_owned();
        self.reading(move |database| read::events(database, &name, from, limit, backwards))
            .await
    }

    async fn list(&self, page: &Page) -> Result<Vec<Listed>> {
        let page = page.clone();
        self.reading(move |database| read::list(database, &page)).await
    }

    async fn census(&self, status: &str) -> Result<Vec<(String, u64)>> {
        let status = status.to_owned();
        self.reading(move |database| read::census(database, &status)).await
    }

    async fn pending(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        let after = after.map(str::to_owned);
        self.reading(move |database| read::pending(database, after.as_deref(), limit))
            .await
    }

    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>> {
        let (from, seen) = self.floor.get();
        let due = read::due(&self.database, from, now, limit)?;
        if due.is_empty() {
            self.floor.raise(now.saturating_add(1), seen);
        }
        Ok(due)
    }

    async fn next_timer(&self, now: Millis) -> Result<Option<Millis>> {
        read::next_timer(&self.database, now)
    }

    async fn delete(&self, execution: &str) -> Result<()> {
        let execution = execution.to_owned();
        self.writer.run(|reply| Box::new(Delete { execution, reply })).await
    }
}
