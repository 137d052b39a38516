use bytes::Bytes;
use tokio::sync::mpsc;

use crate::model::Json;

/// A part of a result that is passed on while its function still runs.
#[derive(Clone, Debug)]
pub enum Piece {
    /// What the function says of it beforehand, once: the result without its body.
    Head(Json),
    /// The next bytes of the body.
    Chunk(Bytes),
    /// There is no more: a stream that ends without this was cut off.
    End,
}

/// Takes the pieces of a result. It is full while its reader is slow, and then the function waits; it is closed when
/// nobody reads any more, and then the function is told to stop.
pub type Pieces = mpsc::Sender<Piece>;
