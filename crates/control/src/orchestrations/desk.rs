//! Work for workers that connect: what nobody does waits here, and comes back here when a worker goes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use wisp_core::{
    Code, Error, Result,
    model::{Identity, Right},
};
use wisp_workflow::orchestration::{Decision, Report};

use super::{
    Carrier, Hub,
    carrier::{BatchWork, Done, Ending, Task, TurnWork},
    shelf::Shelf,
};
use crate::{control::Control, resolve::require, workflows::stopping};

/// Kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// Turns of orchestrators.
    Turn,
    /// Activities.
    Activity,
    /// Operations of entities.
    Batch,
}

/// Names of code, with the versions of it; no version stands for all.
pub type Names = BTreeMap<String, BTreeSet<String>>;

/// What a worker takes. By kind, in the order of [`WorkKind`].
#[derive(Clone, Debug)]
pub struct Wishes {
    /// How much at the same time.
    pub room: [usize; 3],
    /// Only code of these names; none stands for all.
    pub only: Option<[Names; 3]>,
}

/// Work on its way to a worker.
#[derive(Clone, Debug)]
pub struct Handed {
    /// What its end is told with.
    pub token: u64,
    /// What is to be done.
    pub work: Given,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Given {
    /// A turn.
    Turn(Arc<TurnWork>),
    /// An activity.
    Activity(Arc<Task>),
    /// Operations of an entity.
    Batch(Arc<BatchWork>),
}

impl Given {
    fn kind(&self) -> WorkKind {
        match self {
            Given::Turn(_) => WorkKind::Turn,
            Given::Activity(_) => WorkKind::Activity,
            Given::Batch(_) => WorkKind::Batch,
        }
    }

    fn name(&self) -> (&str, Option<&str>) {
        match self {
            Given::Turn(work) => (&work.name, work.version.as_deref()),
            Given::Activity(work) => (&work.activity.call.name, work.activity.call.version.as_deref()),
            Given::Batch(work) => (&work.name, None),
        }
    }
}

/// Who waits for work.
enum Reply {
    Turn(oneshot::Sender<Done<Decision>>),
    Activity(oneshot::Sender<Done<Ending>>),
    Batch(oneshot::Sender<Done<Report>>),
}

impl Reply {
    fn is_wanted(&self) -> bool {
        match self {
            Reply::Turn(reply) => !reply.is_closed(),
            Reply::Activity(reply) => !reply.is_closed(),
            Reply::Batch(reply) => !reply.is_closed(),
        }
    }
}

/// Work, and who waits for it.
struct Item {
    work: Given,
    reply: Reply,
}

/// A worker that is connected.
struct Line {
    wishes: Wishes,
    room: [usize; 3],
    out: mpsc::UnboundedSender<Handed>,
}

impl Line {
    fn takes(&self, work: &Given) -> bool {
        let kind = work.kind() as usize;
        let (name, version) = work.name();
        let fits = |names: &Names| {
            let versions = names.get(name);
            versions.is_some_and(|versions| versions.is_empty() || versions.contains(version.unwrap_or_default()))
        };
        self.room[kind] > 0 && self.wishes.only.as_ref().is_none_or(|only| fits(&only[kind]))
    }
}

/// The work and the workers of a hub.
#[derive(Default)]
struct Board {
    waiting: [VecDeque<Item>; 3],
    workers: BTreeMap<u64, Line>,
    /// What workers have, by token.
    out: HashMap<u64, (u64, Item)>,
    /// The worker that had work last: the next one after it has the next.
    last: u64,
    /// Activities that are here, by what they are called: none is here twice.
    activities: HashSet<String>,
    /// Where to look for work that there was no room for, if there is any.
    pub(super) shelf: Shelf,
}

impl Board {
    /// Gives work to a worker that takes it, or keeps it.
    fn offer(&mut self, item: Item, front: bool) {
        let after = self
            .workers
            .range(self.last + 1..)
            .chain(self.workers.range(..=self.last));
        let taker = after
            .into_iter()
            .find(|(_, line)| line.takes(&item.work))
            .map(|(id, _)| *id);
        match taker {
            Some(worker) => self.give(worker, item),
            None if front => self.waiting[item.work.kind() as usize].push_front(item),
            None => self.waiting[item.work.kind() as usize].push_back(item),
        }
    }

