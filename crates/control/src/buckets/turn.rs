//! The loop: what happened goes through the pure scope, what comes of it is committed if it must last, and then done.

use std::{mem, sync::Arc};

use tokio::sync::oneshot;
use wisp_core::{Code, Error, Result, model::Millis, ports::Clock};
use wisp_workflow::when::{Effect, Event, Scope};

use super::{
    Bucket, Durability,
    held::{Change, Found, Held, logged},
    letter::{Letter, Look},
    place::Place,
    shelf::too_many,
};
use crate::{
    actors::{Actors, Again, Driver},
    control::Control,
    workflows::stopping,
};

/// Who hears whether an event has changed anything.
type Receipt = (oneshot::Sender<Result<bool>>, Result<bool>);

/// Letters of a turn, by what is to be done for them.
#[derive(Default)]
struct Sorted {
    happened: Vec<(Event, oneshot::Sender<Result<bool>>)>,
    reads: Vec<Look>,
    settled: Vec<u64>,
    resumed: bool,
}

/// Who makes the turns of scopes.
struct Scopes<'a>(&'a Control);

impl Driver for Scopes<'_> {
    type Letter = Letter;
    type Held = Held;

    fn actors(&self) -> &Actors<Letter, Held> {
        &self.0.inner.buckets.actors
    }

    fn clock(&self) -> &dyn Clock {
        &*self.0.inner.clock
    }

    fn is_stopping(&self) -> bool {
        self.0.inner.workflows.is_stopping()
    }

    async fn turn(
        &self,
        key: &str,
        mut held: Option<Box<Held>>,
        letters: &mut Vec<Letter>,
    ) -> Result<Option<Box<Held>>, Again> {
        let mut sorted = sort(mem::take(letters));
        let Err(error) = self.0.scope_turn(key, &mut held, &mut sorted).await else {
            return Ok(held);
        };
        tracing::error!(scope = key, ?error, "a turn of a bucket failed");
        refuse(mem::take(&mut sorted.happened), &error);
        let lasts = held.as_ref().is_none_or(|held| held.is_durable());
        if !lasts || (sorted.settled.is_empty() && !sorted.resumed) {
            return Ok(held);
        }
        // What is not written off is done again, under the same ids.
        letters.push(Letter::Resumed);
        Err(Again)
    }
}

impl Control {
    /// Tells a scope of something; whether that changed anything. Returns when it is recorded.
    pub(super) async fn tell_scope(&self, place: &Place, event: Event) -> Result<bool> {
        let (receipt, recorded) = oneshot::channel();
        self.post_scope(&place.key(), Letter::Happened(event, receipt));
        recorded.await.map_err(|_| stopping())?
    }

