//! Compositions of Composer without its conductor: the answer that the conductor would give, found by
//! [`wisp_workflow::composer`]. The sandbox runs the functions in them, and nothing else.
//!
//! | file | what it does |
//! |---|---|
//! | `programs` | which actions are compositions whose interpreter is known |
//! | `answer` | one call of a conductor, from its question to its answer |
//! | `beside` | branches, and what goes on by itself |
//! | `told` | the record of such a call |
//! | `functions.js` | runs one function, where a composition also has branches |

mod answer;
mod beside;
mod programs;
mod told;

pub(crate) use programs::Programs;
