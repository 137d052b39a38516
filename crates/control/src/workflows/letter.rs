use tokio::sync::oneshot;
use wisp_core::{Error, Result};
use wisp_workflow::execution::EventKind;

use crate::actors;

/// Something that happens to an execution.
pub(crate) struct Letter {
    /// What; none lets it go on where it was interrupted.
    pub kind: Option<EventKind>,
    /// Whether work that was begun and not answered is begun again: the server has just started, or a turn panicked.
    pub resumed: bool,
    /// The task whose nested execution has been stopped.
    pub stopped: Option<u64>,
    /// Whether it is the end of work that the driver began, and knows of.
    pub own: bool,
    /// Hears when it is recorded.
    pub receipt: Option<oneshot::Sender<Result<()>>>,
}

impl Letter {
    /// Something that nobody waits for.
    pub fn new(kind: Option<EventKind>) -> Self {
        Self {
            kind,
            resumed: false,
            stopped: None,
            own: false,
            receipt: None,
        }
    }

    /// The task that has ended well, if its work was begun here.
    pub fn own_success(&self) -> Option<u64> {
        match self.kind {
            Some(EventKind::TaskSucceeded { id, .. }) if self.own => Some(id),
            _ => None,
        }
    }
}

impl actors::Letter for Letter {
    fn resumed() -> Self {
        Self {
            resumed: true,
            ..Self::new(None)
        }
    }

    fn survive(self, error: &Error) -> Option<Self> {
        match self.receipt {
            Some(receipt) => {
                // One who no longer waits does not care.
                let _ = receipt.send(Err(error.copy()));
                None
            }
            None => Some(self).filter(|letter| !letter.resumed),
        }
    }
}
