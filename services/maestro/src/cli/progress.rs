//! Progress of long work, on a terminal only.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `length` commits with rate and remaining time, on the error stream.
pub(crate) fn commits(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:30} {human_pos} of {human_len} commits, {per_sec}, {eta} left",
    );
    let bar = ProgressBar::new(length);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// A count of commits of which the end is not known.
pub(crate) fn counting() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} commits, {per_sec}");
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
