use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize, de::Error as _};

use super::{Annotations, EntityName, Json, Millis, Version};
use crate::{Error, Result};

/// The id of an activation: 128 bits, shown as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivationId(u128);

impl ActivationId {
    /// An id from 128 random bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 16 bytes, as a store key.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl FromStr for ActivationId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let length = text.chars().count();
        if length != 32 {
            return Err(Error::bad_request(format!(
                "Activation id length is {length} but must be 32."
            )));
        }
        if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Error::bad_request("The activation id is not valid."));
        }
        let bits = u128::from_str_radix(text, 16);
        bits.map(Self)
            .map_err(|error| Error::bad_request("The activation id is not valid.").because(error))
    }
}

impl fmt::Display for ActivationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        HEXLOWER.encode_mut(&self.to_bytes(), &mut digits);
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ActivationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for ActivationId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ActivationId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The record of one activation. Its JSON is the very body of `GET activations/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    /// The namespace it is charged to: the caller's.
    pub namespace: EntityName,
    /// Name of the action or trigger, without package.
    pub name: EntityName,
    /// Version of what ran.
    pub version: Version,
    /// Who called.
    pub subject: String,
    /// Its id.
    pub activation_id: ActivationId,
    /// The sequence or composition that this is a step of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<ActivationId>,
    /// When it was started.
    pub start: Millis,
    /// When it ended; absent for triggers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<Millis>,
    /// Initialisation and run, in milliseconds; for sequences the sum of their steps; absent for triggers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration: Option<u64>,
    /// How it ended.
    pub response: Response,
    /// Log lines; ids of the steps for sequences; a JSON text for each rule for triggers.
    pub logs: Vec<String>,
    /// `path`, `kind`, `limits`, `waitTime`, `initTime` …
    pub annotations: Annotations,
    /// Always false.
    pub publish: bool,
}

/// How an activation ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The status.
    pub status: Status,
    /// Whether the status is success.
    pub success: bool,
    /// The result: an object or an array; `{"error": …}` when it failed.
    pub result: Json,
    /// Size of the result, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<u64>,
}

impl Response {
    /// A response with this status and result.
    pub fn new(status: Status, result: Json) -> Self {
        let size = result.get().len() as u64;
        Self {
            status,
            success: status == Status::Success,
            result,
            size: Some(size),
        }
    }

    /// A failure whose result is `{"error": message}`.
    pub fn failure(status: Status, message: &str) -> Self {
        Self::new(status, error_result(message))
    }
}

/// `{"error": message}`.
fn error_result(message: &str) -> Json {
    // A map of one string to one string always has a JSON text.
    let text = serde_json::json!({ "error": message }).to_string();
    serde_json::value::RawValue::from_string(text)
        .unwrap_or_default()
        .into()
}

/// The four ways an activation can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// A result.
    #[serde(rename = "success")]
    Success,
    /// A result with `error`: the function said so itself. The instance is kept.
    #[serde(rename = "application error")]
    ApplicationError,
    /// The function broke its contract: crash, timeout, no dictionary. The instance is destroyed.
    #[serde(rename = "action developer error")]
    DeveloperError,
    /// The platform failed.
    #[serde(rename = "whisk internal error")]
    WhiskError,
}

impl Status {
    /// The number in list summaries, 0 to 3.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The text in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::ApplicationError => "application error",
            Status::DeveloperError => "action developer error",
            Status::WhiskError => "whisk internal error",
        }
    }
}

/// How a run or an initialisation of a function ended: data, not an [`Error`].
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An object without `error`, or an array.
    Success(Json),
    /// An object with `error`.
    ApplicationError(Json),
    /// The function replied with an object that describes its own failure.
    DeveloperError(Json),
    /// The function replied with something that is neither object nor array.
    InvalidResult(String),
    /// The result, of this many bytes, is longer than the limit; its beginning is kept.
    ResultTooLarge {
        /// Bytes of the whole result.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
        /// The first `limit` bytes.
        start: String,
    },
    /// The process ended without a reply.
    Exited,
    /// The kernel ended it for using more memory than its limit.
    OutOfMemory,
    /// The deadline passed; the limit in milliseconds.
    TimedOut(u64),
    /// Initialisation failed with this message.
    InitFailed(String),
    /// The process ended during initialisation.
    InitExited,
    /// The deadline passed during initialisation; the limit in milliseconds.
    InitTimedOut(u64),
    /// The container image could not be had or started, with a text for the user.
    ImageFailed(String),
    /// The platform failed, with a text for the user.
    PlatformError(String),
}

impl Outcome {
    /// Whether the instance may serve again.
    pub fn keeps_instance(&self) -> bool {
        matches!(
            self,
            Outcome::Success(_) | Outcome::ApplicationError(_) | Outcome::ResultTooLarge { .. }
        )
    }

    /// Whether a time limit cut it.
    pub fn timed_out(&self) -> bool {
        matches!(self, Outcome::TimedOut(_) | Outcome::InitTimedOut(_))
    }

    /// The response that the record shows, in OpenWhisk's words.
    pub fn response(self) -> Response {
        let developer = |message: &str| Response::failure(Status::DeveloperError, message);
        match self {
            Outcome::Success(result) => Response::new(Status::Success, result),
            Outcome::ApplicationError(result) => Response::new(Status::ApplicationError, result),
            Outcome::DeveloperError(result) => Response::new(Status::DeveloperError, result),
            Outcome::InvalidResult(text) => developer(&format!(
                "The action did not produce a valid JSON or JSON Array response: {text}"
            )),
            Outcome::ResultTooLarge { size, limit, start } => Response::failure(
                Status::ApplicationError,
                &format!(
                    "The action produced a response that exceeded the allowed length: {size} > {limit} bytes. \
                     The truncated response was: {start}"
                ),
            ),
            Outcome::Exited => developer("The action did not produce a valid response and exited unexpectedly."),
            Outcome::OutOfMemory => developer("The action exhausted its memory and was aborted."),
            Outcome::TimedOut(limit) => {
                developer(&format!("The action exceeded its time limits of {limit} milliseconds."))
            }
            Outcome::InitFailed(message) => developer(&format!("The action failed during initialization: {message}")),
            Outcome::ImageFailed(message) => developer(&message),
            Outcome::InitExited => developer("The action did not initialize and exited unexpectedly."),
            Outcome::InitTimedOut(limit) => developer(&format!(
                "The action exceeded its time limits of {limit} milliseconds during initialization."
            )),
            Outcome::PlatformError(message) => Response::failure(Status::WhiskError, &message),
        }
    }
}
