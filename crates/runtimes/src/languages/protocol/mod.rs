use serde::{Serialize, Serializer, ser::SerializeMap};
use wisp_core::ports::{Init, Piece, Run};

mod frames;
mod lines;

#[cfg(feature = "wasm")]
pub use frames::HEADER;
pub use frames::{Frames, frame};
pub use lines::{Lines, acknowledged};

/// Names the exchange that a message belongs to; unguessable, so that nothing left over from an earlier run, or
/// made up, passes for the reply to a later one.
pub type Token = u64;

/// The token of the launcher's first message, which nobody asked for.
pub const FIRST: Token = 0;

/// What the launcher says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The interpreter runs and waits for code.
    Ready,
    /// Initialisation succeeded.
    Done,
    /// A result, as JSON text.
    Result,
    /// The function broke its contract: a text for the user.
    Failure,
    /// A process that several instances share begins with this request.
    Begun,
    /// The function has ended itself, in such a process, which goes on.
    Exited,
    /// A result without its body, which follows in chunks.
    Head,
    /// A part of a result's body.
    Chunk,
    /// The function asks for the next part of its request's body.
    Ask,
    /// Output of one of several runs: a byte for the stream (1, 2), then text.
    Log,
    /// What the function imports: a JSON list of names.
    Imports,
    /// The function wanted more memory than its limit.
    Exhausted,
    /// A result that is longer than its limit: u64 size (little endian), then its beginning.
    TooLarge,
}

impl Kind {
    /// Kinds and their numbers in frames.
    const NUMBERS: [(u8, Kind); 13] = [
        (1, Kind::Ready),
        (2, Kind::Done),
        (3, Kind::Result),
        (4, Kind::Failure),
        (5, Kind::Log),
        (6, Kind::Begun),
        (7, Kind::Exited),
        (8, Kind::Imports),
        (9, Kind::Head),
        (10, Kind::Chunk),
        (11, Kind::Exhausted),
        (12, Kind::TooLarge),
        (13, Kind::Ask),
    ];

    /// The kind that a frame's number means.
    pub fn of(number: u8) -> Option<Self> {
        Self::NUMBERS
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, kind)| *kind)
    }

    /// Its number in frames.
    #[cfg(feature = "wasm")]
    pub fn number(self) -> u8 {
        Self::NUMBERS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or(0, |(number, _)| *number)
    }
}

/// A message from the launcher, or from user code that pretends to be it.
#[derive(Debug)]
pub struct Message {
    /// What it says.
    pub kind: Kind,
    /// What it belongs to; none where the protocol has one exchange at a time.
    pub token: Option<Token>,
    /// Bytes of the whole text.
    pub size: u64,
    /// The text; cut if it is longer than what the decoder keeps.
    pub text: Vec<u8>,
}

/// What an initialisation tells the launcher beside the port's request.
pub struct Given<'a> {
    /// The code, if it is text.
    pub code: Option<&'a str>,
    /// What to do about compiled code: `make` it, or `use` what is visible.
    pub compiled: Option<&'static str>,
    /// Whether to tell what the function imports.
    pub learn: bool,
}

impl<'a> Given<'a> {
    /// Code that is text, and nothing else.
    pub fn text(code: &'a str) -> Self {
        Self {
            code: Some(code),
            compiled: None,
            learn: false,
        }
    }
}

/// How requests and replies look on descriptor 3.
pub trait Protocol: Send + Sync {
    /// A decoder for a new connection.
    fn decoder(&self, limit: u64) -> Box<dyn Decoder>;

    /// Whether a reply names its request.
    fn names_requests(&self) -> bool;

    /// The bytes that initialise an instance, and whether a reply will come.
    fn init(&self, token: Token, init: &Init, given: &Given<'_>) -> (Vec<u8>, bool);

    /// The bytes that have a launcher go through what its first request would need loaded; no reply will come.
    fn rehearse(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The bytes that start a run.
    fn run(&self, token: Token, run: &Run) -> Vec<u8>;

    /// The bytes that ask for the next part of a body, or, if nobody wants it, for the end of the run. Only launchers
    /// that send parts receive them.
    fn more(&self, _token: Token, _wanted: bool) -> Vec<u8> {
        Vec::new()
    }

    /// The bytes that give a function the part of its request's body that it has asked for; none if that was cut off. Only
    /// launchers that ask receive them.
    fn part(&self, _token: Token, _part: Option<&Piece>) -> Vec<u8> {
        Vec::new()
    }
}

/// Cuts a byte stream into messages.
pub trait Decoder: Send {
    /// Takes bytes off the front, up to the end of one message.
    ///
    /// Fails, with a reason, when the stream cannot be a launcher's or a message exceeds the limit.
    fn decode(&mut self, bytes: &mut &[u8]) -> Result<Option<Message>, String>;

    /// Keeps at least this much of a message's text.
    fn keep(&mut self, bytes: u64);
}

/// The complete run body of OpenWhisk's runtimes: the value, and what comes along with it.
struct Body<'a>(&'a Run);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Run { context, value, .. } = self.0;
        let mut map = serializer.serialize_map(Some(context.len() + 1))?;
        for (key, text) in context {
            map.serialize_entry(key, text)?;
        }
        map.serialize_entry("value", value)?;
        map.end()
    }
}

/// The body of a run, as OpenWhisk's runtimes get it.
pub fn body(run: &Run) -> Vec<u8> {
    let mut body = Vec::with_capacity(size(run));
    write_body(run, &mut body);
    body
}

pub fn write_body(run: &Run, into: &mut Vec<u8>) {
    // Strings and a value that is JSON already cannot fail to become JSON.
    let _ = serde_json::to_writer(into, &Body(run));
}

/// About how many bytes a run's body has.
pub fn size(run: &Run) -> usize {
    let context = run.context.iter().map(|(key, text)| key.len() + text.len() + 6);
    run.value.get().len() + context.sum::<usize>() + 16
}
