use std::{error::Error as StdError, fmt};

/// Shorthand for results of this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $id:literal, $status:literal, retry $retry:literal;)+) => {
        /// The closed table of everything that can go wrong, as callers and users see it.
        ///
        /// Each code has an id (`WSP-0409`), an HTTP status, whether trying again unchanged can help, and a page
        /// `docs/errors/<id>.md` that `wisp explain <id>` prints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $meaning])+ $name,)+ }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The stable id, such as `WSP-0409`.
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)+ }
            }

            /// The HTTP status that the API answers with.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status,)+ }
            }

            /// Whether the same request may succeed later without being changed.
            pub fn retry(self) -> bool {
                match self { $(Code::$name => $retry,)+ }
            }

            /// One line of meaning.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($meaning),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The request is malformed: a name, a parameter or the body breaks a rule.
    BadRequest = "WSP-0400", 400, retry false;
    /// No credentials came with the request, or they are not valid.
    Unauthenticated = "WSP-0401", 401, retry false;
    /// The credentials are valid, but do not permit this.
    Forbidden = "WSP-0403", 403, retry false;
    /// Nothing by this name exists.
    NotFound = "WSP-0404", 404, retry false;
    /// The resource exists, but not with this method.
    MethodNotAllowed = "WSP-0405", 405, retry false;
    /// The result cannot be represented in a type that the caller accepts.
    NotAcceptable = "WSP-0406", 406, retry false;
    /// The resource exists already, changed meanwhile, or is of another kind.
    Conflict = "WSP-0409", 409, retry false;
    /// The request, its code, parameters or annotations are larger than a limit.
    TooLarge = "WSP-0413", 413, retry false;
    /// The body's content type is not one the route reads.
    UnsupportedMediaType = "WSP-0415", 415, retry false;
    /// The request is well-formed, but contradicts itself or what is stored.
    Unprocessable = "WSP-0422", 422, retry false;
    /// A limit of the namespace is reached: requests per minute or invocations in flight.
    Throttled = "WSP-0429", 429, retry true;
    /// The isolation that was asked for is weaker than the namespace must have.
    Isolation = "WSP-0460", 403, retry false;
    /// A container image cannot be fetched or started.
    Image = "WSP-0461", 502, retry true;
    /// Functions have led to this call one after another, or one to itself, more often than allowed: it is a loop.
    Loop = "WSP-0462", 422, retry false;
    /// A fault of the platform itself.
    Internal = "WSP-0500", 500, retry true;
    /// A stored record cannot be read back.
    Corrupted = "WSP-0501", 500, retry false;
    /// Reading or writing the store failed: the disk is full, read-only or broken.
    Storage = "WSP-0502", 500, retry true;
    /// The sandbox for an action could not be started.
    Sandbox = "WSP-0503", 500, retry true;
    /// The platform has no room for the work now, or is shutting down.
    Unavailable = "WSP-0530", 503, retry true;
    /// The data directory is in use by another server.
    Locked = "WSP-0600", 500, retry true;
    /// The configuration has an unknown key, a bad value, or names something that is not there.
    Config = "WSP-0601", 500, retry false;
    /// The machine lacks something that Wisp needs.
    Machine = "WSP-0602", 500, retry false;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What went wrong: a [`Code`] to branch on, a message for people, facts for programs, and the cause if a library
/// raised it.
pub struct Error {
    code: Code,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with this code and message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            context: Vec::new(),
            source: None,
        }
    }

    /// A [`Code::BadRequest`] with this message.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// A [`Code::Internal`] with this message.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// Attaches the underlying cause.
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a fact that stands beside the message in the API's error body: `limit`, `remedy` …
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }

    /// The facts added with [`with`](Self::with).
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.context
    }

    /// An error that says the same, without the cause: for several who wait for one outcome.
    pub fn copy(&self) -> Self {
        Self {
            code: self.code,
            message: self.message.clone(),
            context: self.context.clone(),
            source: None,
        }
    }

    /// The code, to branch on.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The text for people, without the cause.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_meanings_are_sentences() {
        let ids: std::collections::HashSet<_> = Code::ALL.iter().map(|code| code.id()).collect();
        assert_eq!(ids.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.meaning().ends_with('.'), "{code}: {}", code.meaning());
        }
    }
}
