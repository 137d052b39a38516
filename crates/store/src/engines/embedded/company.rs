use std::sync::atomic::{AtomicU32, Ordering};

/// So many commits are expected to have company after one had.
const CREDIT: u32 = 64;

/// One commit in so many that expect none looks for company all the same.
const PROBE: u32 = 16;

/// Whether others add operations while one lets them. Where they do not, waiting for them wakes a thread for nothing.
#[derive(Default)]
pub(super) struct Company {
    credit: AtomicU32,
    alone: AtomicU32,
}

impl Company {
    /// Whether to let others go first.
    pub fn is_likely(&self) -> bool {
        self.credit.load(Ordering::Relaxed) > 0 || self.alone.fetch_add(1, Ordering::Relaxed).is_multiple_of(PROBE)
    }

    /// Others did add something when they could, or did not.
    pub fn learn(&self, came: bool) {
        // Two at a time may lose a change of the other's: it is only a guess.
        let credit = match came {
            true => CREDIT,
            false => self.credit.load(Ordering::Relaxed).saturating_sub(1),
        };
        self.credit.store(credit, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many commits let others go first.
    fn likely(company: &Company, commits: usize, came: bool) -> usize {
        let waits = (0..commits).filter(|_| {
            let likely = company.is_likely();
            likely.then(|| company.learn(came));
            likely
        });
        waits.count()
    }

    #[test]
    fn who_is_alone_waits_seldom_and_who_has_company_always() {
        let company = Company::default();
        assert_eq!(likely(&company, 160, false), 10);
        assert!(likely(&company, 160, true) > 140, "found within a probe");
        assert!(likely(&company, 160, false) < 80, "and given up after a while");
        assert_eq!(likely(&company, 160, false), 10);
    }
}
