use std::{io, path::Path};

use wisp_core::{Code, Error};

/// A failure of a file operation.
pub(super) fn file(doing: &str, path: &Path, error: io::Error) -> Error {
    Error::new(Code::Storage, format!("cannot {doing} {}: {error}", path.display())).because(error)
}

/// A failure of fjall.
pub(super) fn database(doing: &str, error: fjall::Error) -> Error {
    use fjall::LsmError;
    let code = match &error {
        fjall::Error::Storage(
            LsmError::ChecksumMismatch { .. }
            | LsmError::InvalidTrailer
            | LsmError::InvalidTag(_)
            | LsmError::InvalidHeader(_)
            | LsmError::Decompress(_)
            | LsmError::Utf8(_),
        )
        | fjall::Error::Unrecoverable
        | fjall::Error::JournalRecovery(_)
        | fjall::Error::Decompress(_)
        | fjall::Error::InvalidTrailer
        | fjall::Error::InvalidTag(_) => Code::Corrupted,
        _ => Code::Storage,
    };
    Error::new(code, format!("cannot {doing}: {}", reason(&error))).because(error)
}

/// What happened, in the words of whoever can do something about it.
pub(super) fn reason(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => error.to_string(),
        fjall::Error::Poisoned => {
            "an earlier write failed, so nothing more is written; when the disk is sound, restart the server".into()
        }
        other => other.to_string(),
    }
}
