use wisp_core::{
    Result,
    model::{Identity, Millis, Right},
    ports::{Expect, Write},
};

use super::{
    Exception, Machine, Version,
    arn::{Arn, Named},
    machine::{MACHINES, VERSIONS},
    machines::{TOKEN, changed, key, version_key},
    paging::{Chunk, Paging},
    shelf::{Kept, deleting, writing},
};
use crate::{control::Control, resolve::require};

impl Control {
    /// Publishes what a machine is as its next version. What is published already is not published again.
    pub async fn publish_version(
        &self,
        caller: &Identity,
        arn: &str,
        revision_id: Option<&str>,
        description: Option<String>,
    ) -> Result<(Arn, Millis)> {
        require(caller, Right::Put)?;
        let (arn, known) = self.machine(caller, arn).await?;
        let current = known.value.draft.revision_id.as_deref();
        if let Some(wanted) = revision_id.filter(|wanted| *wanted != current.unwrap_or("INITIAL")) {
            let message = format!(
                "Failed to publish the State Machine version for revision {wanted}. The current State Machine revision is {}.",
                current.unwrap_or("null")
            );
            return Err(Exception::ConflictException.says(message).with("stateMachine", arn));
        }
        self.publish_known(caller, known, description).await
    }

    /// Publishes a machine as it was read.
    pub(super) async fn publish_known(
        &self,
        caller: &Identity,
        known: Kept<Machine>,
        description: Option<String>,
    ) -> Result<(Arn, Millis)> {
        let Kept {
            revision,
            value: mut machine,
        } = known;
        let name = machine.name.clone();
        let last = self.find_version(caller, &name, machine.published).await?;
        if let Some(Kept { value: last, .. }) = last.filter(|last| last.value.draft == machine.draft) {
            return Ok((self.arn(caller, Named::Version(name, last.number)), last.created));
        }
        let shelf = &self.inner.workflows.shelf;
        let own = key(&caller.namespace, &name);
        let mut writes = Vec::new();
        let publishing = self.publishing(caller, &mut machine, true, description, &mut writes);
        let version = publishing.await?;
        writes.push(writing(MACHINES, own, &machine, Expect::At(revision))?);
        let arn = version.unwrap_or_else(|| self.arn(caller, Named::Machine(name)));
        match shelf.commit(writes).await? {
            true => Ok((arn, self.inner.clock.now())),
            false => Err(changed(&arn)),
        }
    }

    /// Adds to a commit what publishes a machine, and counts it in the machine.
    pub(super) async fn publishing(
        &self,
        caller: &Identity,
        machine: &mut Machine,
        publish: bool,
        description: Option<String>,
        writes: &mut Vec<Write>,
    ) -> Result<Option<Arn>> {
        if !publish {
            return Ok(None);
        }
        let most = self.inner.workflows.settings.versions;
        let own = format!("{}/", key(&caller.namespace, &machine.name));
        if self.inner.workflows.shelf.count(VERSIONS, &own).await? >= most {
            return Err(Exception::ServiceQuotaExceededException.limit("workflows.versions", most));
        }
        machine.published += 1;
        let version = Version {
            machine: machine.name.clone(),
            number: machine.published,
            created: self.inner.clock.now(),
            description,
            draft: machine.draft.clone(),
        };
        let key = version_key(&caller.namespace, &machine.name, version.number);
        writes.push(writing(VERSIONS, key, &version, Expect::Absent)?);
        Ok(Some(self.arn(caller, Named::Version(version.machine, version.number))))
    }

    /// The versions of a machine, the newest first.
    pub async fn list_versions(&self, caller: &Identity, arn: &str, paging: &Paging) -> Result<Chunk<(Arn, Millis)>> {
        require(caller, Right::Read)?;
        let arn = Arn::parse(arn, caller, Exception::StateMachineDoesNotExist)?;
        let Named::Machine(name) = &arn.named else {
            return Err(arn.misplaced());
        };
        let own = key(&caller.namespace, name);
        let mut all: Vec<Version> = self.inner.workflows.shelf.scan(VERSIONS, &format!("{own}/")).await?;
        all.reverse();
        // Numbers count down, so that the keys of the pages go up.
        let page = paging.cut(TOKEN, all, |version| format!("{:020}", u64::MAX - version.number))?;
        let entry = |version: Version| {
            (
                arn.with(Named::Version(version.machine, version.number)),
                version.created,
            )
        };
        Ok(Chunk {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next,
        })
    }

    /// Deletes a version that no alias refers to, if it is there.
    pub async fn delete_version(&self, caller: &Identity, arn: &str) -> Result<()> {
        require(caller, Right::Delete)?;
        let arn = Arn::parse(arn, caller, Exception::StateMachineDoesNotExist)?;
        let Named::Version(name, number) = &arn.named else {
            return Err(arn.misplaced());
        };
        let users = self.aliases_of(caller, name, *number).await?;
        if !users.is_empty() {
            let message = format!(
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [{}]",
                users.join(", ")
            );
            return Err(Exception::ConflictException.says(message));
        }
        let write = deleting(VERSIONS, version_key(&caller.namespace, name, *number), Expect::Any);
        self.inner.workflows.shelf.records.commit(vec![write]).await.map(drop)
    }

    pub(super) async fn find_version(
        &self,
        caller: &Identity,
        machine: &str,
        number: u64,
    ) -> Result<Option<Kept<Version>>> {
        let key = version_key(&caller.namespace, machine, number);
        self.inner.workflows.shelf.get(VERSIONS, &key).await
    }
}
