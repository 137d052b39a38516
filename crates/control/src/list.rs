use wisp_core::{
    Result,
    model::{EntityName, Fqn, Identity, Right},
};

use crate::{
    catalog::{Entity, Stored},
    control::Control,
    resolve::require,
};

/// The collections of a namespace that hold entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Actions, those in packages included.
    Actions,
    /// Packages and bindings.
    Packages,
    /// Triggers.
    Triggers,
    /// Rules.
    Rules,
}

impl Collection {
    fn holds(self, entity: &Entity) -> bool {
        matches!(
            (self, entity),
            (Collection::Actions, Entity::Action(_))
                | (Collection::Packages, Entity::Package(_))
                | (Collection::Triggers, Entity::Trigger(_))
                | (Collection::Rules, Entity::Rule(_))
        )
    }
}

impl Control {
    /// What is in a collection of a namespace, the last changed first. Of other people's namespaces only the packages
    /// that they share can be seen.
    pub async fn list(&self, caller: &Identity, namespace: &EntityName, of: Collection) -> Result<Vec<Entity>> {
        let own = *namespace == caller.namespace;
        if of != Collection::Packages {
            self.entitle_namespace(caller, namespace)?;
        }
        require(caller, Right::Read)?;
        let mut entities = self.inner.catalog.within(namespace.as_str()).await?;
        entities.retain(|stored| of.holds(&stored.entity) && (own || is_shared(&stored.entity)));
        Ok(newest_first(entities))
    }

    /// The actions of a package, or of a binding's provider, the last changed first.
    pub async fn list_package(&self, caller: &Identity, package: &Fqn) -> Result<Vec<Entity>> {
        require(caller, Right::Read)?;
        let provider = self.reach(&caller.namespace, package).await?.provider;
        Ok(newest_first(
            self.inner.catalog.within(&provider.fqn.to_string()).await?,
        ))
    }
}

fn is_shared(entity: &Entity) -> bool {
    matches!(entity, Entity::Package(package) if package.publish && package.binding.is_none())
}

fn newest_first(mut entities: Vec<Stored>) -> Vec<Entity> {
    entities.sort_by_key(|stored| std::cmp::Reverse((updated(&stored.entity), stored.revision)));
    entities.into_iter().map(|stored| stored.entity).collect()
}

fn updated(entity: &Entity) -> u64 {
    match entity {
        Entity::Action(action) => action.updated,
        Entity::Package(package) => package.updated,
        Entity::Trigger(trigger) => trigger.updated,
        Entity::Rule(rule) => rule.updated,
    }
}
