use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use wisp_core::{
    model::{Action, EntityName, Exec, Fqn, Limits, Millis, Package as Entry, Parameters},
    ports::Revision,
};

use super::{PACKAGES, Package, package::Function};
use crate::catalog::{Entity, Stored};

/// The namespace of all that is built in.
pub(crate) const SYSTEM: &str = "whisk.system";

/// The built-in packages and actions, by their full names.
pub(crate) struct Builtins {
    entities: BTreeMap<String, Stored>,
    functions: HashMap<String, Function>,
}

impl Builtins {
    /// All of them, as they are since `now`.
    pub fn new(limits: &Limits, now: Millis) -> Self {
        let mut builtins = Self {
            entities: BTreeMap::new(),
            functions: HashMap::new(),
        };
        for (name, register) in PACKAGES {
            // The names are ours: all are well-formed, as the test below holds.
            if let (Ok(namespace), Ok(name)) = (EntityName::namespace(SYSTEM), name.parse()) {
                builtins.add(Fqn::new(namespace, None, name), register(), limits, now);
            }
        }
        builtins
    }

    fn add(&mut self, fqn: Fqn, package: Package, limits: &Limits, now: Millis) {
        let version = env!("CARGO_PKG_VERSION").parse().unwrap_or_default();
        for built_in in package.actions {
            let Ok(name) = built_in.name.parse() else { continue };
            let mut annotations = built_in.annotations;
            annotations.set("exec", Exec::Builtin.kind());
            let action = Action {
                fqn: Fqn::new(fqn.namespace_name().clone(), Some(fqn.entity().clone()), name),
                exec: Exec::Builtin,
                parameters: Parameters::new(),
                limits: limits.action_default(),
                version,
                publish: true,
                annotations,
                updated: now,
            };
            self.functions.insert(action.fqn.to_string(), built_in.function);
            self.insert(Entity::Action(Arc::new(action)));
        }
        self.insert(Entity::Package(Arc::new(Entry {
            fqn,
            binding: None,
            parameters: Parameters::new(),
            version,
            publish: true,
            annotations: package.annotations,
            updated: now,
        })));
    }

    fn insert(&mut self, entity: Entity) {
        let stored = Stored {
            revision: Revision::default(),
            entity,
        };
        self.entities.insert(stored.entity.fqn().to_string(), stored);
    }

    /// The entity of a full name.
    pub fn find(&self, key: &str) -> Option<&Stored> {
        self.entities.get(key)
    }

    /// What the action of a full name does.
    pub fn function(&self, fqn: &Fqn) -> Option<Function> {
        self.functions.get(&fqn.to_string()).copied()
    }

    /// The entities whose full names begin like this.
    pub fn within<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Stored> {
        let from = self.entities.range(prefix.to_owned()..);
        from.take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(_, stored)| stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_and_action_has_a_legal_name() {
        let builtins = Builtins::new(&Limits::default(), 0);
        let actions: usize = PACKAGES.iter().map(|(_, register)| register().actions.len()).sum();
        assert_eq!(builtins.entities.len(), PACKAGES.len() + actions);
        assert_eq!(builtins.functions.len(), actions);
        assert_eq!(
            builtins.within("whisk.system/utils/").count(),
            PACKAGES
                .iter()
                .find(|(name, _)| *name == "utils")
                .map_or(0, |(_, register)| register().actions.len())
        );
    }
}
