use std::collections::BTreeMap;

use wisp_core::{
    Result,
    model::{Identity, Right},
    ports::Expect,
};

use super::{
    Exception, Tag,
    activities::ACTIVITIES,
    arn::{Arn, Named},
    machine::MACHINES,
    machines::{changed, key},
    shelf::{Kept, writing},
};
use crate::{control::Control, resolve::require};

impl Control {
    /// Adds tags to a machine or an activity, or changes their values.
    pub async fn tag_resource(&self, caller: &Identity, arn: &str, tags: &[Tag]) -> Result<()> {
        let most = self.inner.workflows.settings.tags;
        self.retag(caller, arn, |known| merged(known, tags, most)).await
    }

    /// Removes tags by their keys.
    pub async fn untag_resource(&self, caller: &Identity, arn: &str, keys: &[String]) -> Result<()> {
        let without = |mut known: BTreeMap<String, String>| {
            keys.iter().for_each(|key| drop(known.remove(key)));
            Ok(known)
        };
        self.retag(caller, arn, without).await
    }

    /// The tags of a machine or an activity.
    pub async fn list_tags(&self, caller: &Identity, arn: &str) -> Result<Vec<Tag>> {
        require(caller, Right::Read)?;
        let arn = Arn::parse(arn, caller, Exception::ResourceNotFound)?;
        let tags = match &arn.named {
            Named::Machine(name) => self.find_machine(caller, name).await?.map(|kept| kept.value.tags),
            Named::Activity(name) => self.find_activity(caller, name).await?.map(|kept| kept.value.tags),
            _ => return Err(arn.misplaced()),
        };
        let tags = tags.ok_or_else(|| Exception::ResourceNotFound.of(&arn))?;
        Ok(tags.into_iter().map(|(key, value)| Tag { key, value }).collect())
    }

    async fn retag(
        &self,
        caller: &Identity,
        arn: &str,
        change: impl FnOnce(BTreeMap<String, String>) -> Result<BTreeMap<String, String>>,
    ) -> Result<()> {
        require(caller, Right::Put)?;
        let arn = Arn::parse(arn, caller, Exception::ResourceNotFound)?;
        let missing = || Exception::ResourceNotFound.of(&arn);
        let write = match &arn.named {
            Named::Machine(name) => {
                let Kept { revision, mut value } = self.find_machine(caller, name).await?.ok_or_else(missing)?;
                value.tags = change(value.tags)?;
                writing(MACHINES, key(&caller.namespace, name), &value, Expect::At(revision))?
            }
            Named::Activity(name) => {
                let Kept { revision, mut value } = self.find_activity(caller, name).await?.ok_or_else(missing)?;
                value.tags = change(value.tags)?;
                writing(ACTIVITIES, key(&caller.namespace, name), &value, Expect::At(revision))?
            }
            _ => return Err(arn.misplaced()),
        };
        match self.inner.workflows.shelf.commit(vec![write]).await? {
            true => Ok(()),
            false => Err(changed(&arn)),
        }
    }
}

/// Tags with others laid over them; refused when there are too many.
pub(super) fn merged(
    mut known: BTreeMap<String, String>,
    tags: &[Tag],
    most: usize,
) -> Result<BTreeMap<String, String>> {
    known.extend(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
    match known.len() > most {
        true => Err(Exception::TooManyTags.limit("workflows.tags", most)),
        false => Ok(known),
    }
}
