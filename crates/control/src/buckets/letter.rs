use tokio::sync::oneshot;
use wisp_core::{Error, Result};
use wisp_workflow::when::{Event, Scope};

use crate::actors;

/// A look into a scope.
pub(crate) type Look = Box<dyn FnOnce(&Scope) + Send>;

/// Something that happens to a scope.
pub(crate) enum Letter {
    /// An event of its own, and who hears when it is recorded: whether it changed anything.
    Happened(Event, oneshot::Sender<Result<bool>>),
    /// Somebody looks into it.
    Read(Look),
    /// It may be time for something, or its bucket may be no more.
    Look,
    /// The server has just started: calls that were begun and not ended are begun again.
    Resumed,
    /// A call has been made.
    Settled(u64),
}

impl actors::Letter for Letter {
    fn resumed() -> Self {
        Self::Resumed
    }

    fn survive(self, error: &Error) -> Option<Self> {
        match self {
            Self::Happened(_, receipt) => {
                // One who no longer waits does not care.
                let _ = receipt.send(Err(error.copy()));
                None
            }
            Self::Read(_) | Self::Resumed => None,
            Self::Look | Self::Settled(_) => Some(self),
        }
    }
}
