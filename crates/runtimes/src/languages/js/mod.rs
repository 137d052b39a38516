//! JavaScript in V8 isolates: the kind `js:isolate`, run by workerd.
//!
//! ```text
//! instance ─┐ frames, a connection each                 ┌── isolate
//! instance ─┼─▶ socket ─▶ workerd in a process sandbox ─┼── isolate
//! instance ─┘             (one namespace's, a `Lane`)   └── isolate
//! ```
//! Isolates of one namespace share a process, and one activation at a time has its turn in it. So whatever goes wrong
//! there (a loop, the memory, output) is that activation's, and nobody else is harmed by the end of the process but
//! idle isolates, which are loaded anew when they are needed. Who waits too long for a turn moves to another process.

mod instance;
mod lane;
mod lanes;
pub mod package;
mod workerd;

use std::sync::Arc;

use async_trait::async_trait;
use wisp_core::{
    Result,
    model::Isolation,
    ports::{Instance, InstanceLimits, Kind, Language},
};

use super::Context;
use lanes::Lanes;

const FAMILY: &str = "js";
const KIND: &str = "js:isolate";

/// JavaScript in isolates, if workerd is here.
pub fn register(context: &Context) -> Arc<dyn Language> {
    let found = workerd::find(context);
    let kind = |(path, version): &(std::path::PathBuf, String)| Kind {
        name: KIND.into(),
        default: true,
        aliases: vec![FAMILY.into()],
        requires_main: false,
        provider: format!("{} {version}", path.display()),
        levels: vec![Isolation::Isolate, Isolation::Process],
    };
    let kinds = found.iter().map(kind).collect();
    let path = found.map(|(path, _)| path).unwrap_or_default();
    Arc::new(Isolates {
        kinds,
        lanes: Arc::new(Lanes::new(context.clone(), path)),
    })
}

struct Isolates {
    kinds: Vec<Kind>,
    lanes: Arc<Lanes>,
}

#[async_trait]
impl Language for Isolates {
    fn family(&self) -> &'static str {
        FAMILY
    }

    fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// A place in a process is taken when the namespace is known.
    async fn start(&self, _kind: &Kind, limits: InstanceLimits) -> Result<Box<dyn Instance>> {
        Ok(Box::new(instance::Isolate::new(self.lanes.clone(), limits)))
    }
}
