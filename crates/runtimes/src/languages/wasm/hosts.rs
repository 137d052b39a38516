use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, Weak},
};

use tokio::sync::Mutex;
use wisp_core::{Result, ports::Network};

use super::{super::Context, host::Host};

/// Which programs share a process: those of one namespace that reach the same.
type Class = (String, Network);

/// The hosts of all namespaces; each lives as long as a program in it does.
pub struct Hosts {
    pub context: Context,
    known: std::sync::Mutex<HashMap<Class, Arc<Mutex<Weak<Host>>>>>,
    /// One that belongs to nobody yet, without a network.
    spare: Mutex<Option<Host>>,
}

impl Hosts {
    /// None yet.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            known: std::sync::Mutex::default(),
            spare: Mutex::default(),
        }
    }

    /// The host of a namespace, started if there is none.
    pub async fn of(self: &Arc<Self>, namespace: &str, network: Network) -> Result<Arc<Host>> {
        let place = self.place((namespace.to_owned(), network));
        let mut place = place.lock().await;
        if let Some(host) = place.upgrade().filter(|host| host.is_alive()) {
            return Ok(host);
        }
        let host = self.new_host(network).await?;
        *place = Arc::downgrade(&host);
        Ok(host)
    }

    /// A host for one program alone.
    pub async fn new_host(self: &Arc<Self>, network: Network) -> Result<Arc<Host>> {
        if network == Network::None
            && let Some(host) = self.spare.lock().await.take().filter(Host::is_alive)
        {
            self.prepare();
            return Ok(Arc::new(host));
        }
        Ok(Arc::new(Host::start(&self.context, network).await?))
    }

    /// Starts a spare host in the background, unless there is one.
    pub fn prepare(self: &Arc<Self>) {
        if self.context.config.wasm_spare == 0 {
            return;
        }
        let hosts = self.clone();
        tokio::spawn(async move {
            let mut spare = hosts.spare.lock().await;
            if spare.as_ref().is_some_and(Host::is_alive) {
                return;
            }
            match Host::start(&hosts.context, Network::None).await {
                Ok(host) => *spare = Some(host),
                Err(error) => tracing::warn!(?error, "no host of WebAssembly could be started ahead"),
            }
        });
    }

    fn place(&self, class: Class) -> Arc<Mutex<Weak<Host>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody looks at and what has no host any more.
        known.retain(|_, place| {
            Arc::strong_count(place) > 1 || place.try_lock().is_ok_and(|host| host.strong_count() > 0)
        });
        known.entry(class).or_default().clone()
    }
}
