use wisp_core::{
    Result,
    model::{Fqn, Millis, RuleStatus},
};

use crate::control::Control;

/// A fire that is known before it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// When.
    pub at: Millis,
    /// The trigger.
    pub trigger: Fqn,
    /// The actions that it will invoke, as things stand.
    pub actions: Vec<Fqn>,
}

impl Control {
    /// The next fire of each schedule up to this time, the first one first: what an instance can be kept, or made
    /// ready, for.
    pub async fn upcoming(&self, until: Millis) -> Result<Vec<Upcoming>> {
        let mut upcoming = Vec::new();
        for (trigger, running) in self.inner.feeds.all_running() {
            let Some(at) = running.sink.outlook.next().filter(|at| *at <= until) else {
                continue;
            };
            let Ok(stored) = self.inner.catalog.trigger(&trigger).await else {
                continue;
            };
            let active = stored
                .entity
                .rules
                .values()
                .filter(|link| link.status == RuleStatus::Active);
            let actions = active.map(|link| link.action.clone()).collect();
            upcoming.push(Upcoming { at, trigger, actions });
        }
        upcoming.sort_by_key(|upcoming| upcoming.at);
        Ok(upcoming)
    }
}
