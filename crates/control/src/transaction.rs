use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

/// Known to this process alone, so that nobody else makes ids that look like ours.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A new transaction id: 32 hexadecimal digits, the second half of which vouches for the first.
pub fn new_transaction() -> String {
    let random: u64 = rand::random();
    format!("{random:016x}{:016x}", SEED.hash_one(random))
}

/// Whether this process has made an id: a caller who shows it was given it, and so is part of what it stands for.
pub(crate) fn is_ours(id: &str) -> bool {
    let half = |range| id.get(range).and_then(|half| u64::from_str_radix(half, 16).ok());
    id.len() == 32 && half(0..16).is_some_and(|random| half(16..32) == Some(SEED.hash_one(random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_this_process_are_ours() {
        let id = new_transaction();
        assert!(is_ours(&id), "{id}");
        assert_ne!(id, new_transaction());
        let reversed: String = id.chars().rev().collect();
        for other in ["", "mine", &id[1..], &reversed, &"0".repeat(32)] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
