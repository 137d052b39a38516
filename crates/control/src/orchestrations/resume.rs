use wisp_core::{Result, model::Identity, ports::journal::Due};

use wisp_workflow::orchestration::STATUSES;

use super::letter::Letter;
use crate::control::Control;

impl Control {
    /// Who somebody on this machine is who shows no key, where the settings let such in.
    pub async fn open_caller(&self) -> Result<Option<Identity>> {
        let name = &self.inner.orchestrations.settings.open_namespace;
        match name.is_empty() {
            true => Ok(None),
            false => self.owner(&name.parse()?).await,
        }
    }

    /// Waits until the server ends.
    pub async fn ending(&self) {
        self.inner.workflows.stopped().await;
    }

    /// Counts the instances that have not ended.
    pub(crate) async fn count_instances(&self) -> Result<()> {
        let census = &self.inner.orchestrations.census;
        for (status, name, _) in STATUSES {
            if status.is_over() {
                continue;
            }
            for (scope, count) in self.inner.workflows.journal.census(name).await? {
                let namespace = scope.split('/').next().unwrap_or_default();
                census.begun(namespace, usize::try_from(count).unwrap_or(usize::MAX));
            }
        }
        Ok(())
    }

    /// Lets an instance or an entity go on that the previous run of this server left with messages or activities.
    pub(crate) fn resume_instance(&self, key: &str) {
        self.hand(key, Letter::Resumed(None));
    }

    /// Tells an instance or an entity that one of its timers has fired; returns when that is recorded.
    pub(crate) async fn fire_instance_timer(&self, due: &Due) -> Result<()> {
        let timer = due.timer.clone();
        self.tell_instance(&due.execution, |receipt| Letter::Fired(timer, receipt))
            .await
    }
}
