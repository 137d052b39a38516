//! Work that there was no room for in memory. It is in the journal: instances with something to do are found there by name, and
//! read when workers have made room.

use super::{Hub, letter::Letter};
use crate::control::Control;

/// Names that are read at once.
const PAGE: usize = 256;

/// Where a hub's work is looked for that is not in memory.
#[derive(Default)]
pub(crate) struct Shelf {
    /// Whether there is any that was not there when somebody last looked.
    pub any: bool,
    /// After which name to go on.
    after: Option<String>,
    /// Whether somebody looks.
    looking: bool,
}

impl Shelf {
    /// Whether there is nothing to look for, and nobody looks.
    pub fn is_idle(&self) -> bool {
        !self.any && !self.looking && self.after.is_none()
    }

    /// Where to look, if that is worth while and nobody else does.
    fn look(&mut self, room: bool) -> Option<Option<String>> {
        if !room || self.looking || !(self.any || self.after.is_some()) {
            return None;
        }
        self.looking = true;
        if self.after.is_none() {
            // What is put there from here on may be behind whoever looks.
            self.any = false;
        }
        Some(self.after.take())
    }

    /// Somebody has looked as far as this; none is to the end.
    fn looked(&mut self, after: Option<String>) {
        (self.looking, self.after) = (false, after);
    }
}

impl Control {
    /// Lets instances of a hub go on that there was no room for, if there is.
    pub(super) fn fetch_shelved(&self, hub: &Hub) {
        let desk = &self.inner.orchestrations.desk;
        let Some(after) = desk.shelf(hub, Shelf::look).flatten() else {
            return;
        };
        let (control, hub) = (self.clone(), hub.clone());
        self.inner.tasks.spawn(Box::pin(async move {
            let desk = &control.inner.orchestrations.desk;
            let has_room = || desk.shelf(&hub, |_, room| room) == Some(true);
            let after = control.wake_while(&hub, after, has_room).await;
            desk.shelf(&hub, |shelf, _| shelf.looked(after));
        }));
    }

    /// Lets all instances of a hub that have something to do look for it.
    pub(super) async fn wake_all(&self, hub: &Hub) {
        self.wake_while(hub, None, || true).await;
    }

    /// Lets them go on in order of their names, after one of them; says after which it stopped, unless that is the last.
    async fn wake_while(&self, hub: &Hub, after: Option<String>, goes_on: impl Fn() -> bool) -> Option<String> {
        let first = hub.key("");
        let mut after = after.unwrap_or_else(|| first.clone());
        loop {
            let page = match self.inner.workflows.journal.pending(Some(&after), PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(hub = hub.name, ?error, "work of a hub cannot be read; it is read later");
                    return Some(after);
                }
            };
            for key in &page {
                if !key.starts_with(&first) {
                    return None;
                }
                if !goes_on() {
                    return Some(after);
                }
                // Why it could not go on has been said.
                let _ = self.tell_instance(key, Letter::Resumed).await;
                after.clone_from(key);
            }
            if page.len() < PAGE {
                return None;
            }
        }
    }
}
