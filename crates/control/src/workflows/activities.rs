use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wisp_core::{
    Result,
    model::{Identity, Millis, Right},
    ports::{Expect, Table},
};

use super::{
    Exception, Tag,
    arn::{Arn, Named, check_name},
    machines::{TOKEN, changed, key, prefix},
    paging::{Chunk, Paging},
    shelf::{Kept, deleting, writing},
    tags,
};
use crate::{control::Control, resolve::require};

/// Activities, by `namespace/name`.
pub(super) const ACTIVITIES: Table = "activities_of_workflows";

/// Work that somebody outside polls for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Activity {
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created: Millis,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Control {
    /// Creates an activity. Creating it again gives it again.
    pub async fn create_activity(&self, caller: &Identity, name: &str, tags: &[Tag]) -> Result<(Arn, Millis)> {
        require(caller, Right::Put)?;
        check_name(name)?;
        let arn = self.arn(caller, Named::Activity(name.to_owned()));
        let (shelf, settings) = (&self.inner.workflows.shelf, &self.inner.workflows.settings);
        let tags = tags::merged(BTreeMap::new(), tags, settings.tags)?;
        if let Some(known) = self.find_activity(caller, name).await? {
            return match known.value.tags == tags {
                true => Ok((arn, known.value.created)),
                false => Err(Exception::ActivityAlreadyExists.of(arn)),
            };
        }
        if shelf.count(ACTIVITIES, &prefix(&caller.namespace)).await? >= settings.activities {
            return Err(Exception::ActivityLimitExceeded.limit("workflows.activities", settings.activities));
        }
        let activity = Activity {
            name: name.to_owned(),
            created: self.inner.clock.now(),
            tags,
        };
        let write = writing(ACTIVITIES, key(&caller.namespace, name), &activity, Expect::Absent)?;
        match shelf.commit(vec![write]).await? {
            true => Ok((arn, activity.created)),
            false => Err(changed(&arn)),
        }
    }

    /// An activity.
    pub async fn describe_activity(&self, caller: &Identity, arn: &str) -> Result<(Arn, Activity)> {
        require(caller, Right::Read)?;
        let arn = Arn::parse(arn, caller, Exception::ActivityDoesNotExist)?;
        let Named::Activity(name) = &arn.named else {
            return Err(arn.misplaced());
        };
        let found = self.find_activity(caller, name).await?;
        let missing = || Exception::ActivityDoesNotExist.of(&arn);
        found.map(|kept| (arn.clone(), kept.value)).ok_or_else(missing)
    }

    /// The activities of the caller's namespace, by name.
    pub async fn list_activities(&self, caller: &Identity, paging: &Paging) -> Result<Chunk<(Arn, Activity)>> {
        require(caller, Right::Read)?;
        let all: Vec<Activity> = self
            .inner
            .workflows
            .shelf
            .scan(ACTIVITIES, &prefix(&caller.namespace))
            .await?;
        let page = paging.cut(TOKEN, all, |activity| activity.name.clone())?;
        let entry = |activity: Activity| (self.arn(caller, Named::Activity(activity.name.clone())), activity);
        Ok(Chunk {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next,
        })
    }

    /// Deletes an activity, if it is there.
    pub async fn delete_activity(&self, caller: &Identity, arn: &str) -> Result<()> {
        require(caller, Right::Delete)?;
        let arn = Arn::parse(arn, caller, Exception::ActivityDoesNotExist)?;
        let Named::Activity(name) = &arn.named else {
            return Err(arn.misplaced());
        };
        let write = deleting(ACTIVITIES, key(&caller.namespace, name), Expect::Any);
        self.inner.workflows.shelf.records.commit(vec![write]).await.map(drop)
    }

    pub(super) async fn find_activity(&self, caller: &Identity, name: &str) -> Result<Option<Kept<Activity>>> {
        self.inner
            .workflows
            .shelf
            .get(ACTIVITIES, &key(&caller.namespace, name))
            .await
    }
}
