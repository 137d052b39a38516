use super::Work;
use crate::failure::Failure;
use crate::fields::pass;
use crate::flow::{Leave, Step};
use crate::machine::Next;

pub(super) fn work(work: &Work) -> Result<Step, Failure> {
    let closed = pass(work.state, &work.view).map_err(|fault| work.fault(fault))?;
    Ok(Step::Leave(Leave::to(Next::End, closed)))
}
