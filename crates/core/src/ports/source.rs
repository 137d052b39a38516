use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{
    Error, Result,
    model::{Json, Millis},
};

/// Named settings of a subscription, as the user gave them to the feed.
pub type FeedSettings = Map<String, Value>;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Names it within its subscription; when it is delivered again, it has the same id.
    pub id: String,
    /// What it says: the text of a JSON object.
    pub data: Json,
}

/// A feed that a source offers: an action that triggers are connected with.
#[derive(Debug)]
pub struct Feed {
    /// The package in `/whisk.system`.
    pub package: &'static str,
    /// The action in it.
    pub name: &'static str,
    /// What it does, for people.
    pub description: &'static str,
    /// What it takes.
    pub parameters: &'static [FeedParameter],
}

/// A parameter of a feed.
#[derive(Clone, Copy, Debug)]
pub struct FeedParameter {
    /// Its name.
    pub name: &'static str,
    /// What it means, for people.
    pub description: &'static str,
    /// Whether there is no feed without it.
    pub required: bool,
    /// Whether it is shown to nobody.
    pub secret: bool,
}

/// A parameter of feeds that make something upstream: `yes` leaves it there when the feed is deleted.
pub const KEEP: FeedParameter = FeedParameter {
    name: "keep",
    description: "What becomes of what was made upstream for this feed when it is deleted: no (it is removed) or yes; no",
    required: false,
    secret: false,
};

/// Where events come from.
///
/// * It acknowledges an event to its upstream only after the sink has returned.
/// * Events of one key (a partition, a queue, a subject) reach the sink in the upstream's order.
/// * An upstream that is broken is an error of [`Listener::listen`], never the end of the process; it is listened to
///   again later, where it was left.
pub trait EventSource: Send + Sync {
    /// Its name, such as `cron`.
    fn name(&self) -> &'static str;

    /// What can be subscribed to.
    fn feeds(&self) -> &'static [Feed];

    /// Checks what a feed is `given`, on top of what it has from `before` if that is an update; returns the settings of
    /// the subscription.
    fn check(&self, feed: &Feed, given: &FeedSettings, before: Option<&FeedSettings>) -> Result<FeedSettings> {
        feed.merge(given, before)
    }

    /// Prepares to take events as the settings say.
    fn open(&self, feed: &Feed, settings: &FeedSettings) -> Result<Subscription>;
}

/// How events arrive.
pub enum Subscription {
    /// They are fetched.
    Listener(Box<dyn Listener>),
    /// They are sent here.
    Receiver(Box<dyn Receiver>),
}

/// Fetches events.
#[async_trait]
pub trait Listener: Send + Sync {
    /// Delivers events to the sink until there can be no more; dropping the future stops it.
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended>;

    /// Whether something upstream is there because of this subscription, whose listener last kept this position.
    fn has_made(&self, position: Option<&Value>) -> bool {
        position.is_some_and(|position| position == MADE)
    }

    /// Removes that, now that nobody listens any more.
    async fn leave(&self) -> Result<()> {
        Ok(())
    }
}

/// The position of a listener that has made something upstream for its subscription, and needs no other.
pub const MADE: &str = "made";

/// Why no more events can come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// For people.
    pub reason: String,
    /// What shall be removed, now that it will not fire again.
    pub remove: Remove,
}

/// What shall go with the end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remove {
    /// Nothing.
    Nothing,
    /// The trigger.
    Trigger,
    /// The trigger and its rules.
    TriggerAndRules,
}

/// Understands requests that bring events.
pub trait Receiver: Send + Sync {
    /// The events of a request; refuses one that does not prove where it comes from. `now` is the present time, and
    /// `trusted` says that the request has a key of the subscription's owner.
    fn receive(&self, request: &Delivery<'_>, now: Millis, trusted: bool) -> Result<Vec<Event>>;
}

/// A request that brings events.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Its headers, names in lower case; of several with one name each.
    pub headers: &'a [(String, String)],
    /// Its body.
    pub body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Where events go: the platform.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Takes events in this order; returns when each is durable, was taken before, or is not wanted. It waits while the
    /// platform has no room for them. An error means that no event of this subscription can be taken any more.
    async fn deliver(&self, events: Vec<Event>) -> Result<()>;

    /// What the listener last kept with [`keep`](Self::keep).
    async fn position(&self) -> Result<Option<Value>>;

    /// Keeps where the listener is, durably, for its next start.
    async fn keep(&self, position: Value) -> Result<()>;

    /// Announces when the next event will be, if that is known.
    fn expect(&self, next: Option<Millis>);

    /// Tells how many events wait upstream, if that is known.
    fn lag(&self, waiting: u64);
}

impl Feed {
    /// The settings that this feed knows among those given, laid over those from before; refuses to be without those
    /// that are required.
    pub fn merge(&self, given: &FeedSettings, before: Option<&FeedSettings>) -> Result<FeedSettings> {
        let mut settings = before.cloned().unwrap_or_default();
        for parameter in self.parameters {
            if let Some(value) = given.get(parameter.name) {
                settings.insert(parameter.name.to_owned(), value.clone());
            }
            if parameter.required && settings.get(parameter.name).is_none_or(Value::is_null) {
                return Err(Error::bad_request(format!(
                    "{} trigger feed is missing the {} parameter",
                    self.name, parameter.name
                )));
            }
        }
        Ok(settings)
    }
}
