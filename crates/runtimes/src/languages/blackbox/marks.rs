/// What a runtime writes to each stream when it has written the last of an activation's log.
const SENTINEL: &[u8] = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

/// Takes the marks of an activation's end out of a stream.
#[derive(Debug, Default)]
pub struct Marks {
    /// The end of what was read, which may be the beginning of a mark.
    held: Vec<u8>,
    /// Whether the line end after a mark is still to be taken.
    line: bool,
    /// Whether a mark was found.
    pub seen: bool,
}

impl Marks {
    /// Passes on what is no mark.
    pub fn pass(&mut self, bytes: &[u8], mut push: impl FnMut(&[u8])) {
        let mut rest = std::mem::take(&mut self.held);
        rest.extend_from_slice(bytes);
        let mut rest = rest.as_slice();
        loop {
            if self.line && !rest.is_empty() {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                self.line = false;
            }
            match rest.windows(SENTINEL.len()).position(|window| window == SENTINEL) {
                Some(at) => {
                    push(&rest[..at]);
                    rest = &rest[at + SENTINEL.len()..];
                    (self.seen, self.line) = (true, true);
                }
                None => break,
            }
        }
        let held = begun(rest);
        push(&rest[..rest.len() - held]);
        self.held = rest[rest.len() - held..].to_vec();
    }

    /// Passes on what was held back.
    pub fn flush(&mut self, mut push: impl FnMut(&[u8])) {
        push(&std::mem::take(&mut self.held));
    }
}

/// How many bytes at the end may be the beginning of a mark.
fn begun(bytes: &[u8]) -> usize {
    let most = bytes.len().min(SENTINEL.len() - 1);
    (1..=most)
        .rev()
        .find(|length| bytes.ends_with(&SENTINEL[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_out_however_the_stream_is_cut() {
        let stream = b"one\nXXX_\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\ntwoXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n3X";
        for cut in 0..stream.len() {
            let (mut marks, mut text) = (Marks::default(), Vec::new());
            for part in [&stream[..cut], &stream[cut..]] {
                marks.pass(part, |bytes| text.extend_from_slice(bytes));
            }
            marks.flush(|bytes| text.extend_from_slice(bytes));
            assert!(marks.seen);
            assert_eq!(String::from_utf8_lossy(&text), "one\nXXX_\ntwo3X", "cut at {cut}");
        }
    }

    #[test]
    fn what_is_held_back_is_never_more_than_a_mark() {
        let (mut marks, mut count) = (Marks::default(), 0);
        for _ in 0..1000 {
            marks.pass(b"XXX_THE_END", |bytes| count += bytes.len());
            assert!(marks.held.len() < SENTINEL.len());
        }
        assert!(!marks.seen && count > 10_000);
    }
}