    fn give(&mut self, worker: u64, item: Item) {
        let Some(line) = self.workers.get_mut(&worker) else {
            return;
        };
        let (token, work) = (rand::random(), item.work.clone());
        line.room[work.kind() as usize] -= 1;
        // One that has gone is known to have gone soon, and what it has comes back then.
        let _ = line.out.send(Handed { token, work });
        self.last = worker;
        self.out.insert(token, (worker, item));
    }

    /// Gives a worker what waits and fits.
    fn fill(&mut self, worker: u64) {
        for kind in 0..self.waiting.len() {
            while let Some(line) = self.workers.get(&worker).filter(|line| line.room[kind] > 0) {
                let next = self.waiting[kind].iter().position(|item| line.takes(&item.work));
                match next.and_then(|place| self.waiting[kind].remove(place)) {
                    Some(item) if item.reply.is_wanted() => self.give(worker, item),
                    Some(item) => self.forget(&item),
                    None => break,
                }
            }
        }
    }

    /// What a worker had under a token; it has room again.
    fn take(&mut self, token: u64) -> Option<Item> {
        let (worker, item) = self.out.remove(&token)?;
        self.forget(&item);
        if let Some(line) = self.workers.get_mut(&worker) {
            line.room[item.work.kind() as usize] += 1;
            self.fill(worker);
        }
        Some(item)
    }

    fn leave(&mut self, worker: u64) {
        self.workers.remove(&worker);
        let left = self.out.extract_if(|_, (holder, _)| *holder == worker);
        let left: Vec<Item> = left.map(|(_, (_, item))| item).collect();
        left.into_iter().for_each(|item| self.offer(item, true));
    }

    fn forget(&mut self, item: &Item) {
        if let Given::Activity(task) = &item.work {
            self.activities.remove(&task.id());
        }
    }

    /// How much waits for a worker.
    fn waits(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    fn is_idle(&self) -> bool {
        self.shelf.is_idle()
            && self.workers.is_empty()
            && self.out.is_empty()
            && self.waiting.iter().all(VecDeque::is_empty)
    }
}

/// Work that waits for workers, and who waits for it; of each hub no more than so much.
pub(crate) struct Desk {
    boards: Mutex<HashMap<Hub, Board>>,
    most: usize,
}

impl Desk {
    pub fn new(most: usize) -> Self {
        Self {
            boards: Mutex::default(),
            most,
        }
    }

    fn boards(&self) -> MutexGuard<'_, HashMap<Hub, Board>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes work in, unless it is here already or there is no room: then the shelf has it.
    fn offer(&self, hub: &Hub, work: Given, reply: Reply) -> Result<()> {
        let mut boards = self.boards();
        let board = boards.entry(hub.clone()).or_default();
        if let Given::Activity(task) = &work
            && board.activities.contains(&task.id())
        {
            return Err(Error::new(Code::Conflict, "the activity is under way"));
        }
        if board.waits() >= self.most {
            board.shelf.any = true;
            let message = format!("the hub '{}' has much work that waits for workers", hub.name);
            return Err(Error::new(Code::Throttled, message).with("limit", "orchestrations.waiting_items"));
        }
        if let Given::Activity(task) = &work {
            board.activities.insert(task.id());
        }
        board.offer(Item { work, reply }, false);
        Ok(())
    }

    /// The shelf of a hub, if there is one, and whether work from it has room: somebody works, and little waits.
    pub(super) fn shelf<T>(&self, hub: &Hub, look: impl FnOnce(&mut Shelf, bool) -> T) -> Option<T> {
        let (mut boards, half) = (self.boards(), self.most.div_ceil(2));
        let board = boards.get_mut(hub)?;
        let room = !board.workers.is_empty() && board.waits() < half;
        Some(look(&mut board.shelf, room))
    }

    fn take(&self, hub: &Hub, token: u64) -> Option<Item> {
        self.boards().get_mut(hub)?.take(token)
    }

    fn join(self: &Arc<Self>, hub: &Hub, wishes: Wishes) -> Worker {
        let (out, items) = mpsc::unbounded_channel();
        let id = rand::random();
        let mut boards = self.boards();
        let board = boards.entry(hub.clone()).or_default();
        let room = wishes.room;
        board.workers.insert(id, Line { wishes, room, out });
        board.fill(id);
        Worker {
            items,
            id,
            hub: hub.clone(),
            desk: self.clone(),
        }
    }

