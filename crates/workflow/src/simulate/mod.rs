//! Runs a definition to its end without a server: the real core, mocked task results, and a clock that jumps.
//!
//! | type | what it is |
//! |---|---|
//! | [`Case`] | a definition, an input, and what its tasks answer |
//! | [`Mocks`], [`Mock`] | the answers, by state and attempt |
//! | [`Report`] | how it ended, and its history |

mod answer;
mod case;
mod mocks;
mod report;
mod world;

pub use case::Case;
pub use mocks::{Mock, Mocks, Thrown};
pub use report::Report;
pub use world::run;
