use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use wisp_core::{
    Result,
    model::{Action, CodeRef, EntityName, Exec, Fqn, Limits, Millis, Package as Entry, Parameters},
    ports::{EventSource, Revision},
};

use super::{
    PACKAGES, Package, feeds,
    package::{Function, What},
};
use crate::{
    authenticate::secret_digest,
    catalog::{Entity, Stored},
    resolve::forbidden,
};

/// The namespace of all that is built in.
pub(crate) const SYSTEM: &str = "whisk.system";

/// The built-in packages and actions, by their full names.
pub(crate) struct Builtins {
    entities: BTreeMap<String, Stored>,
    functions: HashMap<String, Function>,
    code: Vec<Bytes>,
}

impl Builtins {
    /// All of them and the feeds of these sources, as they are since `now`.
    pub fn new(sources: &[Arc<dyn EventSource>], limits: &Limits, now: Millis) -> Self {
        let mut builtins = Self {
            entities: BTreeMap::new(),
            functions: HashMap::new(),
            code: Vec::new(),
        };
        let packages = PACKAGES.iter().map(|(name, register)| (*name, register()));
        for (name, package) in packages.chain(feeds::packages(sources)) {
            // The names are ours: all are well-formed, as the test below holds.
            if let (Ok(namespace), Ok(name)) = (EntityName::namespace(SYSTEM), name.parse()) {
                builtins.add(Fqn::new(namespace, None, name), package, limits, now);
            }
        }
        builtins
    }

    fn add(&mut self, fqn: Fqn, package: Package, limits: &Limits, now: Millis) {
        let version = env!("CARGO_PKG_VERSION").parse().unwrap_or_default();
        for built_in in package.actions {
            let Ok(name) = built_in.name.parse() else { continue };
            let mut annotations = built_in.annotations;
            let fqn = Fqn::new(fqn.namespace_name().clone(), Some(fqn.entity().clone()), name);
            let exec = match built_in.what {
                What::Function(function) => {
                    self.functions.insert(fqn.to_string(), function);
                    Exec::Builtin
                }
                What::Code(kind, text) => self.code_of(kind, text),
            };
            annotations.set("exec", exec.kind());
            let action = Action {
                fqn,
                exec,
                parameters: Parameters::new(),
                limits: limits.action_default(),
                version,
                publish: true,
                annotations,
                updated: now,
            };
            self.insert(Entity::Action(Arc::new(action)));
        }
        if self.find(&fqn.to_string()).is_some() {
            return;
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

    fn code_of(&mut self, kind: &str, text: &'static str) -> Exec {
        self.code.push(Bytes::from_static(text.as_bytes()));
        let code = CodeRef {
            digest: secret_digest(text),
            size: text.len() as u64,
            binary: false,
        };
        Exec::Code {
            kind: kind.to_owned(),
            code,
            main: None,
        }
    }

    fn insert(&mut self, entity: Entity) {
        // Instances belong to a revision: that of built-in code is made of its digest.
        let digest = match &entity {
            Entity::Action(action) => action.exec.code().map_or("", |code| &code.digest),
            _ => "",
        };
        let revision = Revision(u64::from_str_radix(digest.get(..16).unwrap_or("0"), 16).unwrap_or(0));
        let stored = Stored { revision, entity };
        self.entities.insert(stored.entity.fqn().to_string(), stored);
    }

    /// The entity of a full name.
    pub fn find(&self, key: &str) -> Option<&Stored> {
        self.entities.get(key)
    }

    /// What the action of a full name does.
    pub fn function(&self, fqn: &Fqn) -> Option<&Function> {
        self.functions.get(&fqn.to_string())
    }

    /// The code of those that are not functions of this program.
    pub fn code(&self) -> &[Bytes] {
        &self.code
    }

    /// Refuses to change what is built in, or what is in a package that is.
    pub fn protect(&self, name: &Fqn) -> Result<()> {
        let package = name.package_fqn().unwrap_or_else(|| name.clone());
        match self.find(&package.to_string()) {
            None => Ok(()),
            Some(_) => {
                Err(forbidden(name).with("remedy", "it is part of the platform: bind it to a package of your own"))
            }
        }
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
        let builtins = Builtins::new(&[], &Limits::default(), 0);
        let actions: usize = PACKAGES.iter().map(|(_, register)| register().actions.len()).sum();
        assert_eq!(builtins.entities.len(), PACKAGES.len() + actions);
        assert_eq!(builtins.functions.len() + builtins.code.len(), actions);
        assert_eq!(
            builtins.within("whisk.system/utils/").count(),
            PACKAGES
                .iter()
                .find(|(name, _)| *name == "utils")
                .map_or(0, |(_, register)| register().actions.len())
        );
    }
}
