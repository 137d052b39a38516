use std::sync::Arc;

use wisp_core::{
    Code, Error, Result,
    model::{Fqn, Identity, Right, Rule, RuleLink, RulePut, RuleStatus, Trigger, Version},
    ports::Write,
};

use crate::{
    catalog::{Catalog, Entity, Stored, other_collection, raced},
    control::Control,
    delivery::{Failing, Policy},
    deploy::exists,
};

/// How often a change is tried again when another rule of the same trigger has changed meanwhile.
const ATTEMPTS: usize = 16;

/// A rule with its status, which its trigger keeps.
pub type WithStatus = (Arc<Rule>, RuleStatus);

impl Control {
    /// Creates an active rule; with `overwrite` also updates one that exists, whose status stays.
    pub async fn put_rule(&self, caller: &Identity, name: &Fqn, put: RulePut, overwrite: bool) -> Result<WithStatus> {
        self.entitle(caller, Right::Put, name)?;
        self.check_size("annotations", put.annotations.as_ref())?;
        if let Some(trigger) = &put.trigger {
            self.entitle(caller, Right::Read, trigger)?;
        }
        for _ in 0..ATTEMPTS {
            if let Some(rule) = self.try_put(caller, name, &put, overwrite).await? {
                return Ok(rule);
            }
        }
        Err(raced())
    }

    /// One attempt; none when something changed meanwhile.
    async fn try_put(
        &self,
        caller: &Identity,
        name: &Fqn,
        put: &RulePut,
        overwrite: bool,
    ) -> Result<Option<WithStatus>> {
        let (revision, old) = match self.inner.catalog.find(name).await? {
            None => (None, None),
            Some(Stored {
                revision,
                entity: Entity::Rule(old),
            }) if overwrite => (Some(revision), Some(old)),
            Some(Stored {
                entity: Entity::Rule(_),
                ..
            }) => return Err(exists()),
            Some(_) => return Err(other_collection()),
        };
        let rule = Arc::new(change(name, put, old.as_deref(), self.inner.clock.now())?);
        let policy = Policy::of(&rule.annotations, name.namespace_name(), &self.inner.delivery)?;
        let trigger = self.listened(&rule.trigger).await?;
        self.resolve(caller, &rule.action, Right::Read)
            .await
            .map_err(|error| absent(error, "action", &rule.action))?;
        let mut writes = vec![Catalog::writing(&Entity::Rule(rule.clone()), revision)?];
        let mut status = RuleStatus::Active;
        if let Some(old) = &old {
            let before = self.trigger_of(old).await?;
            status = before
                .as_ref()
                .map_or(RuleStatus::Inactive, |trigger| linked(&trigger.entity, name));
            if let Some(before) = before.filter(|_| old.trigger != rule.trigger) {
                writes.extend(unlink(&before, name)?);
            }
        }
        let link = RuleLink {
            action: rule.action.clone(),
            status,
            order_by: policy.order_by,
        };
        writes.push(relink(&trigger, name, link)?);
        Ok(self.committed(writes).await?.then_some((rule, status)))
    }

    /// A rule with its status.
    pub async fn get_rule(&self, caller: &Identity, name: &Fqn) -> Result<WithStatus> {
        self.entitle(caller, Right::Read, name)?;
        let rule = self.inner.catalog.rule(name).await?.entity;
        let trigger = self.trigger_of(&rule).await?;
        let status = trigger.map_or(RuleStatus::Inactive, |trigger| linked(&trigger.entity, name));
        Ok((rule, status))
    }

    /// That the action of a rule fails without end, if it does.
    pub fn failing(&self, rule: &Rule) -> Option<Failing> {
        let failing = self.inner.health.of(&rule.fqn)?;
        (failing.failures >= self.inner.delivery.failing_after).then_some(failing)
    }

    /// Deletes a rule; returns it as it was.
    pub async fn delete_rule(&self, caller: &Identity, name: &Fqn) -> Result<Arc<Rule>> {
        self.entitle(caller, Right::Delete, name)?;
        for _ in 0..ATTEMPTS {
            let Stored { revision, entity: rule } = self.inner.catalog.rule(name).await?;
            let mut writes = vec![Catalog::deleting(name, revision)];
            if let Some(trigger) = self.trigger_of(&rule).await? {
                writes.extend(unlink(&trigger, name)?);
            }
            if self.committed(writes).await? {
                self.inner.health.recovered(name).await;
                return Ok(rule);
            }
        }
        Err(raced())
    }

