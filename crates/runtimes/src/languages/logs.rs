use wisp_core::{
    model::Millis,
    ports::{Line, Stream},
};

/// Collects the output of one activation, within its limits.
#[derive(Debug)]
pub struct Logs {
    lines: Vec<Line>,
    open: [Vec<u8>; 2],
    bytes_left: u64,
    lines_left: u64,
    truncated: bool,
}

impl Logs {
    /// Keeps so many bytes, and so many lines, at most.
    pub fn new(bytes: u64, lines: u64) -> Self {
        Self {
            lines: Vec::new(),
            open: [Vec::new(), Vec::new()],
            bytes_left: bytes,
            lines_left: lines,
            truncated: false,
        }
    }

    /// Adds what was read from a stream.
    pub fn push(&mut self, stream: Stream, mut bytes: &[u8], at: Millis) {
        while !bytes.is_empty() && !self.truncated {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let text = &bytes[..end.unwrap_or(bytes.len())];
            let room = usize::try_from(self.bytes_left).unwrap_or(usize::MAX);
            self.truncated = text.len() > room || self.lines_left == 0;
            let kept = &text[..text.len().min(room)];
            self.bytes_left -= kept.len() as u64;
            self.open[stream as usize].extend_from_slice(kept);
            if end.is_some() {
                self.close(stream, at);
                self.bytes_left = self.bytes_left.saturating_sub(1);
            }
            bytes = &bytes[end.map_or(bytes.len(), |end| end + 1)..];
        }
    }

    fn close(&mut self, stream: Stream, at: Millis) {
        let text = std::mem::take(&mut self.open[stream as usize]);
        if self.lines_left == 0 {
            return;
        }
        self.lines_left -= 1;
        let text = String::from_utf8(text).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned());
        self.lines.push(Line { at, stream, text });
    }

    /// All lines, the unfinished ones last, and whether something is missing.
    pub fn finish(mut self, at: Millis) -> (Vec<Line>, bool) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if !self.open[stream as usize].is_empty() {
                self.close(stream, at);
            }
        }
        (self.lines, self.truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(logs: Logs) -> (Vec<String>, bool) {
        let (lines, truncated) = logs.finish(0);
        (
            lines
                .into_iter()
                .map(|line| format!("{}: {}", line.stream.as_str(), line.text))
                .collect(),
            truncated,
        )
    }

    #[test]
    fn lines_are_put_together_for_each_stream() {
        let mut logs = Logs::new(100, 100);
        logs.push(Stream::Stdout, b"one\ntw", 0);
        logs.push(Stream::Stderr, b"bad \xff\n", 0);
        logs.push(Stream::Stdout, b"o\n\nrest", 0);
        let expected = [
            "stdout: one",
            "stderr: bad \u{fffd}",
            "stdout: two",
            "stdout: ",
            "stdout: rest",
        ];
        assert_eq!(texts(logs), (expected.map(String::from).to_vec(), false));
    }

    #[test]
    fn what_exceeds_a_limit_is_missing_and_said_to_be() {
        let mut logs = Logs::new(5, 100);
        logs.push(Stream::Stdout, b"abc\ndef\nghi\n", 0);
        assert_eq!(texts(logs), (vec!["stdout: abc".into(), "stdout: d".into()], true));
        let mut logs = Logs::new(100, 1);
        logs.push(Stream::Stdout, b"abc\ndef\n", 0);
        assert_eq!(texts(logs), (vec!["stdout: abc".into()], true));
        let mut logs = Logs::new(4, 1);
        logs.push(Stream::Stdout, b"abc\n", 0);
        assert_eq!(texts(logs), (vec!["stdout: abc".into()], false));
    }
}
