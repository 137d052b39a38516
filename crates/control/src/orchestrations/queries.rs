use wisp_core::{
    Result,
    model::{Identity, Millis, Right},
    ports::journal::{Listed, Page},
};
use wisp_workflow::orchestration::{Instance, Micros, Status};

use super::{
    Hub,
    instances::{OVER, Shown, missing},
    kept::{EXPIRY, Summary, decode},
};
use crate::{control::Control, resolve::require};

/// Entries of a list that are read at once.
const READ: usize = 256;

/// Which orchestrations are wanted.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Those with one of these statuses; all when empty.
    pub statuses: Vec<Status>,
    /// Those created at this time or later.
    pub created_from: Option<Micros>,
    /// Those created before this time.
    pub created_to: Option<Micros>,
    /// Those whose ids begin so.
    pub prefix: String,
    /// At most so many; the server's page when none.
    pub limit: Option<usize>,
    /// Those after the last of the page before.
    pub after: Option<String>,
    /// Whether inputs and outputs are wanted.
    pub payloads: bool,
}

impl Control {
    /// Orchestrations, the newest first, and where the next page begins.
    pub async fn query_orchestrations(
        &self,
        caller: &Identity,
        hub: &Hub,
        query: &Query,
    ) -> Result<(Vec<Shown>, Option<String>)> {
        require(caller, Right::Read)?;
        let most = self.inner.orchestrations.settings.page_size;
        let limit = query.limit.filter(|limit| *limit > 0).unwrap_or(most).min(most);
        let mut page = Page {
            scope: hub.instances(),
            status: query.only_status(),
            after: query.after.as_deref().and_then(|after| position(hub, after)),
            limit: READ,
        };
        let mut found = Vec::new();
        loop {
            let listed = self.inner.workflows.journal.list(&page).await?;
            let last = listed.len() < READ;
            for one in listed {
                page.after = Some((one.place.started, one.execution.clone()));
                let Some(instance) = self.wanted(hub, query, &one).await? else {
                    continue;
                };
                if found.len() == limit {
                    let next = found.last().map(|shown: &Shown| token(&shown.instance));
                    return Ok((found, next));
                }
                found.push(self.shown(hub, instance, query.payloads).await?);
            }
            if last {
                return Ok((found, None));
            }
        }
    }

    /// An instance of a list, if it is wanted.
    async fn wanted(&self, hub: &Hub, query: &Query, listed: &Listed) -> Result<Option<Instance>> {
        let Some((_, id)) = Hub::read(&listed.execution) else {
            return Ok(None);
        };
        let status = Status::named(&listed.place.status);
        let fits = id.starts_with(&query.prefix)
            && (query.statuses.is_empty() || status.is_some_and(|status| query.statuses.contains(&status)));
        if !fits {
            return Ok(None);
        }
        let instance = self.instance(hub, id).await?;
        Ok(instance.filter(|instance| {
            query.created_from.is_none_or(|from| instance.created >= whole(from))
                && query.created_to.is_none_or(|to| instance.created < to)
        }))
    }

