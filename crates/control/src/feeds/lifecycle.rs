use std::time::Duration;

use serde_json::{Map, Value, json};
use wisp_core::{
    Code, Error, Result,
    model::{Fqn, Identity, Right},
    ports::{Feed, FeedParameter, FeedSettings, KEEP, Subscription},
};

use super::{expression::Wanted, stored::Stored};
use crate::{builtin::utils::iso, control::Control};

/// The longest wait for an upstream that is left.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every feed takes beside its own parameters.
const COMMON: [&str; 5] = ["filter", "map", "batchSize", "batchBytes", "batchMillis"];

impl Control {
    /// Carries out what a feed is told about a trigger: the feed protocol of OpenWhisk, which clients drive.
    pub(crate) async fn feed_event(
        &self,
        caller: &Identity,
        source: &'static str,
        feed: &'static Feed,
        arguments: Map<String, Value>,
    ) -> Result<Value> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let trigger = Fqn::resolve(text("triggerName"), &caller.namespace)
            .map_err(|error| Error::bad_request(format!("the triggerName parameter is wrong: {}", error.message())))?;
        self.entitle(caller, Right::Put, &trigger)?;
        let event = text("lifecycleEvent").to_ascii_uppercase();
        let known = match event.as_str() {
            "CREATE" => return self.create_feed(source, feed, &trigger, &arguments).await,
            "DELETE" => return self.delete_feed(&trigger).await,
            _ => self.feed_of(&trigger).await?,
        };
        match event.as_str() {
            "READ" => self.read_feed(feed, known),
            "UPDATE" => self.update_feed(feed, known, &arguments).await,
            "PAUSE" => self.set_feed(known, false, Some("Paused")).await,
            "UNPAUSE" => self.set_feed(known, true, None).await,
            _ => Err(Error::bad_request(format!(
                "lifecycleEvent '{event}' is not one of CREATE, READ, UPDATE, DELETE, PAUSE, UNPAUSE"
            ))),
        }
    }

    /// Forgets the feed of a trigger that is deleted, and what it has made upstream if that can be reached.
    pub(crate) async fn forget_feed(&self, trigger: &Fqn) -> Result<bool> {
        let feeds = &self.inner.feeds;
        feeds.end(trigger);
        if let Some(stored) = feeds.load(trigger).await? {
            let left = tokio::select! {
                left = self.leave_upstream(&stored) => left,
                () = self.inner.clock.sleep(PATIENCE) => Err(Error::new(Code::Unavailable, "there was no answer in time")),
            };
            if let Err(error) = left {
                tracing::warn!(%trigger, source = stored.source, ?error, "what a feed has made upstream stays there");
            }
        }
        feeds.remove(trigger).await
    }

    async fn leave_upstream(&self, stored: &Stored) -> Result<()> {
        let settings = stored.settings(&self.inner.seal)?;
        let Some((source, feed)) = self.inner.feeds.source(&stored.source, &stored.feed) else {
            return Ok(());
        };
        let position = self.inner.feeds.position(&stored.trigger).await?;
        let kept = settings
            .get(KEEP.name)
            .is_some_and(|keep| keep == "yes" || keep == true);
        match source.open(feed, &settings)? {
            Subscription::Listener(listener) if !kept && listener.has_made(position.as_ref()) => listener.leave().await,
            _ => Ok(()),
        }
    }

    async fn create_feed(
        &self,
        source: &str,
        feed: &'static Feed,
        trigger: &Fqn,
        given: &FeedSettings,
    ) -> Result<Value> {
        self.inner.catalog.trigger(trigger).await?;
        let namespace = format!("{}/", trigger.namespace());
        let limit = self.inner.limits.feeds;
        if self.inner.feeds.load_all(&namespace).await?.len() as u64 >= limit {
            let message = format!("Too many feeds in the namespace (allowed: {limit}).");
            return Err(Error::bad_request(message).with("limit", "limits.feeds"));
        }
        let settings = self.feed_settings(source, feed, given, None)?;
        let stored = self.stored_feed(source, feed, trigger, &settings)?;
        self.inner.feeds.save(&stored, true).await?;
        self.start_feed(&stored)?;
        Ok(success())
    }

    async fn update_feed(&self, feed: &'static Feed, known: Stored, given: &FeedSettings) -> Result<Value> {
        let names = feed.parameters.iter().map(|parameter| parameter.name).chain(COMMON);
        if !names.into_iter().any(|name| given.contains_key(name)) {
            return Err(Error::bad_request("no updatable parameters were specified"));
        }
        let before = known.settings(&self.inner.seal)?;
        let settings = self.feed_settings(&known.source, feed, given, Some(&before))?;
        let mut stored = self.stored_feed(&known.source, feed, &known.trigger, &settings)?;
        // Who paused it wants to resume it, too; one that ended by itself begins again with its new settings.
        stored.active = known.reason.as_deref() != Some("Paused");
        stored.reason = known.reason.filter(|_| !stored.active);
        self.inner.feeds.save(&stored, true).await?;
        if stored.active {
            self.start_feed(&stored)?;
        }
        Ok(success())
    }

    async fn delete_feed(&self, trigger: &Fqn) -> Result<Value> {
        match self.forget_feed(trigger).await? {
            true => Ok(success()),
            false => Err(no_feed(trigger)),
        }
    }

    async fn set_feed(&self, mut stored: Stored, active: bool, reason: Option<&str>) -> Result<Value> {
        stored.active = active;
        stored.reason = reason.map(str::to_owned);
        stored.changed = self.inner.clock.now();
        self.inner.feeds.save(&stored, false).await?;
        match active {
            true => self.start_feed(&stored)?,
            false => self.inner.feeds.end(&stored.trigger),
        }
        Ok(success())
    }

    fn read_feed(&self, feed: &Feed, stored: Stored) -> Result<Value> {
        let mut config = stored.settings(&self.inner.seal)?;
        for FeedParameter { name, .. } in feed.parameters.iter().filter(|parameter| parameter.secret) {
            config.remove(*name);
        }
        if let Some(payload) = config.remove("trigger_payload") {
            config.insert("payload".into(), payload);
        }
        config.insert("name".into(), json!(stored.trigger.name()));
        config.insert("namespace".into(), json!(stored.trigger.namespace()));
        let mut status = json!({
            "active": stored.active,
            "dateChanged": stored.changed,
            "dateChangedISO": iso(stored.changed),
        });
        if let Some(reason) = stored.reason {
            let kind = if reason == "Paused" { "ADMIN" } else { "AUTO" };
            status["reason"] = json!({ "kind": kind, "message": reason });
        }
        if let Some(running) = self.inner.feeds.running(&stored.trigger) {
            let outlook = &running.sink.outlook;
            status["lag"] = json!(outlook.lag());
            status["next"] = json!(outlook.next().map(iso));
            status["error"] = json!(outlook.failure());
        }
        Ok(json!({ "config": config, "status": status }))
    }

    /// What a feed is given, checked.
    fn feed_settings(
        &self,
        source: &str,
        feed: &'static Feed,
        given: &FeedSettings,
        before: Option<&FeedSettings>,
    ) -> Result<FeedSettings> {
        let name = (feed.package.to_owned(), feed.name.to_owned());
        let (source, _) = self
            .inner
            .feeds
            .source(source, &name)
            .ok_or_else(|| Error::internal("a source is missing"))?;
        let mut settings = source.check(feed, given, before)?;
        for name in COMMON {
            let value = given.get(name).or_else(|| before?.get(name));
            if let Some(value) = value.filter(|value| !value.is_null()) {
                settings.insert(name.to_owned(), value.clone());
            }
        }
        for name in &COMMON[2..] {
            if settings
                .get(*name)
                .is_some_and(|value| value.as_u64().is_none_or(|number| number == 0))
            {
                return Err(Error::bad_request(format!(
                    "the {name} parameter must be an integer greater than zero"
                )));
            }
        }
        Wanted::new(&settings, &self.inner.limits, self.inner.clock.clone())?;
        source.open(feed, &settings)?;
        Ok(settings)
    }

    fn stored_feed(&self, source: &str, feed: &Feed, trigger: &Fqn, settings: &FeedSettings) -> Result<Stored> {
        let (seal, now) = (&self.inner.seal, self.inner.clock.now());
        Stored::new(trigger.clone(), source, (feed.package, feed.name), settings, seal, now)
    }

    async fn feed_of(&self, trigger: &Fqn) -> Result<Stored> {
        self.inner.feeds.load(trigger).await?.ok_or_else(|| no_feed(trigger))
    }
}

fn success() -> Value {
    json!({ "status": "success" })
}

fn no_feed(trigger: &Fqn) -> Error {
    Error::new(
        Code::NotFound,
        format!("trigger '{trigger}' is not connected with this feed"),
    )
}
