//! Durable workflows: state machines and their executions, in the terms of the Step Functions API.
//!
//! What is stored of machines is in records; executions are in the journal. The flow of a step:
//! `start` or whatever happens → `advance` (load, the pure core of `wisp-workflow`, one commit) → `effects` → the answer is
//! the next thing that happens. Between two steps an execution costs no memory, unless what it called ends soon.
//!
//! | file | what it does |
//! |---|---|
//! | `arn`, `key` | names of machines, versions, aliases, executions and activities; where executions are in the journal |
//! | `exception`, `paging` | the refusals of the API; pages of its lists |
//! | `machine`, `machines`, `versions`, `aliases`, `tags`, `activities` | what is stored of state machines, and changes it |
//! | `shelf` | typed records of all these |
//! | `start`, `executions`, `map_runs` | starts executions; describes, lists, stops, redrives them, reads their histories |
//! | `run`, `held` | an execution as it is stored, and as it is in memory; from a turn of the core to a turn of the journal |
//! | `letter`, `advance` | what happens to an execution; the loop, one thing at a time for each |
//! | `effects`, `functions`, `nested`, `starts`, `desk` | does what executions ask for: actions, other executions, activities |
//! | `data` | tasks on the objects of buckets |
//! | `tasks`, `timers`, `ends` | what executions are told: ends of tasks by token, timers, ends of other executions |
//! | `express` | executions in memory |
//! | `deploy`, `await_end`, `signal`, `pictures` | what the REST API and people have beside the Step Functions API |
//! | `forks` | repeats executions from a step on |
//! | `trial`, `mocks` | tries one state, and calls nothing |
//! | `resume` | after a start of the server |
//! | `sweep` | removes definitions and map runs that nothing refers to |

mod activities;
mod advance;
mod aliases;
mod arn;
mod await_end;
mod census;
mod data;
mod deploy;
mod desk;
mod effects;
mod ends;
mod exception;
mod executions;
mod express;
mod forks;
mod functions;
mod held;
mod key;
mod letter;
mod machine;
mod machines;
mod map_runs;
mod mocks;
mod nested;
mod paging;
mod parts;
mod payloads;
mod pictures;
mod resume;
mod run;
mod settings;
mod shelf;
mod signal;
mod start;
mod starts;
mod sweep;
mod tags;
mod tasks;
mod timers;
mod trial;
mod versions;

pub use activities::Activity;
pub use aliases::{Alias, Route};
pub use arn::{Arn, Named, account};
pub use await_end::Begun;
pub use desk::Work;
pub use exception::Exception;
pub use executions::{Listed, Wanted};
pub use express::Ended;
pub use forks::Fork;
pub use machine::{Draft, Machine, MachineKind, Stamped, Tag, Version};
pub use machines::{Change, Created, Described, Updated};
pub use map_runs::{Change as PaceChange, Counts};
pub use paging::{Chunk, Paging};
pub use pictures::Picture;
pub use run::{MapRun, Origin, Run, Summary, status};
pub use settings::Settings;
pub use signal::Said;
pub use start::{Start, Started};
pub use trial::Trial;
pub use wisp_workflow::{Step, drawing, execution::Pace};

pub(crate) use advance::stopping;
pub(crate) use census::Census;
pub(crate) use ends::Ends;
pub(crate) use held::EXPIRY;
pub(crate) use machines::uuid;
pub(crate) use parts::Workflows;
pub(crate) use run::RUNNING;
