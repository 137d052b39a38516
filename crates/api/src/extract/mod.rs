//! Reads requests: who calls, what the path names, what the query says, what the body holds.

mod body;
mod page;
mod place;
mod query;

pub(crate) use body::Incoming;
pub(crate) use page::Page;
pub(crate) use place::{Caller, Named, Part, Place, Segment, Segments};
pub(crate) use query::Query;
