use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use wisp_core::ports::{Piece, Pieces, Run};

use super::{
    exchange::Reply,
    instance::{Ended, Launched},
    protocol::{Kind, Message, Token},
};

/// Passes a body that is a stream on while its function runs: a part at a time, and the next only when there is room for
/// it. So a slow reader holds the function back, and nothing piles up.
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
            let piece = match ended {
                Ended::Reply(Reply::Message(message)) => match piece(message) {
                    Ok(piece) => piece,
                    Err(message) => return Ended::Reply(Reply::Message(message)),
                },
                other => return other,
            };
            self.used = true;
            let wanted = tokio::select! {
                sent = self.pieces.send(piece) => sent.is_ok(),
                () = self.launched.context.clock.sleep(self.left()) => return Ended::Late,
            };
            let request = self.launched.dialect.protocol().more(self.token, wanted);
            let keep = self.run.result_limit.max(self.run.log_limit);
            ended = self.launched.ended(self.token, &request, keep, self.left()).await;
        }
    }

    /// Tells the reader that nothing is missing.
    pub async fn end(self) {
        if self.used {
            tokio::select! {
                _ = self.pieces.send(Piece::End) => {}
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
