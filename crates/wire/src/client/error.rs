use std::{error::Error as StdError, fmt};

use wisp_core::Code;

use crate::document::ErrorBody;

/// Shorthand for results of the client.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call gave no answer that it asked for.
#[derive(Debug)]
pub enum Error {
    /// The text is no API host.
    BadEndpoint(String),
    /// A certificate or key file cannot be used.
    BadCertificate {
        /// The file, or what the certificate is for.
        what: String,
        /// What is wrong with it.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// No connection, or it broke before the reply was there. The call may have been carried out.
    Unreachable {
        /// The base URL.
        endpoint: String,
        /// What happened.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The server answered with an error.
    Refused(Box<Refusal>),
    /// The reply is not what OpenWhisk's API says.
    Unexpected {
        /// HTTP status of the reply.
        status: u16,
        /// Its beginning, or what is wrong with it.
        text: String,
    },
    /// The request's body cannot be written as JSON.
    Unwritable(serde_json::Error),
}

/// A server's error reply.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub body: ErrorBody,
}

impl Refusal {
    /// Reads an error body. It must have both of OpenWhisk's keys, since a function's result may have an `error` too.
    pub(super) fn parse(status: u16, body: &[u8]) -> Option<Self> {
        Some(Self {
            status,
            body: serde_json::from_slice(body).ok()?,
        })
    }

    /// The entry of Wisp's table of errors: the one the server named, else the one of this HTTP status.
    pub fn code(&self) -> Option<Code> {
        let by_id = Code::ALL
            .iter()
            .find(|code| Some(code.id()) == self.body.wisp.as_deref());
        by_id
            .or_else(|| Code::ALL.iter().find(|code| code.status() == self.status))
            .copied()
    }
}

impl Error {
    /// The HTTP status, if the server answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Refused(refusal) => Some(refusal.status),
            Error::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the server says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadEndpoint(text) => {
                write!(
                    f,
                    "'{text}' is not an API host: expected http://host:port, https://host or host"
                )
            }
            Error::BadCertificate { what, source } => write!(f, "{what} cannot be used: {source}"),
            Error::Unreachable { endpoint, source } => write!(f, "no answer from {endpoint}: {source}"),
            Error::Refused(refusal) => write!(f, "{} (code {})", refusal.body.error, refusal.body.code),
            Error::Unexpected { status, text } => write!(f, "unexpected reply with HTTP status {status}: {text}"),
            Error::Unwritable(error) => write!(f, "the request is not JSON: {error}"),
        }
    }
}

impl StdError for Error {}
