//! What a container wrote, and how the kubelet gives it out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use crate::kubernetes::{clock, watching::Piece};

/// Longer lines are stored in pieces.
const LONGEST: usize = 16 * 1024;
const CHUNK: usize = 64 * 1024;

/// One line, or a piece of a long one.
#[derive(Clone, Copy)]
struct Entry {
    nanos: i128,
    end: usize,
    /// Whether a line begins with it.
    begins: bool,
}

#[derive(Default)]
struct Inner {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// How far a log is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Growing(usize),
    Complete,
}

/// The log of one container.
pub(crate) struct ContainerLog {
    inner: Mutex<Inner>,
    progress: watch::Sender<Progress>,
}

impl ContainerLog {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            progress: watch::Sender::new(Progress::Growing(0)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends complete lines of one stream; what is left over stays in `pending`.
    pub(super) fn append(&self, pending: &mut Pending, now: &dyn Fn() -> i128) {
        let mut inner = self.lock();
        while let Some((length, ends)) = pending.next_piece() {
            let piece: Vec<u8> = pending.bytes.drain(..length).collect();
            inner.push(&piece, pending.begins, now());
            pending.begins = ends;
        }
        let count = inner.entries.len();
        drop(inner);
        self.progress.send_replace(Progress::Growing(count));
    }

    /// Appends what has no end of line, when a stream is over.
    pub(super) fn flush(&self, pending: &mut Pending, now: i128) {
        if !pending.bytes.is_empty() {
            let piece = std::mem::take(&mut pending.bytes);
            self.lock().push(&piece, pending.begins, now);
        }
    }

    pub(super) fn complete(&self) {
        self.progress.send_replace(Progress::Complete);
    }

    /// Whoever follows it comes to its end.
    pub(super) fn remove(&self) {
        self.complete();
    }
}

impl Inner {
    fn push(&mut self, piece: &[u8], begins: bool, nanos: i128) {
        self.bytes.extend_from_slice(piece);
        let end = self.bytes.len();
        let last = self.entries.last().map_or(0, |last| last.nanos);
        self.entries.push(Entry {
            nanos: nanos.max(last),
            end,
            begins,
        });
    }

    fn text(&self, index: usize) -> &[u8] {
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.entries[before].end);
        &self.bytes[start..self.entries[index].end]
    }

    /// The entry where the last `lines` lines begin.
    fn tail(&self, lines: usize) -> usize {
        let begins = self
            .entries
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, entry)| entry.begins);
        match lines {
            0 => self.entries.len(),
            lines => begins.map(|(index, _)| index).nth(lines - 1).unwrap_or(0),
        }
    }
}

/// What was read of a stream and not stored yet.
pub(super) struct Pending {
    pub(super) bytes: Vec<u8>,
    begins: bool,
}

impl Pending {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            begins: true,
        }
    }

    /// Length of the next piece, and whether the line ends with it.
    fn next_piece(&self) -> Option<(usize, bool)> {
        let line = self.bytes.iter().position(|byte| *byte == b'\n');
        match line {
            Some(at) if at < LONGEST => Some((at + 1, true)),
            _ if self.bytes.len() >= LONGEST => Some((LONGEST, false)),
            _ => None,
        }
    }
}

/// What of a log is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogOptions {
    pub(crate) follow: bool,
    pub(crate) timestamps: bool,
    /// Whole seconds, as the API server passes it on.
    pub(crate) since: Option<i128>,
    pub(crate) tail: Option<usize>,
    pub(crate) limit: Option<usize>,
}

/// Sends a log until its end, or, when it is not followed, what there is of it.
pub(crate) async fn serve(log: Arc<ContainerLog>, options: LogOptions, out: mpsc::Sender<Piece>) {
    let mut progress = log.progress.subscribe();
    let mut next = options.tail.map_or(0, |lines| log.lock().tail(lines));
    let mut left = options.limit.unwrap_or(usize::MAX);
    loop {
        let complete = *progress.borrow_and_update() == Progress::Complete;
        loop {
            let (chunk, upto) = chunk(&log.lock(), next, &options, &mut left);
            let done = upto == next;
            next = upto;
            if !chunk.is_empty() && out.send(Ok(Bytes::from(chunk))).await.is_err() {
                return;
            }
            if done {
                break;
            }
        }
        if complete || !options.follow || left == 0 {
            return;
        }
        tokio::select! {
            changed = progress.changed() => if changed.is_err() { return },
            () = out.closed() => return,
        }
    }
}

/// The next entries as they are sent, and the entry after them.
fn chunk(inner: &Inner, from: usize, options: &LogOptions, left: &mut usize) -> (Vec<u8>, usize) {
    let mut chunk = Vec::new();
    let mut index = from;
    while index < inner.entries.len() && chunk.len() < CHUNK && *left > 0 {
        let entry = inner.entries[index];
        if options.since.is_none_or(|since| entry.nanos >= since) {
            let mut line = Vec::new();
            if options.timestamps && entry.begins {
                line.extend_from_slice(clock::fixed_nanos(entry.nanos).as_bytes());
                line.push(b' ');
            }
            line.extend_from_slice(inner.text(index));
            line.truncate(*left);
            *left -= line.len();
            chunk.extend_from_slice(&line);
        }
        index += 1;
    }
    (chunk, index)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(log: &Arc<ContainerLog>, options: LogOptions) -> String {
        let (out, mut pieces) = mpsc::channel(100);
        serve(Arc::clone(log), options, out).await;
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend_from_slice(&piece.unwrap());
        }
        String::from_utf8(all).unwrap()
    }

    fn log(text: &str, step: i128) -> Arc<ContainerLog> {
        let log = ContainerLog::new();
        let mut pending = Pending::new();
        let time = std::cell::Cell::new(0);
        let now = || {
            time.set(time.get() + step);
            time.get()
        };
        pending.bytes.extend_from_slice(text.as_bytes());
        log.append(&mut pending, &now);
        log.flush(&mut pending, now());
        log.complete();
        Arc::new(log)
    }

    #[tokio::test]
    async fn parts_of_a_log() {
        let log = log("one\ntwo\nthree", 1_000_000_000);
        let options = LogOptions::default;
        assert_eq!(read(&log, options()).await, "one\ntwo\nthree");
        assert_eq!(
            read(
                &log,
                LogOptions {
                    tail: Some(2),
                    follow: true,
                    ..options()
                }
            )
            .await,
            "two\nthree"
        );
        assert_eq!(
            read(
                &log,
                LogOptions {
                    tail: Some(0),
                    ..options()
                }
            )
            .await,
            ""
        );
        assert_eq!(
            read(
                &log,
                LogOptions {
                    limit: Some(6),
                    ..options()
                }
            )
            .await,
            "one\ntw"
        );
        let since = LogOptions {
            since: Some(2_000_000_000),
            timestamps: true,
            ..options()
        };
        assert_eq!(
            read(&log, since).await,
            "1970-01-01T00:00:02.000000000Z two\n1970-01-01T00:00:03.000000000Z three"
        );
    }

    #[tokio::test]
    async fn a_long_line_has_one_prefix() {
        let long = "x".repeat(40_000);
        let log = log(&format!("{long}\nshort\n"), 1);
        let options = LogOptions {
            timestamps: true,
            ..LogOptions::default()
        };
        let text = read(&log, options).await;
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], format!("1970-01-01T00:00:00.000000001Z {long}"));
        assert_eq!(log.lock().entries.len(), 4);
    }
}
