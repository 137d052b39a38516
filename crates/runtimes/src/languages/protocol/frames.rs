use serde_json::json;
use wisp_core::ports::{Init, Piece, Run};

use super::{Decoder, FIRST, Given, Kind, Message, Protocol, Token, size, write_body};

/// Bytes before the text: u32 length of the rest (little endian), u8 kind, u64 token.
pub const HEADER: usize = 13;
/// Bytes of the header that the length counts.
const COUNTED: u32 = 9;

/// The protocol of our own launchers.
pub struct Frames;

/// A frame around the text that `write` appends, which is about `size` bytes long.
pub fn frame(kind: u8, token: Token, size: usize, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + size);
    bytes.extend_from_slice(&[0; 4]);
    bytes.push(kind);
    bytes.extend_from_slice(&token.to_le_bytes());
    write(&mut bytes);
    // Requests are held to the platform's payload and code limits, far below 4 GB.
    let length = u32::try_from(bytes.len() - HEADER)
        .unwrap_or(u32::MAX)
        .saturating_add(COUNTED);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

impl Protocol for Frames {
    fn decoder(&self, limit: u64) -> Box<dyn Decoder> {
        Box::new(FrameDecoder {
            header: [0; HEADER],
            have: 0,
            body: None,
            keep: 0,
            limit,
        })
    }

    fn names_requests(&self) -> bool {
        true
    }

    fn init(&self, token: Token, init: &Init, given: &Given<'_>) -> (Vec<u8>, bool) {
        let body = json!({
            "name": init.name, "main": init.main, "code": given.code, "environment": init.environment,
            "compiled": given.compiled, "learn": given.learn,
        });
        let body = body.to_string();
        let write = |bytes: &mut Vec<u8>| bytes.extend_from_slice(body.as_bytes());
        (frame(1, token, body.len(), write), true)
    }

    fn rehearse(&self) -> Vec<u8> {
        frame(8, FIRST, 0, |_| {})
    }

    fn run(&self, token: Token, run: &Run) -> Vec<u8> {
        frame(2, token, size(run), |bytes| write_body(run, bytes))
    }

    fn more(&self, token: Token, wanted: bool) -> Vec<u8> {
        frame(if wanted { 3 } else { 4 }, token, 0, |_| {})
    }

    fn part(&self, token: Token, part: Option<&Piece>) -> Vec<u8> {
        match part {
            Some(Piece::Chunk(chunk)) => frame(5, token, chunk.len(), |bytes| bytes.extend_from_slice(chunk)),
            Some(_) => frame(6, token, 0, |_| {}),
            None => frame(7, token, 0, |_| {}),
        }
    }
}

struct FrameDecoder {
    header: [u8; HEADER],
    have: usize,
    body: Option<Body>,
    keep: u64,
    limit: u64,
}

struct Body {
    message: Message,
    left: u64,
}

impl FrameDecoder {
    fn header(&mut self, bytes: &mut &[u8]) -> Result<(), String> {
        let (taken, rest) = bytes.split_at(bytes.len().min(HEADER - self.have));
        self.header[self.have..self.have + taken.len()].copy_from_slice(taken);
        self.have += taken.len();
        *bytes = rest;
        if self.have < HEADER {
            return Ok(());
        }
        self.have = 0;
        let [l0, l1, l2, l3, kind, token @ ..] = self.header;
        let kind = Kind::of(kind).ok_or_else(|| format!("{kind} is not a kind of message"))?;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let size = u64::from(
            length
                .checked_sub(COUNTED)
                .ok_or("a message is shorter than its header")?,
        );
        if size > self.limit {
            return Err(format!("a message of {size} bytes exceeds the limit of {}", self.limit));
        }
        let message = Message {
            kind,
            token: Some(u64::from_le_bytes(token)),
            size,
            text: Vec::new(),
        };
        self.body = Some(Body { message, left: size });
        Ok(())
    }
}

impl Decoder for FrameDecoder {
    fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Message>, String> {
        if self.body.is_none() {
            self.header(bytes)?;
        }
        let Some(body) = &mut self.body else { return Ok(None) };
        let available = bytes.len().min(usize::try_from(body.left).unwrap_or(usize::MAX));
        let (taken, rest) = bytes.split_at(available);
        let room = usize::try_from(self.keep)
            .unwrap_or(usize::MAX)
            .saturating_sub(body.message.text.len());
        if body.message.text.is_empty() {
            body.message.text.reserve_exact(room.min(available));
        }
        body.message.text.extend_from_slice(&taken[..available.min(room)]);
        body.left -= available as u64;
        *bytes = rest;
        if body.left > 0 {
            return Ok(None);
        }
        Ok(self.body.take().map(|body| body.message))
    }

    fn keep(&mut self, bytes: u64) {
        self.keep = self.keep.max(bytes);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn decoder() -> Box<dyn Decoder> {
        let mut decoder = Frames.decoder(1 << 20);
        decoder.keep(5);
        decoder
    }

    #[test]
    fn a_frame_arrives_whole_however_it_is_cut() {
        let frame = |kind, token, text: &[u8]| frame(kind, token, 0, |bytes| bytes.extend_from_slice(text));
        let stream = [frame(3, 7, b"{\"a\":1}"), frame(2, 8, b"")].concat();
        for cut in 1..stream.len() {
            let mut decoder = decoder();
            let mut messages = Vec::new();
            for mut part in [&stream[..cut], &stream[cut..]] {
                while !part.is_empty() {
                    messages.extend(decoder.decode(&mut part).unwrap());
                }
            }
            let seen: Vec<_> = messages
                .iter()
                .map(|m| (m.kind, m.token, m.size, m.text.as_slice()))
                .collect();
            let expected = [
                (Kind::Result, Some(7), 7, &b"{\"a\":"[..]),
                (Kind::Done, Some(8), 0, &b""[..]),
            ];
            assert_eq!(seen, expected, "cut at {cut}");
        }
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in [
            &b"hello, hello, hello"[..],
            &[0; HEADER],
            &[255, 255, 255, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let mut bytes = garbage;
            assert!(decoder().decode(&mut bytes).is_err(), "{garbage:?}");
        }
    }
}
