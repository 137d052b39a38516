//! Intrinsic functions of JSONPath states: `States.Format('{}', $.name)` and its 17 kin.
//!
//! A call's arguments are texts in single quotes, numbers, `true`, `false`, `null`, paths and further calls, ten deep.

mod arrays;
mod functions;
mod parse;
mod texts;

pub(super) use texts::digest;

pub use functions::FUNCTIONS;
pub use parse::{Argument, Call};

use serde_json::Value;

use super::{Fault, Scope, allowance::Allowance};

/// The value of a call such as `States.Format('{}', $.name)`.
///
/// # Errors
/// `States.Runtime` when the call is malformed or a path in it leads nowhere; `States.IntrinsicFailure` when an
/// argument does not fit; `States.DataLimitExceeded` when arguments and results are too large together.
pub fn call(text: &str, scope: &Scope) -> Result<Value, Fault> {
    let call =
        Call::parse(text).map_err(|why| Fault::runtime(format!("Invalid intrinsic function '{text}': {why}")))?;
    call.value(scope, &Allowance::new(scope))
}
