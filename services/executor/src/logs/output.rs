//! What of a run's output is kept, and at which offsets.

use bytes::Bytes;
use maestro_eventlog::{Offsets, Output};

use super::masking::Masker;
use crate::backend::{self, Channel};

/// Longest chunk in bytes.
const CHUNK: usize = 64 * 1024;

/// A piece for LOGS.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) output: Output,
    /// Where the next pieces start.
    pub(crate) next: Offsets,
    pub(crate) bytes: Bytes,
}

/// Masks, skips what an earlier executor shipped, and stops at the cap. Offsets count masked
/// bytes; masking the same output again gives the same bytes, so they fit after a restart.
pub(crate) struct Keeper {
    maskers: [Masker; 2],
    /// Masked bytes seen.
    seen: Offsets,
    /// Masked bytes in LOGS, the earlier executor's included.
    kept: Offsets,
    cap: u64,
    overflown: bool,
}

impl Keeper {
    /// `kept`: what is in LOGS already.
    pub(crate) fn new(secrets: &[String], kept: Offsets, cap: u64) -> Self {
        let maskers = [Masker::new(secrets), Masker::new(secrets)];
        Self {
            maskers,
            seen: Offsets::default(),
            kept,
            cap,
            overflown: false,
        }
    }

    /// What is new in the next piece of output.
    pub(crate) fn push(&mut self, piece: &backend::Output) -> Vec<Kept> {
        if piece.channel == Channel::System {
            return vec![self.piece(Output::System, piece.bytes.clone())];
        }
        let mut masked = Vec::with_capacity(piece.bytes.len());
        self.maskers[piece.channel as usize].push(&piece.bytes, &mut masked);
        self.keep(piece.channel, masked)
    }

    /// What was held back, now that no more comes.
    pub(crate) fn finish(&mut self) -> Vec<Kept> {
        let mut rest = Vec::new();
        for channel in [Channel::Stdout, Channel::Stderr] {
            let mut masked = Vec::new();
            self.maskers[channel as usize].finish(&mut masked);
            rest.extend(self.keep(channel, masked));
        }
        rest
    }

    /// A note of Maestro's own. The cap does not count it.
    pub(crate) fn note(&mut self, text: &str) -> Kept {
        self.piece(Output::System, Bytes::copy_from_slice(text.as_bytes()))
    }

    /// What is in LOGS when everything handed out so far was shipped.
    pub(crate) const fn kept(&self) -> Offsets {
        self.kept
    }

    /// Whether output was dropped because of the cap.
    pub(crate) const fn overflown(&self) -> bool {
        self.overflown
    }

    fn keep(&mut self, channel: Channel, masked: Vec<u8>) -> Vec<Kept> {
        let output = match channel {
            Channel::Stdout => Output::Stdout,
            Channel::Stderr => Output::Stderr,
            Channel::System => Output::System,
        };
        let known = self.kept.of(output).saturating_sub(self.seen.of(output));
        let known = usize::try_from(known)
            .unwrap_or(usize::MAX)
            .min(masked.len());
        self.seen = self
            .seen
            .with(output, self.seen.of(output) + masked.len() as u64);
        let mut new = Bytes::from(masked).slice(known..);
        let room = self.cap.saturating_sub(self.kept.stdout + self.kept.stderr);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        self.overflown |= new.len() > room;
        new.truncate(room);
        let mut pieces = Vec::new();
        while !new.is_empty() {
            let bytes = new.split_to(new.len().min(CHUNK));
            pieces.push(self.piece(output, bytes));
        }
        pieces
    }

    fn piece(&mut self, output: Output, bytes: Bytes) -> Kept {
        self.kept = self
            .kept
            .with(output, self.kept.of(output) + bytes.len() as u64);
        Kept {
            output,
            next: self.kept,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &str) -> backend::Output {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        backend::Output {
            channel: Channel::Stdout,
            bytes,
        }
    }

    fn text(kept: &[Kept]) -> String {
        kept.iter()
            .map(|kept| String::from_utf8_lossy(&kept.bytes).into_owned())
            .collect()
    }

    #[test]
    fn a_second_reader_continues_where_the_first_stopped() {
        let secrets = ["hunter22".to_owned()];
        let mut first = Keeper::new(&secrets, Offsets::default(), 1000);
        assert_eq!(
            text(&first.push(&out("one hunter22 two hunt"))),
            "one *** two "
        );
        let mut second = Keeper::new(&secrets, first.kept(), 1000);
        let rest = second.push(&out("one hunter22 two hunter22 three"));
        assert_eq!(text(&rest), "*** three");
        assert_eq!(rest[0].next.stdout, "one *** two *** three".len() as u64);
    }

    #[test]
    fn the_cap_counts_both_channels_and_no_notes() {
        let kept = Offsets {
            stderr: 3,
            ..Offsets::default()
        };
        let mut keeper = Keeper::new(&[], kept, 5);
        keeper.note("a note");
        assert_eq!(text(&keeper.push(&out("ab"))), "ab");
        assert!(!keeper.overflown());
        assert_eq!(keeper.push(&out("c")), []);
        assert!(keeper.overflown());
        assert_eq!(
            keeper.kept(),
            Offsets {
                stdout: 2,
                stderr: 3,
                system: 6
            }
        );
    }

    #[test]
    fn pieces_are_bounded_and_contiguous() {
        let mut keeper = Keeper::new(&[], Offsets::default(), u64::MAX);
        let kept = keeper.push(&out(&"x".repeat(CHUNK + 5)));
        let shape: Vec<_> = kept
            .iter()
            .map(|kept| (kept.next.stdout, kept.bytes.len()))
            .collect();
        assert_eq!(shape, [(CHUNK as u64, CHUNK), (CHUNK as u64 + 5, 5)]);
    }
}
