//! Orchestrators and entities as code: instances that are run turn by turn by whoever has the code.
//!
//! The core is `wisp_workflow::orchestration`; everything is in the journal: an instance's state, its history, and as effects the
//! messages that have come to it and the activities that have not ended. What one instance says to another is committed with its
//! own turn. Between two steps an instance costs no memory but what the cache gives it.
//!
//! [`Carrier`] is the seam to those who run code.
//!
//! | file | what it does |
//! |---|---|
//! | `hub` | what instances, entities and workers are in together; their keys in the journal |
//! | `instances`, `queries`, `entities` | the use cases: start, look, wait, tell, end, rewind, restart; list and purge; entities |
//! | `letter`, `kept`, `read`, `commit`, `drive` | what happens to an instance; it in memory; what a letter makes of it; what is written; the loop |
//! | `carrier`, `carriers`, `carry` | who runs code, the table of them, and how work is handed over |
//! | `desk`, `shelf` | workers that connect; work that waits for them in memory, and what there was no room for |
//! | `resume` | after a start of the server; timers |

mod carrier;
mod carriers;
mod carry;
mod commit;
mod desk;
mod drive;
mod entities;
mod hub;
mod instances;
mod kept;
mod letter;
mod parts;
mod queries;
mod read;
mod resume;
mod settings;
mod shelf;

pub use carrier::{BatchWork, Carrier, Done, Ending, Task, TurnWork};
pub use desk::{Given, Handed, Names, Wishes, WorkKind, Worker};
pub use entities::{EntityQuery, EntityShown};
pub use hub::{DEFAULT, Hub};
pub use instances::{Shown, Start};
pub use queries::Query;
pub use settings::{Durability, Settings};
pub use wisp_workflow::orchestration as core;

use carriers::carriers;
pub(crate) use hub::is_ours;
pub(crate) use parts::Orchestrations;
