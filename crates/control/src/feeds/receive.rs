use wisp_core::{
    Code, Error, Result,
    model::Fqn,
    ports::{Delivery, EventSink},
};

use crate::control::Control;

/// What became of a request that brought events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Events that it brought, those included that were not wanted or known before.
    pub events: usize,
}

impl Control {
    /// Takes the events of a request for the feed of a trigger; returns when they are durable. `authorization` is the
    /// request's header of that name: a key of the trigger's namespace proves as much as a signature does.
    pub async fn receive(
        &self,
        trigger: &Fqn,
        delivery: &Delivery<'_>,
        authorization: Option<&str>,
    ) -> Result<Received> {
        let running = self.inner.feeds.running(trigger).ok_or_else(nothing)?;
        let receiver = running.receiver.as_deref().ok_or_else(nothing)?;
        let caller = match authorization {
            Some(header) => self.authenticate(Some(header)).await.ok(),
            None => None,
        };
        let trusted = caller.is_some_and(|caller| caller.namespace == *trigger.namespace_name());
        let events = receiver.receive(delivery, self.inner.clock.now(), trusted)?;
        let received = Received { events: events.len() };
        running.sink.deliver(events).await?;
        Ok(received)
    }
}

fn nothing() -> Error {
    Error::new(Code::NotFound, "No feed of a trigger by this name takes requests.")
}
