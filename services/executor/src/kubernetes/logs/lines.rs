//! Log lines with timestamps, and where reading them has come to.

use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest timestamp in bytes.
const LONGEST_STAMP: usize = 64;

/// A place in a container's log: the last line that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Its timestamp, in nanoseconds since the epoch.
    at_ns: i128,
    /// How many lines with this timestamp were begun, itself included.
    count: u32,
    /// Bytes taken of it, its end of line included.
    taken: u64,
}

impl Position {
    /// From where the log has to be read to find the place again. The API takes whole seconds and
    /// its client rounds, so they are cut off here.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        let seconds = self.at_ns.div_euclid(1_000_000_000);
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
    }
}

/// Where in the current line of the stream reading is.
#[derive(Debug)]
enum Within {
    /// In its timestamp, read so far.
    Stamp(Vec<u8>),
    /// In its text, of which so many bytes are known already.
    Text { known: u64 },
    /// In the text of a line that is known as a whole, or in a line without timestamp.
    Skipped,
}

/// Takes a log apart. After [`Lines::reopened`] it skips what it has seen before.
#[derive(Debug)]
pub(crate) struct Lines {
    last: Option<Position>,
    within: Within,
    /// Lines of the last position's timestamp seen in this stream, while it looks for the place.
    finding: Option<u32>,
    /// The place was not found: something between may be missing.
    pub(crate) gap: bool,
    /// What the kubelet says instead of the log.
    pub(crate) complaint: Option<String>,
    /// The last line that was begun is complete.
    pub(crate) at_line_end: bool,
}

impl Lines {
    /// Continues behind `last`; from the beginning without one.
    pub(crate) fn new(last: Option<Position>) -> Self {
        Self {
            last,
            within: Within::Stamp(Vec::new()),
            finding: last.map(|_| 0),
            gap: false,
            complaint: None,
            at_line_end: true,
        }
    }

    /// The last line that was begun.
    pub(crate) const fn position(&self) -> Option<Position> {
        self.last
    }

    /// The next bytes come from a new stream that begins at [`Position::since`].
    pub(crate) fn reopened(&mut self) {
        self.within = Within::Stamp(Vec::new());
        self.finding = self.last.map(|_| 0);
    }

