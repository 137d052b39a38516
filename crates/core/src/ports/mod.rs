//! The sockets into which adapters are plugged, one file a seam. Each contract is in the trait's doc comment and in
//! its conformance suite in `wisp-testkit`.

mod activations;
mod blobs;
mod bus;
mod clock;
mod images;
pub mod journal;
mod outbound;
mod pieces;
mod placement;
mod runtime;
mod sandbox;
mod source;
mod store;

pub use activations::{Activations, FollowUp, Query, Retention, Scope, Swept};
pub use blobs::Blobs;
pub use bus::Bus;
pub use clock::{BoxFuture, Clock, Tasks};
pub use images::{Image, Images, ImportOptions};
pub use journal::Journal;
pub use outbound::{Answer, Outbound, Post};
pub use pieces::{Piece, Pieces};
pub use placement::{Candidate, KeepAlive, Windows};
pub use runtime::{Init, Instance, InstanceLimits, Kind, Language, Line, Lineage, Ran, Run, Stages, Stream};
pub use sandbox::{Birth, Cell, Channel, Exit, ImageRoot, Mount, Network, Sandbox, SandboxSpec};
pub use source::{
    Delivery, Ended, Event, EventSink, EventSource, Feed, FeedParameter, FeedSettings, KEEP, Listener, MADE, Receiver,
    Remove, Subscription,
};
pub use store::{Change, Expect, Record, Records, Revision, Table, Write};
