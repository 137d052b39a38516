//! `cloudevents`: events in the form of [CloudEvents](https://cloudevents.io) 1.0 over HTTP, in structured, binary and
//! batched mode. The feed `http` of `/whisk.system/cloudevents`.
//!
//! An action receives a CloudEvent in its JSON format, whichever mode it came in. Its source and id together name it.

mod binary;
mod event;

use std::sync::Arc;

use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::{Delivery, Event, EventSource, Feed, FeedParameter, FeedSettings, Receiver, Subscription},
};

use crate::{Context, setting::text, signature::same};

const FEEDS: &[Feed] = &[Feed {
    package: "cloudevents",
    name: "http",
    description: "Fires a trigger for each CloudEvent that is sent to it",
    parameters: &[FeedParameter {
        name: "token",
        description: "What senders without a key of the namespace send as bearer token",
        required: false,
        secret: true,
    }],
}];

/// The source.
struct CloudEvents;

/// The source `cloudevents`.
pub fn register(_: &Context) -> Arc<dyn EventSource> {
    Arc::new(CloudEvents)
}

impl EventSource for CloudEvents {
    fn name(&self) -> &'static str {
        "cloudevents"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    fn open(&self, _: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let token = text(settings, "token").map(str::to_owned);
        Ok(Subscription::Receiver(Box::new(Http { token })))
    }
}

/// One subscription.
struct Http {
    token: Option<String>,
}

impl Receiver for Http {
    fn receive(&self, request: &Delivery<'_>, _: Millis, trusted: bool) -> Result<Vec<Event>> {
        let bearer = request
            .header("authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let known = matches!((bearer, &self.token), (Some((_, given)), Some(token)) if same(given.trim(), token));
        if !trusted && !known {
            let message = "Send the feed's token as bearer token, or a key of the trigger's namespace.";
            return Err(Error::new(Code::Unauthenticated, message));
        }
        let kind = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("application/cloudevents-batch+json") {
            event::batch(request.body)
        } else if kind.starts_with("application/cloudevents+json") {
            event::structured(request.body).map(|event| vec![event])
        } else if request.header("ce-specversion").is_some() {
            binary::event(request, &kind).map(|event| vec![event])
        } else {
            let message = format!(
                "The request's Content-Type [{kind}] is not supported. Expected:\napplication/cloudevents+json, \
                 application/cloudevents-batch+json, or headers ce-*"
            );
            Err(Error::new(Code::UnsupportedMediaType, message))
        }
    }
}

#[cfg(test)]
mod tests;
