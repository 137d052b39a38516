use serde_json::json;
use wisp_core::ports::{Init, Run};

use super::{Decoder, Given, Kind, Message, Protocol, Token, size, write_body};

/// OpenWhisk's ActionLoop: one JSON line for each request, one JSON line for each reply.
pub struct Lines;

/// Asks the program to say when it is ready, in OpenWhisk's words.
const WAIT_FOR_ACK: [&str; 2] = ["__OW_WAIT_FOR_ACK", "OW_WAIT_FOR_ACK"];

/// A word of a shell command.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Protocol for Lines {
    fn decoder(&self, limit: u64) -> Box<dyn Decoder> {
        Box::new(LineDecoder {
            size: 0,
            text: Vec::new(),
            keep: 0,
            limit,
        })
    }

    fn names_requests(&self) -> bool {
        false
    }

    fn init(&self, token: Token, init: &Init, _given: &Given<'_>) -> (Vec<u8>, bool) {
        let acknowledges = init
            .environment
            .iter()
            .any(|(key, value)| WAIT_FOR_ACK.contains(&key.as_str()) && !value.is_empty() && value != "false");
        let mut command = String::from("env");
        for (key, value) in init
            .environment
            .iter()
            .filter(|(key, value)| !key.contains('=') && !value.contains('\0'))
        {
            command.push(' ');
            command.push_str(&quote(&format!("{key}={value}")));
        }
        if acknowledges {
            command.push_str(" __OW_WAIT_FOR_ACK=true");
        }
        let text = format!("{token:016x}\n{command} /action/exec\n{token:016x}\n");
        (text.into_bytes(), acknowledges)
    }

    fn run(&self, _token: Token, run: &Run) -> Vec<u8> {
        let mut line = Vec::with_capacity(size(run));
        write_body(run, &mut line);
        // Line breaks in JSON text are white space between tokens: inside strings they are always escaped.
        line.iter_mut()
            .filter(|byte| matches!(byte, b'\n' | b'\r'))
            .for_each(|byte| *byte = b' ');
        line.push(b'\n');
        line
    }
}

struct LineDecoder {
    size: u64,
    text: Vec<u8>,
    keep: u64,
    limit: u64,
}

impl Decoder for LineDecoder {
    fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Message>, String> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = &bytes[..end.unwrap_or(bytes.len())];
        *bytes = &bytes[end.map_or(bytes.len(), |end| end + 1)..];
        self.size += taken.len() as u64;
        if self.size > self.limit {
            return Err(format!("a message exceeds the limit of {} bytes", self.limit));
        }
        let room = usize::try_from(self.keep)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.text.len());
        self.text.extend_from_slice(&taken[..taken.len().min(room)]);
        Ok(end.map(|_| Message {
            kind: Kind::Result,
            token: None,
            size: std::mem::take(&mut self.size),
            text: std::mem::take(&mut self.text),
        }))
    }

    fn keep(&mut self, bytes: u64) {
        self.keep = self.keep.max(bytes);
    }
}

/// Whether an acknowledgement says that the program is ready; else its reason.
pub fn acknowledged(text: &[u8]) -> Result<(), String> {
    let ack: serde_json::Value = serde_json::from_slice(text).unwrap_or_else(|_| json!({}));
    match (ack.get("ok"), ack.get("error")) {
        (Some(serde_json::Value::Bool(true)), _) => Ok(()),
        (_, Some(serde_json::Value::String(reason))) => Err(reason.clone()),
        _ => Err(format!(
            "The program's acknowledgement is not {{\"ok\":true}}: {}",
            String::from_utf8_lossy(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_bounded_and_counted() {
        let mut decoder = Lines.decoder(100);
        decoder.keep(4);
        let mut bytes = &b"{\"a\":1}\n{}"[..];
        let message = decoder.decode(&mut bytes).unwrap().unwrap();
        assert_eq!((message.size, message.text.as_slice()), (7, &b"{\"a\""[..]));
        assert!(decoder.decode(&mut bytes).unwrap().is_none());
        assert!(decoder.decode(&mut [b'x'; 100].as_slice()).is_err());
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quote("it's $HOME\n\"x\""), "'it'\\''s $HOME\n\"x\"'");
    }
}
