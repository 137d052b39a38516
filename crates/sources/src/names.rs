use data_encoding::HEXLOWER;
use ring::{
    digest::{Context, SHA256},
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Value, json};
use wisp_core::{Error, Result, ports::EventSink};

/// Gives ids to messages that a broker has no names for.
pub(crate) struct Names {
    /// Marks and ids of what was on its way when the connection before ended.
    before: Vec<(String, String)>,
    session: String,
    count: u64,
}

/// What is known of a message that has no name.
pub(crate) struct Nameless {
    /// What it has in common with itself when it comes again; none of one that never does.
    pub mark: Option<String>,
    /// Whether the broker says that it has sent it before.
    pub again: bool,
}

impl Names {
    /// With what was kept of the connection before.
    pub async fn load(sink: &dyn EventSink) -> Result<Self> {
        let kept = sink.position().await?.unwrap_or(Value::Null);
        let mut session = [0; 8];
        let filled = SystemRandom::new().fill(&mut session);
        filled.map_err(|_| Error::internal("the system has no random numbers"))?;
        Ok(Self {
            before: serde_json::from_value(kept).unwrap_or_default(),
            session: HEXLOWER.encode(&session),
            count: 0,
        })
    }

    /// The ids of messages, in their order; those that may come again are kept with theirs before they are used.
    pub async fn name(&mut self, messages: &[Nameless], sink: &dyn EventSink) -> Result<Vec<String>> {
        let ids: Vec<String> = messages.iter().map(|message| self.id(message)).collect();
        let mut kept: Vec<(&String, &String)> = self.before.iter().map(|(mark, id)| (mark, id)).collect();
        let marks = messages.iter().map(|message| &message.mark);
        kept.extend(marks.zip(&ids).filter_map(|(mark, id)| Some((mark.as_ref()?, id))));
        if !kept.is_empty() {
            sink.keep(json!(kept)).await?;
        }
        Ok(ids)
    }

    /// Forgets messages that were acknowledged: a later one may have the same mark.
    pub async fn settle(&self, sink: &dyn EventSink) -> Result<()> {
        sink.keep(json!(self.before)).await
    }

    fn id(&mut self, message: &Nameless) -> String {
        if message.again {
            let known = |(known, _): &(String, String)| Some(known) == message.mark.as_ref();
            if let Some(at) = self.before.iter().position(known) {
                return self.before.swap_remove(at).1;
            }
        } else {
            // What comes again comes before everything that is new.
            self.before.clear();
        }
        self.count += 1;
        format!("{}.{}", self.session, self.count)
    }
}

/// The mark of a message with these parts.
pub(crate) fn mark(parts: &[&[u8]]) -> String {
    let mut digest = Context::new(&SHA256);
    for part in parts {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    HEXLOWER.encode(digest.finish().as_ref().get(..12).unwrap_or_default())
}
