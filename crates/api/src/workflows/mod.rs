//! State machines and their executions over the REST API: OpenWhisk's paths, keys, lists and errors.
//!
//! Everything is what the [Step Functions API](crate::states) offers, by the same use cases.
//!
//! | file | what it does |
//! |---|---|
//! | `place` | who calls, which machine, which execution |
//! | `machines` | deploys, shows, lists, deletes, draws them |
//! | `executions` | starts, shows, lists them; what happened in them, as text and as pictures |
//! | `orders` | stops, redrives, forks, signals them |
//! | `definitions` | examines definitions and tries states, and stores nothing |
//! | `documents` | what machines and executions look like |
//! | `picture` | SVG, or JSON for those who ask for it |
//! | `gather` | pages of lists that go on by tokens |

mod definitions;
mod documents;
mod executions;
mod gather;
mod machines;
mod orders;
mod picture;
mod place;
mod routes;

pub(crate) use routes::routes;
