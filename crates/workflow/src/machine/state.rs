use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Catcher, Kind, Retrier, Selector, StateId};

/// The language of a state's expressions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Language {
    /// Paths and intrinsic functions.
    #[default]
    JSONPath,
    /// `{% … %}`.
    JSONata,
}

/// What follows a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another one.
    To(StateId),
    /// Nothing: it ends the machine, its branch or its iteration.
    End,
}

/// How data flows through a state.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// `InputPath` (JSONPath).
    pub input_path: Selector,
    /// `Parameters` (JSONPath); a Map's old name for [`super::Map::selector`] is not here.
    pub parameters: Option<Value>,
    /// `ResultSelector` (JSONPath).
    pub result_selector: Option<Value>,
    /// `ResultPath` (JSONPath).
    pub result_path: Selector,
    /// `OutputPath` (JSONPath).
    pub output_path: Selector,
    /// `Arguments` (JSONata).
    pub arguments: Option<Value>,
    /// `Output` (JSONata).
    pub output: Option<Value>,
    /// `Assign`.
    pub assign: Option<Value>,
}

/// One state.
#[derive(Debug)]
pub struct State {
    /// Unique in the machine.
    pub name: Arc<str>,
    /// Of its expressions.
    pub language: Language,
    /// How data flows through it.
    pub data: Data,
    /// What follows; meaningless for Choice, Succeed and Fail.
    pub next: Next,
    /// In the order of the definition.
    pub retry: Vec<Retrier>,
    /// In the order of the definition.
    pub catch: Vec<Catcher>,
    /// What its type adds.
    pub kind: Kind,
    /// Whether its expressions may read the context object, which costs a copy of the execution's input.
    pub reads_context: bool,
}
