//! Web actions: functions that answer plain HTTP.
//!
//! | file | what it does |
//! |---|---|
//! | `address` | reads namespace, package, action, extension and the rest off a path |
//! | `host` | the same, where the namespace is in the name of the host |
//! | `guard` | who calls, and whether they may |
//! | `arguments` | what the function sees of a request |
//! | `serve` | the story: find, guard, read, invoke, answer |
//! | `answer` | from the end of an activation to a response |
//! | `project` | what each extension makes of a result |
//! | `message` | `.http`: the result is status, headers and body |
//! | `media` | families of media types, and what the caller accepts |
//! | `stream` | bodies that are passed on while their function runs |
//! | `cors` | what browsers are told |

mod address;
mod answer;
mod arguments;
mod cors;
mod guard;
mod host;
mod media;
mod message;
mod project;
mod serve;
mod stream;
mod upload;

pub(crate) use cors::allow_all;
pub(crate) use guard::caller;
pub(crate) use host::by_host;
pub(crate) use serve::{call, serve};