    fn leave(&self, hub: &Hub, worker: u64) {
        let mut boards = self.boards();
        if let Some(board) = boards.get_mut(hub) {
            board.leave(worker);
            if board.is_idle() {
                boards.remove(hub);
            }
        }
    }
}

/// A worker's connection. What it has not done when this is dropped is given to another.
pub struct Worker {
    items: mpsc::UnboundedReceiver<Handed>,
    id: u64,
    hub: Hub,
    desk: Arc<Desk>,
}

impl Worker {
    /// The next work, as soon as there is some.
    pub async fn next(&mut self) -> Option<Handed> {
        self.items.recv().await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.desk.leave(&self.hub, self.id);
    }
}

/// The result of work, unless the server ends.
async fn result<T>(control: &Control, done: oneshot::Receiver<Done<T>>) -> Result<Done<T>> {
    tokio::select! {
        done = done => done.map_err(|_| Error::new(Code::Unavailable, "a worker gave the work back")),
        () = control.inner.workflows.stopped() => Err(stopping()),
    }
}

#[async_trait]
impl Carrier for Desk {
    async fn turn(&self, control: &Control, work: Arc<TurnWork>) -> Result<Done<Decision>> {
        let (reply, done) = oneshot::channel();
        self.offer(&work.hub.clone(), Given::Turn(work), Reply::Turn(reply))?;
        result(control, done).await
    }

    async fn activity(&self, control: &Control, work: Arc<Task>) -> Result<Done<Ending>> {
        let (reply, done) = oneshot::channel();
        self.offer(&work.hub.clone(), Given::Activity(work), Reply::Activity(reply))?;
        result(control, done).await
    }

    async fn entity(&self, control: &Control, work: Arc<BatchWork>) -> Result<Done<Report>> {
        let (reply, done) = oneshot::channel();
        self.offer(&work.hub.clone(), Given::Batch(work), Reply::Batch(reply))?;
        result(control, done).await
    }
}

/// Hands a result over and waits until it is recorded.
async fn hand_over<T>(reply: oneshot::Sender<Done<T>>, value: T) -> Result<()> {
    let (receipt, recorded) = oneshot::channel();
    let receipt = Some(receipt);
    match reply.send(Done { value, receipt }) {
        Ok(()) => recorded.await.map_err(|_| stopping())?,
        // Nobody wants it any more.
        Err(_) => Ok(()),
    }
}

impl Control {
    /// Connects a worker to a hub.
    pub fn connect_worker(&self, caller: &Identity, hub: &Hub, wishes: Wishes) -> Result<Worker> {
        require(caller, Right::Activate)?;
        let worker = self.inner.orchestrations.desk.join(hub, wishes);
        self.fetch_shelved(hub);
        Ok(worker)
    }

    /// What a worker had under a token. There may be room for more now.
    fn take_work(&self, hub: &Hub, token: u64) -> Option<Item> {
        let item = self.inner.orchestrations.desk.take(hub, token);
        self.fetch_shelved(hub);
        item
    }

    /// A worker has run a turn. Returns when that is recorded; a token that is not known any more changes nothing.
    pub async fn complete_turn(&self, caller: &Identity, hub: &Hub, token: u64, decision: Decision) -> Result<()> {
        require(caller, Right::Activate)?;
        match self.take_work(hub, token) {
            Some(Item {
                reply: Reply::Turn(reply),
                ..
            }) => hand_over(reply, decision).await,
            _ => Ok(()),
        }
    }

    /// A worker has run an activity. Returns when that is recorded.
    pub async fn complete_activity(&self, caller: &Identity, hub: &Hub, token: u64, ending: Ending) -> Result<()> {
        require(caller, Right::Activate)?;
        match self.take_work(hub, token) {
            Some(Item {
                reply: Reply::Activity(reply),
                ..
            }) => hand_over(reply, ending).await,
            _ => Ok(()),
        }
    }

    /// A worker has done operations. Returns when that is recorded.
    pub async fn complete_batch(&self, caller: &Identity, hub: &Hub, token: u64, report: Report) -> Result<()> {
        require(caller, Right::Activate)?;
        match self.take_work(hub, token) {
            Some(Item {
                reply: Reply::Batch(reply),
                ..
            }) => hand_over(reply, report).await,
            _ => Ok(()),
        }
    }

    /// A worker gives work back; it is given out again after a pause.
    pub fn abandon_work(&self, caller: &Identity, hub: &Hub, token: u64) -> Result<()> {
        require(caller, Right::Activate)?;
        drop(self.take_work(hub, token));
        Ok(())
    }
}