    /// Activates a rule or takes it out of service.
    pub async fn set_rule_status(&self, caller: &Identity, name: &Fqn, status: RuleStatus) -> Result<()> {
        self.entitle(caller, Right::Activate, name)?;
        for _ in 0..ATTEMPTS {
            let rule = self.inner.catalog.rule(name).await?.entity;
            let Some(trigger) = self.trigger_of(&rule).await? else {
                return Err(Error::new(
                    Code::NotFound,
                    "Only rules with existing triggers can be activated",
                ));
            };
            let policy = Policy::of(&rule.annotations, name.namespace_name(), &self.inner.delivery)?;
            let link = RuleLink {
                action: rule.action.clone(),
                status,
                order_by: policy.order_by,
            };
            if linked(&trigger.entity, name) == status || self.committed(vec![relink(&trigger, name, link)?]).await? {
                return Ok(());
            }
        }
        Err(raced())
    }

    /// Whether the writes could be committed: not, when another rule of the same trigger has changed meanwhile.
    async fn committed(&self, writes: Vec<Write>) -> Result<bool> {
        match self.inner.catalog.commit(writes).await {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Code::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The trigger that a new or changed rule refers to.
    async fn listened(&self, name: &Fqn) -> Result<Stored<Arc<Trigger>>> {
        self.inner
            .catalog
            .trigger(name)
            .await
            .map_err(|error| absent(error, "trigger", name))
    }

    /// The trigger of a rule, if it is still there.
    async fn trigger_of(&self, rule: &Rule) -> Result<Option<Stored<Arc<Trigger>>>> {
        match self.inner.catalog.trigger(&rule.trigger).await {
            Ok(trigger) => Ok(Some(trigger)),
            Err(error) if matches!(error.code(), Code::NotFound | Code::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn change(name: &Fqn, put: &RulePut, old: Option<&Rule>, now: u64) -> Result<Rule> {
    let trigger = put.trigger.clone().or_else(|| old.map(|old| old.trigger.clone()));
    let action = put.action.clone().or_else(|| old.map(|old| old.action.clone()));
    let (Some(trigger), Some(action)) = (trigger, action) else {
        return Err(Error::bad_request("rule requires a valid trigger and a valid action"));
    };
    let annotations = put
        .annotations
        .clone()
        .or_else(|| old.map(|old| old.annotations.clone()));
    Ok(Rule {
        fqn: name.clone(),
        trigger,
        action,
        version: put
            .version
            .unwrap_or_else(|| old.map_or_else(Version::default, |old| old.version.next())),
        publish: put.publish.unwrap_or_else(|| old.is_some_and(|old| old.publish)),
        annotations: annotations.unwrap_or_default(),
        updated: now,
    })
}

fn linked(trigger: &Trigger, rule: &Fqn) -> RuleStatus {
    trigger.rules.get(rule).map_or(RuleStatus::Inactive, |link| link.status)
}

fn relink(trigger: &Stored<Arc<Trigger>>, rule: &Fqn, link: RuleLink) -> Result<Write> {
    rewrite(trigger, |trigger| {
        trigger.rules.insert(rule.clone(), link);
    })
}

fn unlink(trigger: &Stored<Arc<Trigger>>, rule: &Fqn) -> Result<Option<Write>> {
    if !trigger.entity.rules.contains_key(rule) {
        return Ok(None);
    }
    rewrite(trigger, |trigger| {
        trigger.rules.remove(rule);
    })
    .map(Some)
}

fn rewrite(stored: &Stored<Arc<Trigger>>, change: impl FnOnce(&mut Trigger)) -> Result<Write> {
    let mut trigger = Trigger::clone(&stored.entity);
    change(&mut trigger);
    Catalog::writing(&Entity::Trigger(Arc::new(trigger)), Some(stored.revision))
}

/// A reference to nothing is a bad request, not an absent resource.
fn absent(error: Error, what: &str, name: &Fqn) -> Error {
    match error.code() {
        Code::NotFound => Error::bad_request(format!("{what} {} does not exist", name.absolute())),
        _ => error,
    }
}
