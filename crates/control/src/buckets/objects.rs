use std::{sync::Arc, time::Duration};

use serde::Serialize;
use wisp_core::{
    Code, Error, Result,
    model::{Chain, Fqn, Identity, Json, Right},
};
use wisp_workflow::when::{Event, Object, Trigger};

use super::{Watched, place::Place};
use crate::{control::Control, workflows::stopping};

/// Longest key and longest name of a session, in bytes.
const KEY: usize = 1024;
const SESSION: usize = 256;

/// Links of its chain that an object keeps: the last ones.
const LINKS: usize = 16;

/// An object that is to be put.
#[derive(Clone, Debug)]
pub struct Put {
    /// The session; the caller's when absent.
    pub session: Option<String>,
    /// Its key; one that nobody has when absent.
    pub key: Option<String>,
    /// Its value.
    pub value: Json,
}

/// An object that is there.
#[derive(Clone, Debug, Serialize)]
pub struct Stored {
    /// Its bucket.
    pub bucket: String,
    /// Its session.
    pub session: String,
    /// Its key.
    pub key: String,
    /// Whether it is new; if not, the object that was there before has stayed.
    pub put: bool,
}

/// An object in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Its session.
    pub session: String,
    /// Its key.
    pub key: String,
    /// Length of its value, in bytes of JSON.
    pub size: u64,
    /// When it was put, in milliseconds since 1970.
    pub at: i64,
}

impl Control {
    /// Puts an object, once for each session and key. When this returns it is as durable as its bucket says, and what it leads to is
    /// under way.
    pub async fn put_object(&self, caller: &Identity, bucket: &Fqn, put: Put, transaction: &str) -> Result<Stored> {
        self.entitle(caller, Right::Activate, bucket)?;
        self.inner.admission.fire(caller, self.inner.clock.now())?;
        let caller = self.linked(caller, transaction);
        let session = put.session.unwrap_or_else(|| self.session_of(&caller));
        let key = put.key.unwrap_or_else(|| self.new_id().to_string());
        self.put_in(bucket, session, key, put.value, caller.chain).await
    }

    /// Puts an object that something led to.
    pub(crate) async fn put_in(
        &self,
        bucket: &Fqn,
        session: String,
        key: String,
        value: Json,
        mut chain: Chain,
    ) -> Result<Stored> {
        let size = value.get().len();
        let most = self.inner.buckets.settings.object_size;
        if size > most {
            let message = format!("The object '{key}' is longer than allowed: {size} > {most} bytes.");
            return Err(Error::new(Code::TooLarge, message).with("limit", "buckets.object_size"));
        }
        check_name("key", &key, KEY)?;
        let place = self.place_of(bucket, &session).await?;
        let skipped = chain.links.len().saturating_sub(LINKS);
        chain.links.drain(..skipped);
        let object = Object {
            session: session.clone(),
            key: key.clone(),
            body: self.keep_value(value).await?,
            size: size as u64,
            at: i64::try_from(self.inner.clock.now()).unwrap_or(i64::MAX),
            chain,
        };
        let put = self.tell_scope(&place, Event::Put(object)).await?;
        metrics::counter!("wisp_bucket_objects_total", "put" => if put { "new" } else { "again" }).increment(1);
        Ok(Stored {
            bucket: bucket.absolute(),
            session,
            key,
            put,
        })
    }

    /// The value of an object, for which this waits as long as is said.
    pub async fn get_object(
        &self,
        caller: &Identity,
        bucket: &Fqn,
        session: &str,
        key: &str,
        wait: Duration,
    ) -> Result<Json> {
        self.entitle(caller, Right::Read, bucket)?;
        let place = self.place_of(bucket, session).await?;
        let wait = wait.min(Duration::from_secs(self.inner.buckets.settings.wait_seconds));
        let (scope, until) = (place.key(), self.inner.clock.elapsed() + wait);
        loop {
            let mut changed = self.inner.buckets.changes.watch(&scope);
            if let Some(object) = self.find_object(&place, session, key).await? {
                return self.take_value(&object.body).await;
            }
            let left = until.saturating_sub(self.inner.clock.elapsed());
            if left.is_zero() {
                let message = format!("There is no object '{key}' in the session '{session}'.");
                return Err(Error::new(Code::NotFound, message));
            }
            tokio::select! {
                () = changed.told() => {}
                () = self.inner.clock.sleep(left) => {}
                () = self.inner.workflows.stopped() => return Err(stopping()),
            }
        }
    }

