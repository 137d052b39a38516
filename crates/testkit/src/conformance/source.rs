//! The contract of [`EventSource`].

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use serde_json::{Value, json};
use wisp_core::{
    Code, Error, Result,
    model::Millis,
    ports::{Delivery, Event, EventSink, EventSource, Feed, FeedSettings, Listener, MADE, Subscription},
};

/// Holds every feed of a source to what is true of all: `settings` has those that a feed accepts.
pub fn feeds(source: &dyn EventSource, settings: &dyn Fn(&Feed) -> Value) {
    assert!(!source.feeds().is_empty(), "a source has feeds");
    for feed in source.feeds() {
        let settings = settings(feed);
        let given = settings.as_object().unwrap();
        let named =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        assert!(named(feed.package) && named(feed.name) && !feed.description.is_empty());
        let checked = source.check(feed, given, None).unwrap();
        for parameter in feed.parameters {
            assert!(!parameter.description.is_empty(), "{} is described", parameter.name);
            let mut without = given.clone();
            without.remove(parameter.name);
            if parameter.required {
                let error = source.check(feed, &without, None).unwrap_err();
                assert_eq!(error.code(), Code::BadRequest);
                assert!(
                    error.message().contains(parameter.name),
                    "{error} names {}",
                    parameter.name
                );
            }
            let updated = source.check(feed, &FeedSettings::new(), Some(&checked)).unwrap();
            assert_eq!(
                updated.get(parameter.name),
                checked.get(parameter.name),
                "an update keeps what it does not name"
            );
        }
        let mut more = given.clone();
        more.insert("surprise".into(), json!(1));
        assert_eq!(
            source.check(feed, &more, None).unwrap().get("surprise"),
            None,
            "what is not a parameter is not kept"
        );
        let stored: FeedSettings = serde_json::from_str(&serde_json::to_string(&checked).unwrap()).unwrap();
        if let Subscription::Receiver(receiver) = source.open(feed, &stored).unwrap() {
            let empty = Delivery {
                headers: &[],
                body: b"{}",
            };
            assert!(
                receiver.receive(&empty, 0, false).is_err(),
                "a request that proves nothing is refused"
            );
        }
    }
}

/// Where the events of a listener come from.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Makes one more event happen.
    async fn happen(&self, number: u64);

    /// A listener for it; all of one upstream share a position.
    fn listener(&self) -> Box<dyn Listener>;
}

/// Holds a listener to the contract of the port.
pub async fn listener(open: &dyn Fn() -> Box<dyn Upstream>) {
    events_come_in_order(&*open()).await;
    nothing_is_lost_while_nobody_listens(&*open()).await;
    what_the_sink_did_not_take_comes_again(&*open()).await;
}

async fn events_come_in_order(upstream: &dyn Upstream) {
    let sink = Sink::default();
    let listener = upstream.listener();
    listen_while(&*listener, &sink, async {
        for number in 0..5 {
            sink.ready().await;
            upstream.happen(number).await;
            sink.wait_for(number as usize + 1).await;
        }
    })
    .await;
    let ids = sink.ids();
    assert_eq!(ids.len(), 5, "{ids:?}");
    assert_eq!(
        ids.iter().collect::<std::collections::HashSet<_>>().len(),
        5,
        "ids differ: {ids:?}"
    );
}

async fn nothing_is_lost_while_nobody_listens(upstream: &dyn Upstream) {
    let sink = Sink::default();
    listen_while(&*upstream.listener(), &sink, async {
        sink.ready().await;
        upstream.happen(0).await;
        sink.wait_for(1).await;
    })
    .await;
    for number in 1..4 {
        upstream.happen(number).await;
    }
    // One may come again, under its id: that it was taken had not reached the source when its listener went.
    listen_while(&*upstream.listener(), &sink, sink.wait_for_different(4)).await;
    assert_eq!(
        sink.different(),
        4,
        "each once, or again under its id: {:?}",
        sink.ids()
    );
}

