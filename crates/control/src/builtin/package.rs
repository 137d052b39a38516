use serde_json::Value;
use wisp_core::{
    Result,
    model::{Annotations, Identity},
    ports::BoxFuture,
};

use crate::{control::Control, invoke::Call};

/// A call of a built-in action.
pub(crate) struct Request<'a> {
    pub control: &'a Control,
    /// On whose behalf: of a web action its owner, with the caller, if known, in `__ow_user`.
    pub caller: &'a Identity,
    /// The arguments: an object, or an array from the step before in a sequence.
    pub arguments: Value,
    /// What was asked for, for those that tell its arguments from bound parameters.
    pub call: &'a Call,
}

/// What a built-in action does. An object with `error` and an [`Error`] of the caller's doing are application errors.
pub(crate) type Function = Box<dyn for<'a> Fn(Request<'a>) -> BoxFuture<'a, Result<Value>> + Send + Sync>;

/// What a built-in action runs.
pub(crate) enum What {
    /// A function of this program.
    Function(Function),
    /// Code of a language, to read and to copy: its kind and text.
    Code(&'static str, &'static str),
}

/// A package of built-in actions.
pub(crate) struct Package {
    pub annotations: Annotations,
    pub actions: Vec<BuiltIn>,
}

/// A built-in action.
pub(crate) struct BuiltIn {
    pub name: &'static str,
    pub annotations: Annotations,
    pub what: What,
}

impl Package {
    /// A package without actions.
    pub fn new(description: &str) -> Self {
        Self {
            annotations: described(description),
            actions: Vec::new(),
        }
    }

    /// Adds an action that is a function of this program.
    pub fn action(
        self,
        name: &'static str,
        description: &str,
        function: impl for<'a> Fn(Request<'a>) -> BoxFuture<'a, Result<Value>> + Send + Sync + 'static,
    ) -> Self {
        self.with(name, description, What::Function(Box::new(function)))
    }

    /// Adds an action that is code of a language.
    pub fn code(self, name: &'static str, description: &str, kind: &'static str, text: &'static str) -> Self {
        self.with(name, description, What::Code(kind, text))
            .annotated("provide-api-key", false)
    }

    fn with(mut self, name: &'static str, description: &str, what: What) -> Self {
        self.actions.push(BuiltIn {
            name,
            annotations: described(description),
            what,
        });
        self
    }

    /// Makes a web action of the action that was added last.
    pub fn public(self) -> Self {
        self.annotated("web-export", true).annotated("final", true)
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
