//! Workflows without the world: what a state machine does with an event, as a pure function.
//!
//! [`query`] evaluates the two query languages of the Amazon States Language, [`validate`] finds what is wrong in a
//! definition, [`orchestration`] is the core of orchestrators and entities as code, [`composer`] runs the compositions of Apache
//! OpenWhisk's Composer; [`when`] decides what the objects of a bucket lead to; [`apart`] keeps large values apart from what
//! holds them, [`drawing`] draws. Nothing here does I/O, reads a clock or
//! rolls dice: the moment and the seed of randomness come in with the [`query::Scope`], so that the same arguments give the
//! same answer when a journal is replayed.

mod advance;
pub mod apart;
pub mod composer;
pub mod drawing;
pub mod execution;
mod failure;
mod fields;
mod flow;
mod fork;
pub mod history;
pub mod hosted;
pub mod inspect;
mod interpreter;
mod limits;
pub mod machine;
mod moment;
pub mod orchestration;
pub mod query;
mod recover;
mod respond;
pub mod simulate;
mod steps;
pub mod validate;
pub mod when;

pub use advance::{Turn, advance, advance_while};
pub use fork::{Search, Step};
pub use limits::Limits;
