use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Mutex, mpsc};

use crate::model::Json;

/// A part of a body that is passed on while its function runs.
#[derive(Clone, Debug)]
pub enum Piece {
    /// What the function says of its result beforehand, once: the result without its body.
    Head(Json),
    /// The next bytes of the body.
    Chunk(Bytes),
    /// There is no more: a stream that ends without this was cut off.
    End,
}

/// The bodies of a run that are streams.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// Takes the pieces of the result. It is full while its reader is slow, and then the function waits; it is closed when
    /// nobody reads any more, and then the function is told to stop.
    pub result: mpsc::Sender<Piece>,
    /// Has the pieces of the request, if the function reads them while it runs; one is taken when the function asks for it.
    pub request: Option<Arc<Mutex<mpsc::Receiver<Piece>>>>,
}
