use std::sync::Arc;

use quick_cache::sync::Cache;
use wisp_core::{
    Result,
    model::{Action, CodeRef, Exec},
};
use wisp_workflow::composer::Program;

use crate::control::Control;

/// What runs one function of a composition.
const FUNCTIONS: &str = include_str!("functions.js");

/// Programs of compositions, by digest of their code; none for code that is no composition, or one that is not known.
pub(crate) struct Programs(Cache<String, Option<Arc<Program>>>);

impl Programs {
    pub fn new(entries: usize) -> Self {
        Self(Cache::new(entries))
    }
}

impl Control {
    /// The program of an action, if Composer made it and its interpreter is one that is known.
    pub(super) async fn program_of(&self, action: &Action) -> Result<Option<Arc<Program>>> {
        let Exec::Code { kind, code, main: None } = &action.exec else {
            return Ok(None);
        };
        let ast = action.annotations.get("conductor").is_some_and(|ast| ast.is_object());
        if !self.inner.workflows.settings.native_compositions || !ast || !kind.starts_with("nodejs:") || code.binary {
            return Ok(None);
        }
        let programs = &self.inner.programs.0;
        if let Some(program) = programs.get(&code.digest) {
            return Ok(program);
        }
        let text = self.inner.blobs.get(&code.digest).await?;
        let text = text.as_deref().and_then(|text| std::str::from_utf8(text).ok());
        let program = text.and_then(Program::recognise).map(Arc::new);
        programs.insert(code.digest.clone(), program.clone());
        Ok(program)
    }

    /// The code that runs one function of a composition.
    pub(super) async fn functions(&self) -> Result<CodeRef> {
        Ok(CodeRef {
            digest: self.inner.blobs.put(FUNCTIONS.into()).await?,
            size: FUNCTIONS.len() as u64,
            binary: false,
        })
    }
}