    /// Looks into a scope.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        place: &Place,
        look: impl FnOnce(&Scope) -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, seen) = oneshot::channel();
        // One who no longer waits does not care.
        let look = move |scope: &Scope| drop(sender.send(look(scope)));
        self.post_scope(&place.key(), Letter::Read(Box::new(look)));
        seen.await.map_err(|_| unreadable())
    }

    /// Lets a scope go on that the previous run of this server left with calls to make.
    pub(crate) fn resume_scope(&self, key: &str) {
        self.post_scope(key, Letter::Resumed);
    }

    /// Wakes a scope, whose timer has fired; the turn that follows takes the timer off its index.
    pub(crate) async fn wake_scope(&self, key: &str) -> Result<()> {
        self.post_scope(key, Letter::Look);
        let Some(place) = Place::read(key) else { return Ok(()) };
        // Hears when the turn is over.
        self.look(&place, |_| ()).await
    }

    pub(super) fn post_scope(&self, key: &str, letter: Letter) {
        if self.inner.buckets.actors.post(key, letter) {
            let (control, key) = (self.clone(), key.to_owned());
            self.inner
                .tasks
                .spawn(Box::pin(async move { Scopes(&control).drive(&key).await }));
        }
    }

    /// One turn. If it fails, what is held is what is recorded, or nothing.
    async fn scope_turn(&self, key: &str, kept: &mut Option<Box<Held>>, sorted: &mut Sorted) -> Result<()> {
        let known = self.bucket_of(key).await?;
        let held = kept.take();
        let Some((place, bucket)) = known else {
            let lasts = held.is_none_or(|held| held.is_durable());
            if lasts {
                self.inner.workflows.journal.delete(key).await?;
            }
            sorted.refuse(&gone());
            return Ok(());
        };
        let held = match held {
            Some(held) => Some(held),
            None => self.load_scope(&place, &bucket).await?,
        };
        let mut held = match held {
            Some(held) => held,
            None if sorted.happened.is_empty() => {
                sorted.refuse(&gone());
                return Ok(());
            }
            None => match self.new_scope(place, &bucket) {
                Ok(held) => Box::new(held),
                Err(error) => {
                    sorted.refuse(&error);
                    return Ok(());
                }
            },
        };
        self.step_scope(&mut held, &bucket, sorted).await?;
        // One that is empty is forgotten, also by the journal.
        *kept = Some(held).filter(|held| !held.is_empty());
        Ok(())
    }

    /// Takes in what happened, keeps what comes of it, and does what follows.
    async fn step_scope(&self, held: &mut Held, bucket: &Bucket, sorted: &mut Sorted) -> Result<()> {
        let now = self.inner.clock.now();
        let (change, receipts) = self.take_in(held, bucket, sorted, now)?;
        self.keep_scope(held, &change, now).await?;
        let put = receipts.iter().any(|(_, answer)| matches!(answer, Ok(true)));
        for (receipt, answer) in receipts {
            // One who no longer waits does not care.
            let _ = receipt.send(answer);
        }
        if mem::take(&mut sorted.resumed) {
            let numbers: Vec<u64> = held.open.keys().copied().collect();
            let effects = numbers.into_iter().filter_map(|number| held.again(number));
            effects.for_each(|effect| self.begin_call(held, effect));
        } else {
            change
                .effects
                .into_iter()
                .for_each(|effect| self.begin_call(held, effect));
        }
        sorted.reads.drain(..).for_each(|read| read(&held.scope));
        if put {
            self.inner.buckets.changes.tell(&held.key);
        }
        Ok(())
    }

    /// Takes in all that happened.
    fn take_in(
        &self,
        held: &mut Held,
        bucket: &Bucket,
        sorted: &mut Sorted,
        now: Millis,
    ) -> Result<(Change, Vec<Receipt>)> {
        let at = i64::try_from(now).unwrap_or(i64::MAX);
        let mut change = Change::default();
        if held.version != bucket.version {
            let life = i64::try_from(bucket.life.saturating_mul(1000)).unwrap_or(i64::MAX);
            let triggers = bucket.triggers.clone();
            apply(held, &mut change, Event::Defined { triggers, life })?;
            held.version = bucket.version;
        }
        if held.scope.deadline().is_some_and(|deadline| deadline <= at) {
            apply(held, &mut change, Event::Passed { at })?;
        }
        let mut receipts = Vec::new();
        for (event, receipt) in mem::take(&mut sorted.happened) {
            let answer = match self.changes_scope(&held.scope, &event) {
                Ok(true) => apply(held, &mut change, event).map(|()| true),
                refused => refused,
            };
            receipts.push((receipt, answer));
        }
        for number in &sorted.settled {
            if held.open.remove(number).is_some() {
                change.settled.push(*number);
            }
        }
        held.counted.weigh(held.scope.weight());
        Ok((change, receipts))
    }

    /// Whether an event changes anything; refuses one that there is no room for.
    fn changes_scope(&self, scope: &Scope, event: &Event) -> Result<bool> {
        let most = self.inner.buckets.settings.objects;
        match event {
            Event::Put(object) if scope.get(&object.session, &object.key).is_some() => Ok(false),
            Event::Put(_) if scope.objects().len() >= most => {
                Err(too_many("objects that triggers see together", "buckets.objects", most))
            }
            Event::Awaited { .. } | Event::Began { .. } if scope.pending() >= most => {
                Err(too_many("waits for objects", "buckets.objects", most))
            }
            Event::Removed { session, key } => Ok(scope.get(session, key).is_some()),
            _ => Ok(true),
        }
    }

    /// Commits what a turn has changed, and sets when the scope is woken.
    async fn keep_scope(&self, held: &mut Held, change: &Change, now: Millis) -> Result<()> {
        if !held.is_durable() {
            if let Some((_, Some(at))) = held.set_timer() {
                self.inner.buckets.alarm.set(at, &held.key);
            }
            return Ok(());
        }
        let workflows = &self.inner.workflows;
        let Some(commit) = held.write(change, now)? else {
            return Ok(());
        };
        if held.is_empty() {
            return workflows.journal.delete(&held.key).await;
        }
        let earliest = commit.timers.iter().map(|timer| timer.at).min();
        workflows.journal.commit(commit).await?;
        held.turns += 1;
        earliest.into_iter().for_each(|at| workflows.alarm.set(at));
        Ok(())
    }

    /// Where a scope is, and its bucket as it is now; none if that is no more.
    async fn bucket_of(&self, key: &str) -> Result<Option<(Place, Bucket)>> {
        let Some(place) = Place::read(key) else { return Ok(None) };
        match self.bucket(&place.bucket).await {
            Ok(kept) if kept.1.number == place.number => Ok(Some((place, kept.1.clone()))),
            Ok(_) => Ok(None),
            Err(error) if error.code() == Code::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn new_scope(&self, place: Place, bucket: &Bucket) -> Result<Held> {
        let (census, most) = (&self.inner.buckets.census, self.inner.buckets.settings.sessions);
        let namespace = place.bucket.namespace_name();
        if census.of(namespace) >= most {
            return Err(too_many(
                "sessions with objects in this namespace",
                "buckets.sessions",
                most,
            ));
        }
        let counted = census.count(namespace);
        Ok(Held::new(place, bucket, counted))
    }

    /// A scope from the journal.
    async fn load_scope(&self, place: &Place, bucket: &Bucket) -> Result<Option<Box<Held>>> {
        let (journal, key) = (&self.inner.workflows.journal, place.key());
        if bucket.durability == Durability::None {
            return Ok(None);
        }
        let Some(stored) = journal.load(&key).await? else {
            return Ok(None);
        };
        let most = usize::try_from(stored.events).unwrap_or(usize::MAX);
        let found = Found {
            events: journal.events(&key, 0, most, false).await?,
            effects: journal.effects(&key).await?,
            timers: journal.timers(&key).await?,
            stored,
        };
        let counted = self.inner.buckets.census.count(place.bucket.namespace_name());
        Ok(Some(Box::new(Held::read(place.clone(), bucket, counted, found)?)))
    }

    /// Makes a call that follows from a turn.
    fn begin_call(&self, held: &Held, effect: Effect) {
        let (control, place) = (self.clone(), Arc::new(held.place.clone()));
        let nonce = held.is_durable().then(|| held.nonce.clone());
        self.inner.tasks.spawn(Box::pin(async move {
            control.carry_out(&place, nonce.as_deref(), effect).await;
        }));
    }
}

impl Sorted {
    /// Lets nothing happen: there is nothing here.
    fn refuse(&mut self, error: &Error) {
        refuse(mem::take(&mut self.happened), error);
        self.reads.drain(..).for_each(|read| read(&Scope::default()));
    }
}

/// Takes an event in.
fn apply(held: &mut Held, change: &mut Change, event: Event) -> Result<()> {
    if held.is_durable() {
        change.events.push(logged(&event)?);
    }
    change.effects.extend(held.scope.apply(event));
    Ok(())
}

fn sort(letters: Vec<Letter>) -> Sorted {
    let mut sorted = Sorted::default();
    for letter in letters {
        match letter {
            Letter::Happened(event, receipt) => sorted.happened.push((event, receipt)),
            Letter::Read(read) => sorted.reads.push(read),
            Letter::Settled(number) => sorted.settled.push(number),
            Letter::Resumed => sorted.resumed = true,
            Letter::Look => {}
        }
    }
    sorted
}

fn refuse(happened: Vec<(Event, oneshot::Sender<Result<bool>>)>, error: &Error) {
    for (_, receipt) in happened {
        // One who no longer waits does not care.
        let _ = receipt.send(Err(error.copy()));
    }
}

fn gone() -> Error {
    Error::new(Code::NotFound, "The bucket does not exist any more.")
}

fn unreadable() -> Error {
    Error::new(Code::Storage, "The objects of the bucket cannot be read at the moment.")
}