    /// The objects of a session in the order in which they were put; of a bucket without sessions all, if none is named.
    pub async fn list_objects(&self, caller: &Identity, bucket: &Fqn, session: Option<&str>) -> Result<Vec<Listed>> {
        self.entitle(caller, Right::Read, bucket)?;
        let together = self.bucket(bucket).await?.1.scope == Watched::Bucket;
        if session.is_none() && !together {
            let message = "Say whose objects: 'session' is missing, and only buckets of scope 'bucket' have one list.";
            return Err(Error::bad_request(message));
        }
        let place = self.place_of(bucket, session.unwrap_or("all")).await?;
        let wanted = session.map(str::to_owned);
        let list = move |scope: &wisp_workflow::when::Scope| {
            let all = scope.objects();
            let mine = all.filter(|object| wanted.as_ref().is_none_or(|wanted| *wanted == object.session));
            mine.map(|object| listed(object)).collect()
        };
        self.look(&place, list).await
    }

    /// Takes an object away; what still waits for it does not get it.
    pub async fn delete_object(&self, caller: &Identity, bucket: &Fqn, session: &str, key: &str) -> Result<Listed> {
        self.entitle(caller, Right::Delete, bucket)?;
        let place = self.place_of(bucket, session).await?;
        let missing = || {
            Error::new(
                Code::NotFound,
                format!("There is no object '{key}' in the session '{session}'."),
            )
        };
        let object = self.find_object(&place, session, key).await?.ok_or_else(missing)?;
        let removed = Event::Removed {
            session: session.to_owned(),
            key: key.to_owned(),
        };
        match self.tell_scope(&place, removed).await? {
            true => Ok(listed(&object)),
            false => Err(missing()),
        }
    }

    /// Waits for one firing of a condition on a session, under a name: asking again changes nothing.
    pub(crate) async fn await_objects(
        &self,
        bucket: &Fqn,
        session: &str,
        name: String,
        trigger: Trigger,
    ) -> Result<()> {
        let place = self.place_of(bucket, session).await?;
        let at = i64::try_from(self.inner.clock.now()).unwrap_or(i64::MAX);
        self.tell_scope(&place, Event::Awaited { name, trigger, at })
            .await
            .map(drop)
    }

    async fn find_object(&self, place: &Place, session: &str, key: &str) -> Result<Option<Arc<Object>>> {
        let (session, key) = (session.to_owned(), key.to_owned());
        self.look(place, move |scope| scope.get(&session, &key).cloned()).await
    }

    /// Where the objects of a session are.
    pub(super) async fn place_of(&self, bucket: &Fqn, session: &str) -> Result<Place> {
        check_name("session", session, SESSION)?;
        let kept = self.bucket(bucket).await?;
        let session = match kept.1.scope {
            Watched::Session => session.to_owned(),
            Watched::Bucket => String::new(),
        };
        Ok(Place {
            bucket: bucket.clone(),
            number: kept.1.number.clone(),
            session,
        })
    }
}

fn listed(object: &Object) -> Listed {
    Listed {
        session: object.session.clone(),
        key: object.key.clone(),
        size: object.size,
        at: object.at,
    }
}

/// Refuses names of objects and sessions that are empty, too long, or have control characters.
fn check_name(what: &str, text: &str, most: usize) -> Result<()> {
    match !text.is_empty() && text.len() <= most && !text.contains(char::is_control) {
        true => Ok(()),
        false => Err(Error::bad_request(format!(
            "The {what} is not valid: it has 1 to {most} bytes, and no control characters."
        ))),
    }
}
