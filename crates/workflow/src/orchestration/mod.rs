//! Orchestrators and entities as code: what an instance is, and what happens to it, whoever runs the code.
//!
//! An orchestrator is run again from its start in every turn: it is shown the whole history and what is new, and answers with
//! what it asks for. That makes this core small: it keeps histories, hands messages on, and never looks into what they carry.
//! The words are those of the Durable Task protocol; nothing here knows how they travel.
//!
//! An instance is an [`Instance`], its history and an [`Inbox`]. Whoever drives it
//!
//! 1. puts what has happened into the inbox,
//! 2. asks [`next`], and commits what it says until there is nothing or a [`Turn`],
//! 3. has the orchestrator's code make a [`Decision`] of the turn, and
//! 4. asks [`complete`] what comes of it, and commits that.
//!
//! An [`Entity`] is driven in the same way, with a [`Batch`] and a [`Report`]. Every [`Outcome`] is to be committed as a whole,
//! with the messages that it has for others: then nothing is lost and nothing happens twice.
//!
//! | file | what |
//! |---|---|
//! | `event`, `failure` | histories: everything that can happen |
//! | `action` | what orchestrators ask for |
//! | `instance`, `message`, `outcome` | what is kept; what comes in; what changes |
//! | `turn`, `complete`, `end` | what comes next; what comes of a turn; what comes of the end |
//! | `entity` | entities, their operations and locks |

mod action;
mod complete;
mod end;
mod entity;
pub mod event;
mod failure;
mod instance;
mod message;
mod outcome;
#[cfg(test)]
mod tests;
mod turn;

pub use action::{Action, Ask, Decision};
pub use complete::complete;
pub use entity::{Batch, Entity, Lock, Report, Wish};
pub use event::{
    Call, Completed, Event, Kind, LockRequest, Micros, Operation, Parent, Payload, Rewound, Started, Tags, Trace,
};
pub use failure::Failure;
pub use instance::{Held, Instance, STATUSES, Status};
pub use message::{Inbox, Message, Post, is_entity};
pub use outcome::{Activity, Next, Outcome};
pub use turn::{Turn, found, next};
