use std::sync::Arc;

use serde_json::Value;
use wisp_core::{
    Code, Error, Result,
    model::{Action, EntityName, Fqn},
};

use crate::{catalog::Entity, control::Control};

/// The annotation of actions whose code has durable functions: `orchestrator` or `entity` if it is one of the action's own name,
/// or the names of all orchestrators and entities in it.
const ANNOTATION: &str = "durable-function";

/// What an action says of the durable functions in its code.
pub(super) enum Says<'a> {
    /// It is one, of this kind.
    Is(&'a str),
    /// It has these.
    Has(Vec<&'a str>),
}

/// What an action says; none if it says nothing that is known.
pub(super) fn says(action: &Action) -> Option<Says<'_>> {
    match action.annotations.get(ANNOTATION)? {
        Value::String(kind) => Some(Says::Is(kind)),
        Value::Array(names) => Some(Says::Has(names.iter().filter_map(Value::as_str).collect())),
        _ => None,
    }
}

impl Says<'_> {
    fn offers(&self, action: &Action, name: &str) -> bool {
        match self {
            Says::Is(_) => action.fqn.entity().as_str().eq_ignore_ascii_case(name),
            Says::Has(names) => names.iter().any(|own| own.eq_ignore_ascii_case(name)),
        }
    }
}

impl Control {
    /// The action that has an orchestrator or entity of this name in its code. The packages do not keep the case of entities' names.
    pub(crate) async fn host(&self, namespace: &EntityName, name: &str) -> Result<Arc<Action>> {
        if let Ok(fqn) = Fqn::resolve(name, namespace)
            && fqn.namespace_name() == namespace
        {
            match self.inner.catalog.action(&fqn).await {
                Ok(stored)
                    if says(&stored.entity).is_some_and(|says| says.offers(&stored.entity, fqn.entity().as_str())) =>
                {
                    return Ok(stored.entity);
                }
                Err(error) if ![Code::NotFound, Code::Conflict].contains(&error.code()) => return Err(error),
                _ => {}
            }
        }
        let entities = self.inner.catalog.within(namespace.as_str()).await?;
        let actions = entities.into_iter().filter_map(|stored| match stored.entity {
            Entity::Action(action) => Some(action),
            _ => None,
        });
        let mut offering = actions.filter(|action| says(action).is_some_and(|says| says.offers(action, name)));
        offering.next().ok_or_else(|| missing(namespace, name))
    }
}

fn missing(namespace: &EntityName, name: &str) -> Error {
    let message = format!(
        "No action of '{namespace}' says by its annotation '{ANNOTATION}' that it has an orchestrator or entity '{name}'."
    );
    Error::new(Code::NotFound, message)
}
