use std::sync::Arc;

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::sync::{
    Mutex,
    mpsc::{self, Receiver, Sender},
};
use wisp_core::ports::Piece;

use super::serve::PIECES;

/// The pieces of a request's body, read as they are taken. Nothing is read any more when nobody can take them.
pub(super) fn passed_on(body: Body) -> Arc<Mutex<Receiver<Piece>>> {
    let (pieces, taken) = mpsc::channel(PIECES);
    tokio::spawn(pass_on(body, pieces));
    Arc::new(Mutex::new(taken))
}

/// Ends without [`Piece::End`] if the request is broken off.
async fn pass_on(mut body: Body, pieces: Sender<Piece>) {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = pieces.closed() => return,
        };
        let piece = match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => Piece::Chunk(data),
                // Trailers say nothing to a function.
                Err(_) => continue,
            },
            Some(Err(_)) => return,
            None => Piece::End,
        };
        let ended = matches!(piece, Piece::End);
        if pieces.send(piece).await.is_err() || ended {
            return;
        }
    }
}
