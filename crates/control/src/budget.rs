use serde::{Deserialize, Serialize};

/// What sequences and compositions within one another may still run: so none of them goes on for ever.
///
/// A sequence counts functions, those of nested sequences included. A composition counts components and calls of
/// conductors, those of nested compositions included, also when a sequence stands between them. A sequence that a
/// composition calls is one component and counts its own functions anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budget {
    limit: u64,
    steps: Spent,
    composition: Option<Account>,
}

/// What a sequence has used. Sequences in it count too: moving a binding can make one contain itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spent {
    functions: u64,
    sequences: u64,
}

/// What a composition has used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    components: u64,
    conductors: u64,
}

impl Budget {
    /// A budget of this many functions, or components, and twice as many calls of conductors.
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            steps: Spent::default(),
            composition: None,
        }
    }

    /// Spends a function of a sequence; false if there is none left.
    pub fn spend_function(&mut self) -> bool {
        spend(&mut self.steps.functions, self.limit)
    }

    /// Spends a sequence within a sequence; false if there is none left.
    pub fn spend_sequence(&mut self) -> bool {
        spend(&mut self.steps.sequences, self.limit)
    }

    /// Begins a composition; what it returns says whether it is the outermost, and [`leave`](Self::leave) takes it.
    pub fn enter(&mut self) -> Outermost {
        let outermost = self.composition.is_none();
        self.composition.get_or_insert_default();
        Outermost(outermost)
    }

    /// Ends a composition.
    pub fn leave(&mut self, outermost: Outermost) {
        if outermost.0 {
            self.composition = None;
        }
    }

    /// Spends a call of a conductor; false if there is none left.
    pub fn spend_conductor(&mut self) -> bool {
        let most = 2 * self.limit + 1;
        spend(&mut self.composition.get_or_insert_default().conductors, most)
    }

    /// Whether a composition may have another component.
    pub fn has_component(&self) -> bool {
        self.composition
            .as_ref()
            .is_none_or(|account| account.components < self.limit)
    }

    /// Spends a component of a composition.
    pub fn spend_component(&mut self) {
        self.composition.get_or_insert_default().components += 1;
    }

    /// Lets a sequence that is a component count anew; returns what [`resume`](Self::resume) takes.
    pub fn suspend(&mut self) -> Spent {
        std::mem::take(&mut self.steps)
    }

    /// Goes on counting where [`suspend`](Self::suspend) stopped.
    pub fn resume(&mut self, spent: Spent) {
        self.steps = spent;
    }
}

/// Whether a composition is not part of another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outermost(bool);

fn spend(used: &mut u64, most: u64) -> bool {
    let left = *used < most;
    *used += u64::from(left);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composition_has_one_account_for_all_that_is_nested_in_it() {
        let mut budget = Budget::new(1);
        let outer = budget.enter();
        assert!(budget.has_component());
        budget.spend_component();
        let inner = budget.enter();
        assert!(!budget.has_component());
        budget.leave(inner);
        assert!(!budget.has_component());
        assert_eq!([0; 4].map(|_| budget.spend_conductor()), [true, true, true, false]);
        budget.leave(outer);
        assert!(budget.has_component() && budget.spend_conductor());
    }

    #[test]
    fn a_sequence_in_a_composition_counts_anew() {
        let mut budget = Budget::new(1);
        assert!(budget.spend_function() && !budget.spend_function());
        let before = budget.suspend();
        assert!(budget.spend_function());
        budget.resume(before);
        assert!(!budget.spend_function());
    }
}
