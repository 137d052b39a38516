//! The Durable Task protocol: gRPC on the server's own port, for the published libraries of orchestrations as code.
//!
//! | file | what |
//! |---|---|
//! | `wire` | the messages, made from `proto/durable_task.proto` |
//! | `service` | a method each: read, use case, write |
//! | `caller` | who calls, and in which hub |
//! | `events`, `actions`, `shown` | between messages and the terms of the core |
//! | `stream` | work for a worker, as it comes |
//! | `refusal` | errors, as gRPC has them |

mod actions;
mod caller;
mod events;
mod refusal;
mod service;
mod shown;
mod stream;
mod wire;

pub(crate) use caller::Peer;
pub(crate) use service::service;
