use std::{io::IsTerminal, time::Duration};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use wisp_wire::client::Progress;

/// Uploads below this many bytes are over before anybody looks.
const WORTH_SHOWING: u64 = 256 * 1024;

/// Time between two turns of the wheel.
const TICK: Duration = Duration::from_millis(120);

/// A wheel on the terminal while something is waited for; it vanishes when dropped. Nothing on pipes.
pub struct Waiting(Option<ProgressBar>);

impl Waiting {
    /// Starts to turn.
    pub fn new(text: impl Into<String>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_message(text.into());
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
            let bar = style.map(|style| bar.clone().with_style(style)).unwrap_or(bar);
            bar.enable_steady_tick(TICK);
            bar
        });
        Self(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Shows uploads on the terminal; none on pipes.
pub fn uploads() -> Option<Progress> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::no_length();
    let style = ProgressStyle::with_template("uploading {wide_bar} {binary_bytes}/{binary_total_bytes}");
    let bar = style.map(|style| bar.clone().with_style(style)).unwrap_or(bar);
    Some(Progress::new(move |sent, total| {
        if total < WORTH_SHOWING {
            return;
        }
        bar.set_length(total);
        bar.set_position(sent);
        if sent == total {
            bar.finish_and_clear();
        }
    }))
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}
