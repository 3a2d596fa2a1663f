//! Output of runs, chunk by chunk.

use async_nats::HeaderMap;
use bytes::Bytes;
use maestro_domain::{RunId, Timestamp};

use crate::{
    DecodeError, Error, EventLog, Message, ReadError, Reader, Start, Stream, broker::ANSWER_WITHIN,
    header,
};

/// Where a piece of an attempt's log comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Notes of Maestro's own, such as a truncation mark.
    System,
}

impl Output {
    /// `stdout`, `stderr` or `system`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::System => "system",
        }
    }
}

/// How much of each output there is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offsets {
    /// Of standard output.
    pub stdout: u64,
    /// Of standard error.
    pub stderr: u64,
    /// Of Maestro's notes.
    pub system: u64,
}

impl Offsets {
    /// That of one output.
    #[must_use]
    pub const fn of(self, output: Output) -> u64 {
        match output {
            Output::Stdout => self.stdout,
            Output::Stderr => self.stderr,
            Output::System => self.system,
        }
    }

    /// The same with that of one output replaced.
    #[must_use]
    pub const fn with(self, output: Output, offset: u64) -> Self {
        match output {
            Output::Stdout => Self {
                stdout: offset,
                ..self
            },
            Output::Stderr => Self {
                stderr: offset,
                ..self
            },
            Output::System => Self {
                system: offset,
                ..self
            },
        }
    }
}

/// A piece of output.
#[derive(Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// The run.
    pub run: RunId,
    /// The attempt.
    pub attempt: u32,
    /// Which output.
    pub output: Output,
    /// How much of each output there is with this chunk: where the next chunks start.
    pub next: Offsets,
    /// When it was read.
    pub at: Timestamp,
    /// The bytes as they came, at most 512 KiB.
    pub bytes: Bytes,
}

impl LogChunk {
    /// Where the chunk starts in its output, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.next
            .of(self.output)
            .saturating_sub(self.bytes.len() as u64)
    }
}

impl std::fmt::Debug for LogChunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogChunk")
            .field("run", &self.run)
            .field("attempt", &self.attempt)
            .field("output", &self.output)
            .field("offset", &self.offset())
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// What LOGS has of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shipped {
    /// Where the next chunk of standard output starts.
    pub stdout: u64,
    /// Where the next chunk of standard error starts.
    pub stderr: u64,
    /// Where the next note of Maestro's starts.
    pub system: u64,
    /// Whether the end is marked.
    pub ended: bool,
}

/// A message of an attempt's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogMessage {
    /// A piece of output.
    Chunk(LogChunk),
    /// There will be no more.
    End,
}

impl EventLog {
    /// Stores a chunk. Storing it again changes nothing for readers.
    ///
    /// # Errors
    /// When the broker is away; it may be stored all the same.
    pub async fn ship(&self, chunk: &LogChunk) -> Result<(), Error> {
        let output = chunk.output.as_str();
        let mut headers = entry(output, chunk.next);
        headers.insert(header::AT, chunk.at.to_string().as_str());
        let id = format!(
            "{}.{}.{output}.{}.{}",
            chunk.run,
            chunk.attempt,
            chunk.offset(),
            chunk.bytes.len()
        );
        headers.insert(header::MESSAGE_ID, id.as_str());
        let subject = self.names().logs(chunk.run, chunk.attempt);
        self.broker()
            .publish(subject, headers, chunk.bytes.clone(), ANSWER_WITHIN)
            .await?;
        Ok(())
    }

    /// Marks the end of an attempt's log, which has `next` bytes of each output.
    ///
    /// # Errors
    /// When the broker is away; the mark may be stored all the same.
    pub async fn end_logs(&self, run: RunId, attempt: u32, next: Offsets) -> Result<(), Error> {
        let mut headers = entry(header::END, next);
        headers.insert(header::MESSAGE_ID, format!("{run}.{attempt}.end").as_str());
        let subject = self.names().logs(run, attempt);
        self.broker()
            .publish(subject, headers, Bytes::new(), ANSWER_WITHIN)
            .await?;
        Ok(())
    }