async fn what_the_sink_did_not_take_comes_again(upstream: &dyn Upstream) {
    let sink = Sink::default();
    sink.lock().failures = 1;
    let refused = listen_while(&*upstream.listener(), &sink, async {
        sink.ready().await;
        upstream.happen(0).await;
        std::future::pending().await
    })
    .await;
    assert!(
        refused.is_some_and(|ended| ended.is_err()),
        "the sink's refusal ends the listening"
    );
    let first = sink.lock().refused.clone();
    assert!(sink.ids().is_empty() && first.is_some());
    listen_while(&*upstream.listener(), &sink, sink.wait_for(1)).await;
    assert_eq!(sink.ids().first().cloned(), first, "it comes again under the same id");
}

/// Holds a listener that makes something upstream to removing it: whoever listens next makes it anew.
pub async fn leaves_nothing(upstream: &dyn Upstream) {
    for again in [true, true, false] {
        let sink = Sink::default();
        listen_while(&*upstream.listener(), &sink, sink.ready()).await;
        assert!(sink.has_made(), "what it makes is kept");
        let known = Sink::default();
        listen_while(&*upstream.listener(), &known, known.ready()).await;
        assert!(!known.has_made(), "what is there is not made");
        if again {
            upstream.listener().leave().await.unwrap();
        }
    }
}

/// Listens until the other future ends, or the listener does; what it ended with then.
async fn listen_while(listener: &dyn Listener, sink: &Sink, until: impl Future<Output = ()>) -> Option<Result<()>> {
    match select(listener.listen(sink), pin!(until)).await {
        Either::Left((ended, _)) => Some(ended.map(drop)),
        Either::Right(_) => None,
    }
}

/// Remembers what it took, and refuses as often as it is told to.
#[derive(Default)]
pub struct Sink(Mutex<State>);

#[derive(Default)]
struct State {
    taken: VecDeque<Event>,
    position: Option<Value>,
    begun: bool,
    failures: usize,
    refused: Option<String>,
    lag: Option<u64>,
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of what was taken, in order.
    pub fn ids(&self) -> Vec<String> {
        self.lock().taken.iter().map(|event| event.id.clone()).collect()
    }

    /// What was taken last.
    ///
    /// # Panics
    /// If nothing was.
    pub fn last(&self) -> Event {
        self.lock().taken.back().cloned().unwrap()
    }

    /// What those that were taken say, in order.
    ///
    /// # Panics
    /// If one says no JSON.
    pub fn said(&self) -> Vec<Value> {
        let state = self.lock();
        let said = state
            .taken
            .iter()
            .map(|event| serde_json::from_str(event.data.get()).unwrap());
        said.collect()
    }

    /// Waits until this many events were taken.
    pub async fn wait_for(&self, count: usize) {
        wait(|| self.lock().taken.len() >= count).await;
    }

    /// Whether the listener has said that it has made something upstream.
    pub fn has_made(&self) -> bool {
        self.lock().position.as_ref().is_some_and(|position| position == MADE)
    }

    /// How much waits upstream, as was told last.
    pub fn lag_told(&self) -> Option<u64> {
        self.lock().lag
    }

    /// How many different events have been taken: some may come again.
    pub fn different(&self) -> usize {
        self.ids().iter().collect::<std::collections::HashSet<_>>().len()
    }

    /// Waits until so many different events have been taken.
    pub async fn wait_for_different(&self, count: usize) {
        wait(|| self.different() >= count).await;
    }

    /// Waits until a listener has begun.
    pub async fn ready(&self) {
        wait(|| self.lock().begun).await;
    }
}

/// Lets others go on until something holds.
async fn wait(holds: impl Fn() -> bool) {
    while !holds() {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }
}

#[async_trait]
impl EventSink for Sink {
    async fn deliver(&self, events: Vec<Event>) -> Result<()> {
        let mut state = self.lock();
        if state.failures > 0 && !events.is_empty() {
            state.failures -= 1;
            state.refused = events.first().map(|event| event.id.clone());
            return Err(Error::new(Code::Unavailable, "not now"));
        }
        state.taken.extend(events);
        Ok(())
    }

    async fn position(&self) -> Result<Option<Value>> {
        Ok(self.lock().position.clone())
    }

    async fn keep(&self, position: Value) -> Result<()> {
        self.lock().position = Some(position);
        Ok(())
    }

    fn expect(&self, _: Option<Millis>) {
        self.lock().begun = true;
    }

    fn lag(&self, waiting: u64) {
        self.lock().lag = Some(waiting);
    }
}
