//! What the verbs share: how a verb is declared and found, the flags that all have, the properties file, the way
//! results and failures are printed.
//!
//! Exit codes are those of OpenWhisk's `wsk`: 0, 1 for failures here, 2 for wrong usage, 3 when the server cannot be
//! reached, the HTTP status minus 256 (as an unsigned byte) when it refuses, 202 when a blocking invocation outlasts
//! the server's patience.

mod admin;
mod entry;
mod failure;
mod flags;
mod key_values;
mod lists;
mod names;
mod output;
mod pages;
mod progress;
mod properties;
mod session;
mod summary;
mod time;
mod verb;

pub use admin::Stored;
pub use entry::{run, tree};
pub use failure::{FunctionFailed, Quiet, Usage};
pub use flags::Flags;
pub use key_values::{Annotations, FeedParams, Params, TriggerParams};
pub use lists::{annotation, fetch, full_name, list, print};
pub use output::{BOLD, Format, OK, Out, field, pretty};
pub use pages::Pages;
pub use progress::{Waiting, size};
pub use properties::{Properties, data_directory};
pub use session::Session;
pub use summary::summary;
pub use time::{MILLISECONDS, SECONDS, clock};
pub use verb::{Registration, Verb};
