use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::Duration,
};

use wisp_core::ports::Network;

use super::{
    Config,
    cgroup::{Group, Groups},
    messages::{Answer, Park, Root},
    spawn::Launcher,
    yard::{Job, Parked, Place, Stock, Successor},
};

/// How long to wait before removing a group that was still in use is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// How often removing groups is tried at the end.
const FAREWELLS: usize = 50;

/// The thread that does what blocks: forks keepers, prepares roots, clears up.
pub struct Warden {
    config: Config,
    groups: Groups,
    launcher: Launcher,
    generation: usize,
    stock: Arc<Stock>,
    jobs: Sender<Job>,
    /// Slots given back, and the first that was never used.
    free: Vec<u32>,
    unused: u32,
    /// Groups that could not be removed yet.
    leaving: Vec<(u32, Group)>,
}

impl Warden {
    /// Starts the launcher and parks one keeper, to see whether that works at all.
    pub fn start(config: Config, groups: Groups, stock: Arc<Stock>, jobs: Sender<Job>) -> Result<Self, String> {
        let launcher = Launcher::start(&config)?;
        let (free, leaving) = (Vec::new(), Vec::new());
        let mut warden = Self {
            config,
            groups,
            launcher,
            generation: 0,
            stock,
            jobs,
            free,
            unused: 0,
            leaving,
        };
        let parked = warden.park(Network::None)?;
        warden.stock.add(Network::None, Ok(parked));
        Ok(warden)
    }

    /// Works until asked to end.
    pub fn work(mut self, asked: &Receiver<Job>) {
        loop {
            let wait = if self.leaving.is_empty() { Duration::MAX } else { RETRY };
            let job = match wait {
                Duration::MAX => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
                wait => asked.recv_timeout(wait),
            };
            match job {
                Ok(Job::Park) => self.fill(),
                Ok(Job::Root(root, answer)) => drop(answer.send(self.root(&root))),
                Ok(Job::Clear(slot, group)) => self.leaving.push((slot, group)),
                Ok(Job::End) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.clear();
        }
        self.end(asked);
    }

    fn fill(&mut self) {
        let wanted = [
            (Network::Outbound, self.config.parked),
            (Network::None, self.config.parked_offline),
        ];
        for (network, wanted) in wanted {
            while self.stock.missing(network, wanted) {
                let parked = self.park(network);
                let failed = parked.is_err();
                self.stock.add(network, parked);
                if failed {
                    break;
                }
            }
        }
    }

    fn root(&mut self, wanted: &Root) -> Result<OwnedFd, String> {
        match self.launcher.root(wanted) {
            Ok(root) => root,
            Err(_) => {
                self.restart()?;
                self.launcher
                    .root(wanted)
                    .map_err(|error| format!("the launcher has gone: {error}"))?
            }
        }
    }

    /// Makes a keeper and its group.
    fn park(&mut self, network: Network) -> Result<Parked, String> {
        let slot = self.slot()?;
        let group = self
            .groups
            .create(slot)
            .map_err(|error| format!("make a control group: {error}"))?;
        let doors = group
            .keeper_doors()
            .map_err(|error| format!("open a control group: {error}"))?;
        let place = Place {
            group,
            slot,
            jobs: self.jobs.clone(),
        };
        let park = Park {
            uid: self.config.first_uid + slot,
            tun: network == Network::Outbound,
        };
        let (pid, commands, status) = match self.launcher.keeper(park, &doors) {
            Ok(keeper) => keeper?,
            Err(_) => {
                self.restart()?;
                self.launcher
                    .keeper(park, &doors)
                    .map_err(|error| format!("the launcher has gone: {error}"))??
            }
        };
        let failed = |error: io::Error| format!("prepare a sandbox: {error}");
        let ready = commands.recv::<Answer<bool>>().map_err(failed)?;
        let (answer, mut descriptors) = ready.ok_or("prepare a sandbox: the keeper has gone")?;
        answer?;
        Ok(Parked {
            keeper: pid,
            commands,
            status,
            tun: descriptors.pop(),
            place,
            generation: self.generation,
            successor: Successor(self.jobs.clone()),
        })
    }

    fn slot(&mut self) -> Result<u32, String> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        if self.unused == self.config.uids {
            return Err(format!("all {} user ids are in use (setting uids)", self.config.uids));
        }
        self.unused += 1;
        Ok(self.unused - 1)
    }

    /// Starts the launcher again; with the old one, all that it launched has died.
    fn restart(&mut self) -> Result<(), String> {
        tracing::error!("the sandbox launcher has died; starting another");
        self.stock.clear();
        self.launcher = Launcher::start(&self.config)?;
        self.generation += 1;
        Ok(())
    }

    fn clear(&mut self) {
        let free = &mut self.free;
        self.leaving.retain(|(slot, group)| {
            let gone = group.remove().is_ok();
            if gone {
                free.push(*slot);
            }
            !gone
        });
    }

    /// Ends the launcher, and removes the groups of what it launched.
    fn end(mut self, asked: &Receiver<Job>) {
        self.stock.clear();
        self.launcher.stop();
        for _ in 0..FAREWELLS {
            while let Ok(job) = asked.try_recv() {
                if let Job::Clear(slot, group) = job {
                    self.leaving.push((slot, group));
                }
            }
            self.clear();
            if self.leaving.is_empty() {
                break;
            }
            std::thread::sleep(RETRY);
        }
    }
}
