//! What each type of state does: one file each, with what it does when it is worked on and when its events come.

mod batch;
pub(crate) mod choice;
pub(crate) mod fail;
mod fan;
mod iteration;
pub(crate) mod map;
pub(crate) mod map_run;
mod parallel;
mod pass;
mod succeed;
pub(crate) mod task;
pub(crate) mod transfer;
pub(crate) mod wait;

pub(crate) use fan::{ended, iteration_aborted, tolerated};

use crate::execution::FrameId;
use crate::failure::Failure;
use crate::fields::View;
use crate::flow::Step;
use crate::interpreter::Interpreter;
use crate::machine::{Kind, State};
use crate::query::Fault;

/// One state being worked on.
pub(crate) struct Work<'i, 'm> {
    pub turn: &'i mut Interpreter<'m>,
    pub id: FrameId,
    pub state: &'m State,
    pub view: View,
}

impl<'i, 'm> Work<'i, 'm> {
    /// The state that the frame is in; `None` when there is no such frame.
    pub fn new(turn: &'i mut Interpreter<'m>, id: FrameId) -> Option<Self> {
        let view = turn.view(id)?;
        let state = turn.state(id)?;
        Some(Self { turn, id, state, view })
    }

    /// A fault of one of its expressions.
    pub fn fault(&self, fault: Fault) -> Failure {
        self.turn.fault(self.id, fault)
    }
}

/// Does a state's work, from its beginning.
pub(crate) fn work(turn: &mut Interpreter, id: FrameId) -> Result<Step, Failure> {
    let Some(work) = Work::new(turn, id) else {
        return Ok(Step::Stay);
    };
    match &work.state.kind {
        Kind::Task(task) => task::work(work, task),
        Kind::Parallel(parallel) => parallel::work(work, parallel),
        Kind::Map(map) => map::work(work, map),
        Kind::Pass(pass) => pass::work(&work, pass),
        Kind::Wait(wait) => wait::work(work, wait),
        Kind::Choice(choice) => choice::work(&work, choice),
        Kind::Succeed => succeed::work(&work),
        Kind::Fail(fail) => Err(fail::work(&work, fail)),
    }
}
