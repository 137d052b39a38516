use serde::{Deserialize, Serialize};

use crate::machine::Kind;

macro_rules! kinds {
    ($($name:ident)+) => {
        /// The types of history events.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum HistoryKind { $($name,)+ }

        impl HistoryKind {
            /// The type's name, as the API gives it.
            pub fn name(self) -> &'static str {
                match self { $(HistoryKind::$name => stringify!($name),)+ }
            }
        }
    };
}

kinds! {
    ActivityFailed ActivityScheduled ActivityScheduleFailed ActivityStarted ActivitySucceeded ActivityTimedOut
    ChoiceStateEntered ChoiceStateExited EvaluationFailed ExecutionAborted ExecutionFailed ExecutionRedriven
    ExecutionStarted ExecutionSucceeded ExecutionTimedOut FailStateEntered LambdaFunctionFailed
    LambdaFunctionScheduled LambdaFunctionScheduleFailed LambdaFunctionStarted LambdaFunctionStartFailed
    LambdaFunctionSucceeded LambdaFunctionTimedOut MapIterationAborted MapIterationFailed MapIterationStarted
    MapIterationSucceeded MapRunAborted MapRunFailed MapRunRedriven MapRunStarted MapRunSucceeded MapStateAborted
    MapStateEntered MapStateExited MapStateFailed MapStateStarted MapStateSucceeded ParallelStateAborted
    ParallelStateEntered ParallelStateExited ParallelStateFailed ParallelStateStarted ParallelStateSucceeded
    PassStateEntered PassStateExited SucceedStateEntered SucceedStateExited TaskFailed TaskScheduled TaskStarted
    TaskStartFailed TaskStateAborted TaskStateEntered TaskStateExited TaskSubmitFailed TaskSubmitted TaskSucceeded
    TaskTimedOut WaitStateAborted WaitStateEntered WaitStateExited
}

impl HistoryKind {
    /// The event that enters a state of this type.
    pub(crate) fn entered(kind: &Kind) -> Self {
        match kind {
            Kind::Task(_) => HistoryKind::TaskStateEntered,
            Kind::Parallel(_) => HistoryKind::ParallelStateEntered,
            Kind::Map(_) => HistoryKind::MapStateEntered,
            Kind::Pass(_) => HistoryKind::PassStateEntered,
            Kind::Wait(_) => HistoryKind::WaitStateEntered,
            Kind::Choice(_) => HistoryKind::ChoiceStateEntered,
            Kind::Succeed => HistoryKind::SucceedStateEntered,
            Kind::Fail(_) => HistoryKind::FailStateEntered,
        }
    }

    /// The event that leaves a state of this type; a Fail is never left.
    pub(crate) fn exited(kind: &Kind) -> Self {
        match kind {
            Kind::Task(_) => HistoryKind::TaskStateExited,
            Kind::Parallel(_) => HistoryKind::ParallelStateExited,
            Kind::Map(_) => HistoryKind::MapStateExited,
            Kind::Pass(_) => HistoryKind::PassStateExited,
            Kind::Wait(_) => HistoryKind::WaitStateExited,
            Kind::Choice(_) => HistoryKind::ChoiceStateExited,
            Kind::Succeed | Kind::Fail(_) => HistoryKind::SucceedStateExited,
        }
    }
}