    /// How far an attempt's log is stored, from its last message.
    ///
    /// # Errors
    /// When the broker is away or that message cannot be read.
    pub async fn shipped(&self, run: RunId, attempt: u32) -> Result<Shipped, Error> {
        let stream = self.names().stream(Stream::Logs);
        let subject = self.names().logs(run, attempt);
        let Some(last) = self.broker().last(&stream, &subject).await? else {
            return Ok(Shipped::default());
        };
        let Offsets {
            stdout,
            stderr,
            system,
        } = offsets(&last.headers)?;
        let ended = header::get(&last.headers, header::OUTPUT) == Some(header::END);
        Ok(Shipped {
            stdout,
            stderr,
            system,
            ended,
        })
    }

    /// Reads an attempt's log from its beginning and follows it.
    #[must_use]
    pub fn logs(&self, run: RunId, attempt: u32) -> LogReader {
        let subject = self.names().logs(run, attempt);
        LogReader {
            reader: self.read_filtered(Stream::Logs, &subject, Start::All),
            run,
            attempt,
            seen: Offsets::default(),
        }
    }
}

fn entry(output: &str, next: Offsets) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::OUTPUT, output);
    headers.insert(header::NEXT_STDOUT, next.stdout.to_string().as_str());
    headers.insert(header::NEXT_STDERR, next.stderr.to_string().as_str());
    headers.insert(header::NEXT_SYSTEM, next.system.to_string().as_str());
    headers
}

fn offsets(headers: &HeaderMap) -> Result<Offsets, DecodeError> {
    Ok(Offsets {
        stdout: header::parse(headers, header::NEXT_STDOUT)?,
        stderr: header::parse(headers, header::NEXT_STDERR)?,
        system: header::parse(headers, header::NEXT_SYSTEM)?,
    })
}

/// Follows the log of one attempt.
#[derive(Debug)]
pub struct LogReader {
    reader: Reader,
    run: RunId,
    attempt: u32,
    seen: Offsets,
}

impl LogReader {
    /// Waits for the next piece, for ever if need be. Each byte comes once, even where a chunk was
    /// stored twice. May be cancelled without losing one.
    ///
    /// # Errors
    /// When LOGS is missing or was created anew.
    pub async fn next(&mut self) -> Result<LogMessage, ReadError> {
        loop {
            let message = self.reader.next().await?;
            if let Some(message) = self.take(message) {
                return Ok(message);
            }
        }
    }

    /// The next piece that is stored by now; `None` at the end of what there is.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn try_next(&mut self) -> Result<Option<LogMessage>, ReadError> {
        loop {
            self.reader.open().await?;
            if self.reader.pending() == Some(0) {
                return Ok(None);
            }
            let message = self.reader.next().await?;
            if let Some(message) = self.take(message) {
                return Ok(Some(message));
            }
        }
    }

    /// Messages that waited behind the last one; `None` before the first contact.
    #[must_use]
    pub fn pending(&self) -> Option<u64> {
        self.reader.pending()
    }

    /// The part of a message that was not handed out before.
    fn take(&mut self, message: Message) -> Option<LogMessage> {
        let output = match message.header(header::OUTPUT) {
            Some(header::END) => return Some(LogMessage::End),
            Some("stdout") => Output::Stdout,
            Some("stderr") => Output::Stderr,
            Some("system") => Output::System,
            _ => return self.skip(&message),
        };
        let Ok(next) = offsets(&message.headers) else {
            return self.skip(&message);
        };
        let fresh = next.of(output).saturating_sub(self.seen.of(output));
        let known = (message.payload.len() as u64).saturating_sub(fresh);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        if known >= message.payload.len() {
            return None;
        }
        self.seen = self.seen.with(output, next.of(output));
        let at = message
            .header(header::AT)
            .and_then(Timestamp::parse)
            .unwrap_or(message.at);
        let bytes = message.payload.slice(known..);
        let (run, attempt) = (self.run, self.attempt);
        Some(LogMessage::Chunk(LogChunk {
            run,
            attempt,
            output,
            next,
            at,
            bytes,
        }))
    }

    fn skip(&self, message: &Message) -> Option<LogMessage> {
        tracing::warn!(run.id = %self.run, stream.seq = message.seq, "a log message makes no sense");
        None
    }
}
