//! Random machines under a random world: the core ends as a small interpreter does, whatever the order in which things
//! happen, and neither storing its state between events nor replaying them changes anything.
#![allow(clippy::unwrap_used, missing_docs)] // a failed test says why by itself

mod machines;
mod naive;
mod world;

use proptest::prelude::*;

use machines::Dice;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_core_ends_as_the_small_interpreter_does(seed: u64) {
        let mut dice = Dice::new(seed);
        let definition = machines::machine(&mut dice);
        let items: Vec<u64> = (0..dice.below(4)).map(|_| dice.below(6)).collect();
        let input = serde_json::json!({"v": dice.below(6), "items": items});
        let wanted = naive::run(&definition, &input);
        let lived = world::live(&definition, &input, &mut dice);
        prop_assert_eq!(lived.outcome(), wanted, "{}\n{:#}", definition, lived.events());
        lived.check_history()?;
        lived.check_replay()?;
    }
}
