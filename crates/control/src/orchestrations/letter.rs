use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::oneshot;
use wisp_core::{Error, Result, ports::journal::Timer};
use wisp_workflow::orchestration::{Decision, Message, Report, Started, Status};

use super::carrier::{Done, Ending};
use crate::actors;

/// Hears when something is recorded, or why it is not.
pub(crate) type Receipt = oneshot::Sender<Result<()>>;

/// Something that happens to an instance or an entity.
pub(crate) enum Letter {
    /// A caller wants an instance. One that is there is replaced if its status is among these.
    Start(Box<Started>, Vec<Status>, Option<Receipt>),
    /// A caller says something to it.
    Say(Box<Message>, Option<Receipt>),
    /// A caller wants it to go on from where it failed.
    Rewind(Box<Message>, Option<Receipt>),
    /// Another left a message for it, in the journal.
    Arrived,
    /// A turn was run.
    Decided(u64, Done<Decision>),
    /// Operations were done.
    Reported(u64, Done<Report>),
    /// Work for code could not be done.
    Lost(u64),
    /// There is no room for work for code.
    Shelved(u64),
    /// An activity has ended.
    Finished(String, Done<Ending>),
    /// A timer has fired.
    Fired(Timer, Option<Receipt>),
    /// Somebody takes locks away from it whose owners are gone.
    Release(Option<Receipt>),
    /// The server has started, or there is room for work: activities that were under way are begun again.
    Resumed(Option<Receipt>),
}

impl actors::Letter for Letter {
    fn resumed() -> Self {
        Letter::Resumed(None)
    }

    fn survive(mut self, error: &Error) -> Option<Self> {
        if let Some(receipt) = self.waiting() {
            // One who no longer waits does not care.
            let _ = receipt.send(Err(error.copy()));
            return None;
        }
        Some(self).filter(|letter| !matches!(letter, Letter::Resumed(_)))
    }
}

impl Letter {
    /// Tells whoever waits how it went.
    pub fn answer(mut self, outcome: Result<()>) {
        // One who no longer waits does not care.
        let _ = self.waiting().map(|receipt| receipt.send(outcome));
    }

    /// Takes who waits for it.
    fn waiting(&mut self) -> Option<Receipt> {
        let receipt = match self {
            Letter::Start(_, _, receipt)
            | Letter::Say(_, receipt)
            | Letter::Rewind(_, receipt)
            | Letter::Fired(_, receipt)
            | Letter::Release(receipt)
            | Letter::Resumed(receipt) => receipt,
            Letter::Decided(_, done) => &mut done.receipt,
            Letter::Reported(_, done) => &mut done.receipt,
            Letter::Finished(_, done) => &mut done.receipt,
            Letter::Arrived | Letter::Lost(_) | Letter::Shelved(_) => return None,
        };
        receipt.take()
    }

    /// Whether a client hears of it: what it is told must not be lost.
    pub fn is_promise(&self) -> bool {
        matches!(
            self,
            Letter::Start(_, _, Some(_)) | Letter::Say(_, Some(_)) | Letter::Rewind(_, Some(_))
        )
    }
}

/// Tells ids of this process from those of others, should the clock have been set back between them.
static PROCESS: LazyLock<u32> = LazyLock::new(rand::random);

/// The last id's number.
static LAST: AtomicU64 = AtomicU64::new(0);

/// An id of a message: greater than all before it. `first` ones come before all others.
pub(super) fn message_id(now: u64, first: bool) -> String {
    let begin = now << 20;
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(begin.max(last + 1)));
    let number = begin.max(last.unwrap_or_default() + 1);
    format!("i{}{number:016x}{:08x}", if first { '0' } else { '1' }, *PROCESS)
}
