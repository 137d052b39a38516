use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use wisp_core::ports::{Piece, Pieces, Run};

use super::{
    exchange::Reply,
    instance::{Ended, Launched},
    protocol::{Kind, Message, Token},
};

/// Passes bodies that are streams on while their function runs: a part at a time, and the next only when there is room for
/// it, or when the function asks. So whoever is slow holds the other back, and nothing piles up.
pub(super) struct Passage<'a> {
    launched: &'a Launched,
    token: Token,
    pieces: &'a Pieces,
    run: &'a Run,
    begun: Duration,
    used: bool,
}

impl<'a> Passage<'a> {
    /// For a run that began at this time of the clock.
    pub fn new(launched: &'a Launched, token: Token, pieces: &'a Pieces, run: &'a Run, begun: Duration) -> Self {
        Self {
            launched,
            token,
            pieces,
            run,
            begun,
            used: false,
        }
    }

    /// Passes on what comes until something else does, which is returned.
    pub async fn pass(&mut self, mut ended: Ended) -> Ended {
        loop {
            let Ended::Reply(Reply::Message(message)) = ended else {
                return ended;
            };
            let late = self.launched.context.clock.sleep(self.left());
            let answered = async {
                Ok(match message.kind {
                    Kind::Ask => self.take().await,
                    _ => self.give(piece(message)?).await,
                })
            };
            let answer = tokio::select! {
                answered = answered => answered,
                () = late => return Ended::Late,
            };
            let request = match answer {
                Ok(request) => request,
                Err(message) => return Ended::Reply(Reply::Message(message)),
            };
            let keep = self.run.result_limit.max(self.run.log_limit);
            ended = self.launched.ended(self.token, &request, keep, self.left()).await;
        }
    }

    /// Passes a piece of the result on; what the launcher is answered.
    async fn give(&mut self, piece: Piece) -> Vec<u8> {
        self.used = true;
        let wanted = self.pieces.result.send(piece).await.is_ok();
        self.launched.dialect.protocol().more(self.token, wanted)
    }

    /// The next piece of the request; what the launcher is answered.
    async fn take(&self) -> Vec<u8> {
        let piece = match &self.pieces.request {
            Some(pieces) => pieces.lock().await.recv().await,
            None => None,
        };
        self.launched.dialect.protocol().part(self.token, piece.as_ref())
    }

    /// Tells the reader that nothing is missing.
    pub async fn end(self) {
        if self.used {
            tokio::select! {
                _ = self.pieces.result.send(Piece::End) => {}
                () = self.launched.context.clock.sleep(self.left()) => {}
            }
        }
    }

    /// What is left of the run's time.
    fn left(&self) -> Duration {
        let spent = self.launched.context.clock.elapsed().saturating_sub(self.begun);
        self.run.timeout.saturating_sub(spent)
    }
}

/// A message as a piece; itself if it is none.
fn piece(message: Message) -> Result<Piece, Message> {
    match message.kind {
        Kind::Chunk => Ok(Piece::Chunk(Bytes::from(message.text))),
        Kind::Head => {
            let text = String::from_utf8_lossy(&message.text).into_owned();
            match RawValue::from_string(text) {
                Ok(head) => Ok(Piece::Head(head.into())),
                Err(_) => Err(message),
            }
        }
        _ => Err(message),
    }
}