    /// Ids of orchestrations that have ended, by the time of their end, and where the next page begins.
    pub async fn ended_orchestrations(
        &self,
        caller: &Identity,
        hub: &Hub,
        statuses: &[Status],
        (from, to): (Option<Micros>, Option<Micros>),
        limit: Option<usize>,
        after: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>)> {
        require(caller, Right::Read)?;
        let most = self.inner.orchestrations.settings.page_size;
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(most).min(most);
        let after = after
            .and_then(|after| after.split_once('|'))
            .and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
        let mut ended: Vec<(Micros, String)> = Vec::new();
        for status in OVER
            .iter()
            .filter(|status| statuses.is_empty() || statuses.contains(status))
        {
            for listed in self.all(hub.instances(), Some(status.name())).await? {
                let summary: Summary = decode(&listed.place.summary)?;
                let (Some(at), Some((_, id))) = (summary.completed, Hub::read(&listed.execution)) else {
                    continue;
                };
                if from.is_none_or(|from| at >= whole(from)) && to.is_none_or(|to| at < to) {
                    ended.push((at, id.to_owned()));
                }
            }
        }
        ended.sort();
        let rest = ended
            .into_iter()
            .filter(|one| after.as_ref().is_none_or(|after| one > after));
        let mut page: Vec<(Micros, String)> = rest.take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|(at, id)| format!("{at}|{id}"));
        Ok((page.into_iter().map(|(_, id)| id).collect(), next))
    }

    /// All that is in a list.
    pub(super) async fn all(&self, scope: String, status: Option<&str>) -> Result<Vec<Listed>> {
        let mut page = Page {
            scope,
            status: status.map(str::to_owned),
            after: None,
            limit: READ,
        };
        let mut all = Vec::new();
        loop {
            let listed = self.inner.workflows.journal.list(&page).await?;
            page.after = listed.last().map(|last| (last.place.started, last.execution.clone()));
            let last = listed.len() < READ;
            all.extend(listed);
            if last {
                return Ok(all);
            }
        }
    }

    /// Forgets an orchestration that has ended, and what it started if that is wanted. Returns how many; none if there is none
    /// that has ended.
    pub async fn purge_orchestration(&self, caller: &Identity, hub: &Hub, id: &str, recurse: bool) -> Result<usize> {
        require(caller, Right::Delete)?;
        let (mut purged, mut wanted) = (0, vec![id.to_owned()]);
        while let Some(id) = wanted.pop() {
            let found = self.instance(hub, &id).await?;
            if !found.is_some_and(|instance| instance.status.is_over()) {
                continue;
            }
            if recurse {
                wanted.extend(self.children(hub, &id).await?);
            }
            self.forget(hub, &id).await?;
            purged += 1;
        }
        Ok(purged)
    }

    /// Forgets all orchestrations that have ended and are wanted. Returns how many.
    pub async fn purge_orchestrations(
        &self,
        caller: &Identity,
        hub: &Hub,
        query: &Query,
        recurse: bool,
    ) -> Result<usize> {
        let mut query = query.clone();
        query.statuses.retain(|status| status.is_over());
        if query.statuses.is_empty() {
            query.statuses = OVER.to_vec();
        }
        let mut purged = 0;
        loop {
            let (found, next) = self.query_orchestrations(caller, hub, &query).await?;
            for shown in found {
                purged += self
                    .purge_orchestration(caller, hub, &shown.instance.id, recurse)
                    .await?;
            }
            match next {
                Some(next) => query.after = Some(next),
                None => return Ok(purged),
            }
        }
    }

    /// Ids of what an instance has started.
    async fn children(&self, hub: &Hub, id: &str) -> Result<Vec<String>> {
        let events = self
            .inner
            .workflows
            .journal
            .events(&hub.key(id), 0, usize::MAX, false)
            .await?;
        let mut children = Vec::new();
        for event in &events {
            let event: wisp_workflow::orchestration::Event = decode(event)?;
            if let wisp_workflow::orchestration::Kind::ChildCreated { instance, .. } = event.kind {
                children.push(instance);
            }
        }
        Ok(children)
    }

    /// Forgets what has ended, as its time would.
    pub(super) async fn forget(&self, hub: &Hub, id: &str) -> Result<()> {
        if self.inner.workflows.journal.load(&hub.key(id)).await?.is_none() {
            return Err(missing(hub, id));
        }
        let timer = wisp_core::ports::journal::Timer {
            at: self.inner.clock.now(),
            id: EXPIRY.to_owned(),
        };
        let expire = |receipt| super::letter::Letter::Fired(timer, receipt);
        self.tell_instance(&hub.key(id), expire).await
    }
}

impl Query {
    /// The status that all of the wanted have, if there is one.
    fn only_status(&self) -> Option<String> {
        match self.statuses[..] {
            [status] => Some(status.name().to_owned()),
            _ => None,
        }
    }
}

/// A moment without what is finer than the server's clock: nothing has happened between.
pub(super) fn whole(at: Micros) -> Micros {
    at - at.rem_euclid(1000)
}

/// Names a place in a list.
fn token(instance: &Instance) -> String {
    format!("{}|{}", super::kept::millis(instance.created), instance.id)
}

fn position(hub: &Hub, token: &str) -> Option<(Millis, String)> {
    let (started, id) = token.split_once('|')?;
    Some((started.parse().ok()?, hub.key(id)))
}
