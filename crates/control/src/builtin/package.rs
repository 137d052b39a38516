use serde_json::Value;
use wisp_core::{
    Result,
    model::{Annotations, Identity},
    ports::BoxFuture,
};

use crate::control::Control;

/// A call of a built-in action.
pub(crate) struct Request<'a> {
    pub control: &'a Control,
    /// On whose behalf: of a web action its owner, with the caller, if known, in `__ow_user`.
    pub caller: &'a Identity,
    /// The arguments: an object, or an array from the step before in a sequence.
    pub arguments: Value,
}

/// What a built-in action does. An object with `error` and an [`Error`] of the caller's doing are application errors.
pub(crate) type Function = for<'a> fn(Request<'a>) -> BoxFuture<'a, Result<Value>>;

/// A package of built-in actions.
pub(crate) struct Package {
    pub annotations: Annotations,
    pub actions: Vec<BuiltIn>,
}

/// A built-in action.
pub(crate) struct BuiltIn {
    pub name: &'static str,
    pub annotations: Annotations,
    pub function: Function,
}

impl Package {
    /// A package without actions.
    pub fn new(description: &str) -> Self {
        Self {
            annotations: described(description),
            actions: Vec::new(),
        }
    }

    /// Adds an action.
    pub fn action(mut self, name: &'static str, description: &str, function: Function) -> Self {
        self.actions.push(BuiltIn {
            name,
            annotations: described(description),
            function,
        });
        self
    }

    /// Sets an annotation of the action that was added last.
    pub fn annotated(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Some(action) = self.actions.last_mut() {
            action.annotations.set(key, value);
        }
        self
    }
}

fn described(description: &str) -> Annotations {
    let mut annotations = Annotations::new();
    annotations.set("description", description);
    annotations
}
