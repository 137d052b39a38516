use std::sync::Arc;

use async_nats::Message;
use async_trait::async_trait;
use wisp_core::{
    Result,
    ports::{Clock, Ended, Event, EventSink, Listener},
};

use super::{
    message::values,
    server::{Server, broken},
};
use crate::{batch::Batch, json::data, payload::Format};

/// Messages of a subject, which the server sends to whoever is there and forgets.
pub(super) struct Subject {
    pub server: Server,
    pub subject: String,
    pub queue: Option<String>,
    pub format: Format,
    pub batch: Batch,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Listener for Subject {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let (client, mut faults) = self.server.connect().await?;
        let subject = self.subject.clone();
        let subscribed = match &self.queue {
            Some(queue) => client.queue_subscribe(subject, queue.clone()).await,
            None => client.subscribe(subject).await,
        };
        let mut messages = subscribed.map_err(broken)?;
        client.flush().await.map_err(broken)?;
        sink.expect(None);
        // Messages have no names of their own, and none comes twice.
        let session = client.new_inbox();
        let mut count = 0_u64;
        loop {
            let gathered = async { Ok(self.batch.gather(&mut messages, &*self.clock).await) };
            let gathered = faults.during(gathered).await?;
            if gathered.is_empty() {
                return Err(broken("the subscription has ended"));
            }
            let events = gathered.iter().map(|message| {
                count += 1;
                self.event(format!("{session}.{count}"), message)
            });
            sink.deliver(events.collect::<Result<_>>()?).await?;
        }
    }
}

impl Subject {
    fn event(&self, id: String, message: &Message) -> Result<Event> {
        let data = data(&values(message, self.format))?;
        Ok(Event { id, data })
    }
}
