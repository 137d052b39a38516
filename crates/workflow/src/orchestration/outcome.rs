use super::{
    Event, Message, Post,
    event::{Call, Micros},
};

/// What changes with a step of an instance or an entity, beside its state: all of it is to be committed at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Whether the history begins anew: what it was is gone, timers that are set are no longer wanted, and `events` is all of it.
    pub afresh: bool,
    /// What the history grows by.
    pub events: Vec<Event>,
    /// Messages that are done with, by their ids.
    pub taken: Vec<String>,
    /// Messages for itself, to be read before all others.
    pub first: Vec<Message>,
    /// Activities to carry out.
    pub activities: Vec<Activity>,
    /// Timers to set: their numbers and when they fire.
    pub timers: Vec<(i32, Micros)>,
    /// Whether timers that are set are no longer wanted.
    pub untimed: bool,
    /// Messages to others.
    pub posts: Vec<Post>,
}

/// An activity to carry out.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Activity {
    /// The execution that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The number of the action that asks for it.
    pub task: i32,
    /// What to call.
    pub call: Call,
}

impl Activity {
    /// Names it within its instance.
    pub fn key(&self) -> String {
        format!("{}:{}", self.execution.as_deref().unwrap_or_default(), self.task)
    }
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<Work> {
    /// Nothing, until something happens or it is this moment.
    Wait(Option<Micros>),
    /// Something that needs nobody's code: commit it and ask again.
    Settle(Outcome),
    /// Work for the user's code.
    Work(Work),
}
