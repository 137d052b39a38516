use std::sync::Arc;

use super::Work;
use crate::failure::Failure;
use crate::fields::{arguments, close, effective, pass};
use crate::flow::{Leave, Step};
use crate::machine::{Language, Pass};

pub(super) fn work(work: &Work, fields: &Pass) -> Result<Step, Failure> {
    let closed = match work.state.language {
        Language::JSONata => pass(work.state, &work.view),
        Language::JSONPath => effective(work.state, &work.view).and_then(|effective| {
            let result = match &fields.result {
                Some(result) => Arc::new(result.clone()),
                None => arguments(work.state, &work.view, &effective)?,
            };
            close(work.state, &work.view, result)
        }),
    };
    let closed = closed.map_err(|fault| work.fault(fault))?;
    Ok(Step::Leave(Leave::to(work.state.next, closed)))
}
