use data_encoding::HEXLOWER;
use ring::{
    digest::{Context, SHA256},
    rand::{SecureRandom, SystemRandom},
};
use rumqttc::v5::mqttbytes::{QoS, v5::Publish};
use serde_json::{Value, json};
use wisp_core::{Error, Result, ports::EventSink};

/// Gives messages ids.
pub(super) struct Names {
    /// Marks and ids of what was on its way when the connection before ended.
    before: Vec<(String, String)>,
    session: String,
    count: u64,
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
    pub async fn name(&mut self, messages: &[Publish], sink: &dyn EventSink) -> Result<Vec<String>> {
        let marks: Vec<String> = messages.iter().map(mark).collect();
        let ids: Vec<String> = messages
            .iter()
            .zip(&marks)
            .map(|(message, mark)| self.id(message, mark))
            .collect();
        let mut kept: Vec<(&String, &String)> = self.before.iter().map(|(mark, id)| (mark, id)).collect();
        let again = messages.iter().zip(marks.iter().zip(&ids));
        kept.extend(
            again
                .filter(|(message, _)| message.qos != QoS::AtMostOnce)
                .map(|(_, named)| named),
        );
        if !kept.is_empty() {
            sink.keep(json!(kept)).await?;
        }
        Ok(ids)
    }

    /// Forgets messages that were acknowledged: their numbers are given to others now.
    pub async fn settle(&self, sink: &dyn EventSink) -> Result<()> {
        sink.keep(json!(self.before)).await
    }

    fn id(&mut self, message: &Publish, mark: &str) -> String {
        if message.dup {
            if let Some(at) = self.before.iter().position(|(known, _)| known == mark) {
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

/// What a message has in common with itself when it comes again.
fn mark(message: &Publish) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(&message.pkid.to_be_bytes());
    digest.update(&(message.topic.len() as u64).to_be_bytes());
    digest.update(&message.topic);
    digest.update(&message.payload);
    let digest = digest.finish();
    HEXLOWER.encode(digest.as_ref().get(..12).unwrap_or_default())
}
