use std::sync::Arc;

use super::{Work, fan};
use crate::execution::{Doing, Fan, Results};
use crate::failure::Failure;
use crate::fields::{arguments, effective};
use crate::flow::Step;
use crate::history::{Details, HistoryKind};
use crate::machine::Parallel;

/// Begins all branches.
pub(super) fn work(work: Work, fields: &Parallel) -> Result<Step, Failure> {
    let input = effective(work.state, &work.view).and_then(|effective| arguments(work.state, &work.view, &effective));
    let input = input.map_err(|fault| work.fault(fault))?;
    if !Arc::ptr_eq(&work.view.input, &input) && work.turn.is_too_large(&input) {
        return Err(Failure::too_large_for(&work.state.name));
    }
    let turn = work.turn;
    let started = turn.record(work.id, HistoryKind::ParallelStateStarted, Details::None);
    let count = u32::try_from(fields.branches.len()).unwrap_or(u32::MAX);
    let fan = Fan {
        results: Results::of(fields.branches.len()),
        begun: count,
        running: count,
        limit: count,
        ..Fan::default()
    };
    if let Some(frame) = turn.frame_mut(work.id) {
        frame.doing = Doing::Fanning(Box::new(fan));
    }
    for (index, branch) in (0..).zip(&fields.branches) {
        fan::begin(turn, work.id, index, *branch, input.clone(), started);
    }
    Ok(Step::Stay)
}
