use async_trait::async_trait;
use bytes::Bytes;

use crate::Result;

/// The way to servers outside that users name.
///
/// * Where a connection may go is decided by the address that it is made to, not by a name that may mean another one a
///   moment later.
/// * A redirection is an answer; nobody follows it.
/// * Time and sizes are bounded.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Sends a request by the method POST, and returns what is answered, whatever its status.
    ///
    /// # Errors
    /// [`Code::BadRequest`](crate::Code::BadRequest) for what cannot be sent, [`Code::TooLarge`](crate::Code::TooLarge)
    /// for too much, [`Code::Forbidden`](crate::Code::Forbidden) for a place that may not be reached, and
    /// [`Code::Unavailable`](crate::Code::Unavailable) where nobody answers in time.
    async fn post(&self, request: Post) -> Result<Answer>;
}

/// A request.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where to: `http` or `https`.
    pub url: String,
    /// Its headers, beside those that HTTP needs.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}