    /// Takes the next bytes of the stream, appends the text that is new to `out`.
    pub(crate) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            bytes = match &mut self.within {
                Within::Stamp(_) => self.stamp(bytes),
                Within::Text { .. } | Within::Skipped => self.text(bytes, out),
            };
        }
    }

    fn stamp<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Within::Stamp(stamp) = &mut self.within else {
            return bytes;
        };
        let end = bytes.iter().position(|byte| matches!(byte, b' ' | b'\n'));
        let Some(end) = end else {
            stamp.extend_from_slice(bytes);
            if stamp.len() > LONGEST_STAMP {
                self.foreign();
            }
            return &[];
        };
        stamp.extend_from_slice(&bytes[..end]);
        let at = std::str::from_utf8(stamp)
            .ok()
            .and_then(|text| text.parse::<Timestamp>().ok());
        match at {
            Some(at) if bytes[end] == b' ' => {
                self.begin(at.as_nanosecond());
                &bytes[end + 1..]
            }
            _ => {
                self.foreign();
                &bytes[end..]
            }
        }
    }

    /// A line without a timestamp comes from the kubelet itself.
    fn foreign(&mut self) {
        if let Within::Stamp(text) = &self.within {
            self.complaint = Some(String::from_utf8_lossy(text).into_owned());
        }
        self.within = Within::Skipped;
    }

    fn begin(&mut self, at_ns: i128) {
        self.within = match (self.finding, self.last) {
            (Some(seen), Some(last)) => self.find(at_ns, seen, last),
            _ => self.fresh(at_ns),
        };
    }

    /// A line of a stream in which the place is still looked for.
    fn find(&mut self, at_ns: i128, seen: u32, last: Position) -> Within {
        if at_ns < last.at_ns {
            return Within::Skipped;
        }
        if at_ns > last.at_ns {
            self.finding = None;
            self.gap |= seen == 0;
            return self.fresh(at_ns);
        }
        let seen = seen + 1;
        self.finding = Some(seen);
        if seen < last.count {
            return Within::Skipped;
        }
        if seen > last.count {
            self.finding = None;
            return self.fresh(at_ns);
        }
        Within::Text { known: last.taken }
    }

    fn fresh(&mut self, at_ns: i128) -> Within {
        self.at_line_end = false;
        let count = match self.last {
            Some(last) if last.at_ns == at_ns => last.count + 1,
            // The node's clock was set back: the place stays where it can be found.
            Some(last) if last.at_ns > at_ns => return Within::Text { known: 0 },
            _ => 1,
        };
        self.last = Some(Position {
            at_ns,
            count,
            taken: 0,
        });
        Within::Text { known: 0 }
    }

    fn text<'b>(&mut self, bytes: &'b [u8], out: &mut Vec<u8>) -> &'b [u8] {
        let newline = bytes.iter().position(|byte| *byte == b'\n');
        let length = newline.map_or(bytes.len(), |at| at + 1);
        let (line, rest) = bytes.split_at(length);
        if let Within::Text { known } = &mut self.within {
            let skip = usize::try_from(*known)
                .unwrap_or(usize::MAX)
                .min(line.len());
            *known -= skip as u64;
            let new = &line[skip..];
            out.extend_from_slice(new);
            if let Some(last) = &mut self.last {
                last.taken += new.len() as u64;
            }
            self.at_line_end = newline.is_some();
        }
        if newline.is_some() {
            self.within = Within::Stamp(Vec::new());
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &mut Lines, text: &str) -> String {
        let mut out = Vec::new();
        lines.push(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    const LOG: &str = "2026-11-21T03:00:01.100000000Z one\n\
        2026-11-21T03:00:01.200000000Z two\n\
        2026-11-21T03:00:01.200000000Z two\n\
        2026-11-21T03:00:02.000000000Z \x1b[31mthree\x1b[0m\n";

    #[test]
    fn timestamps_are_taken_away_and_colours_kept() {
        let text = read(&mut Lines::new(None), LOG);
        assert_eq!(text, "one\ntwo\ntwo\n\x1b[31mthree\x1b[0m\n");
    }

    #[test]
    fn a_stream_broken_anywhere_continues_exactly() {
        let whole = read(&mut Lines::new(None), LOG);
        for broken in 0..=LOG.len() {
            let mut lines = Lines::new(None);
            let mut text = read(&mut lines, &LOG[..broken]);
            let since = lines.position().and_then(|at| at.since());
            let again: String = LOG
                .lines()
                .filter(|line| {
                    let at: Timestamp = line.split(' ').next().unwrap().parse().unwrap();
                    since.is_none_or(|since| at >= since)
                })
                .map(|line| format!("{line}\n"))
                .collect();
            lines.reopened();
            text += &read(&mut lines, &again);
            assert_eq!(text, whole, "broken at {broken}");
            assert!(!lines.gap, "broken at {broken}");
        }
    }

    #[test]
    fn a_place_that_was_rotated_away_is_a_gap() {
        let mut lines = Lines::new(None);
        read(&mut lines, &LOG[..36]);
        lines.reopened();
        assert_eq!(read(&mut lines, "2026-11-21T03:00:09.5Z nine\n"), "nine\n");
        assert!(lines.gap);
    }

    #[test]
    fn the_kubelets_own_words_are_no_output() {
        let mut lines = Lines::new(None);
        assert_eq!(read(&mut lines, "unable to retrieve container logs\n"), "");
        assert_eq!(lines.complaint.as_deref(), Some("unable"));
    }

    #[test]
    fn offsets_of_other_zones_are_understood() {
        let text = read(&mut Lines::new(None), "2026-11-21T05:00:01.5+02:00 x\n");
        assert_eq!(text, "x\n");
    }
}
