//! The output of an attempt's pod, followed by the log API.

mod checkpoint;
mod containers;
mod lines;
mod stream;

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use maestro_domain::report::Execution;
use tokio::{sync::watch, time};

use self::{
    checkpoint::Checkpoint,
    containers::{Output as State, in_order, output},
    lines::Lines,
    stream::Stream,
};
use super::{
    calls::{self, CallError},
    cluster::Cluster,
    judgement::{Facts, is_terminal},
    names,
};
use crate::{
    backend::{Channel, Logs, Observation, Output},
    backoff::Backoff,
    logs::masking::Masker,
};

/// Longest piece of what stands for output that is in LOGS already.
const FILLER: usize = 64 * 1024;
/// How long output of an attempt that has ended is tried to be read.
const TRIED_AFTER_END: Duration = Duration::from_secs(30);
/// A stream of a container that has ended is given up after so long without output, one of a
/// container that runs after [`QUIET`]: the connection may be dead.
const QUIET_AFTER_END: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(300);

/// The output of one attempt, masked already.
pub(crate) struct Tail {
    cluster: Arc<Cluster>,
    execution: Execution,
    facts: watch::Receiver<Facts>,
    seen: watch::Receiver<Observation>,
    masker: Masker,
    ready: VecDeque<Output>,
    /// Bytes of output handed out.
    given: u64,
    /// Bytes of output in LOGS when this was opened.
    shipped: u64,
    /// Index of the container that is read.
    container: usize,
    lines: Lines,
    /// Its header was handed out.
    announced: bool,
    stream: Option<Stream>,
    /// The last stream came to its end by itself.
    clean: bool,
    kept_at: u64,
    pauses: Backoff,
    finished: bool,
    unwanted: bool,
    ended_at: Option<time::Instant>,
}

/// What a tail needs.
pub(crate) struct Source {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) execution: Execution,
    pub(crate) seen: watch::Receiver<Observation>,
    pub(crate) secrets: Vec<String>,
    /// Bytes of output in LOGS.
    pub(crate) shipped: u64,
}

impl Tail {
    pub(crate) fn open(source: Source) -> Self {
        let key = (source.execution.run, source.execution.attempt);
        let facts = source.cluster.store.follow(key);
        let job = facts.borrow().job.clone();
        let checkpoint = job
            .as_ref()
            .and_then(|job| names::annotation(&job.metadata, names::SHIPPED))
            .and_then(Checkpoint::parse)
            .filter(|checkpoint| checkpoint.bytes <= source.shipped);
        let mut tail = Self {
            cluster: source.cluster,
            execution: source.execution,
            facts,
            seen: source.seen,
            masker: Masker::new(&source.secrets),
            ready: VecDeque::new(),
            given: 0,
            shipped: source.shipped,
            container: checkpoint.map_or(0, |checkpoint| checkpoint.container),
            lines: Lines::new(checkpoint.map(|checkpoint| checkpoint.position)),
            announced: checkpoint.is_some(),
            stream: None,
            clean: false,
            kept_at: checkpoint.map_or(0, |checkpoint| checkpoint.bytes),
            pauses: calls::pauses(),
            finished: false,
            unwanted: false,
            ended_at: None,
        };
        if let Some(checkpoint) = checkpoint {
            tail.fill(checkpoint.bytes);
        }
        tail
    }

    /// Stands for output up to `offset` that is in LOGS already: it is skipped there.
    fn fill(&mut self, offset: u64) {
        let zeros = Bytes::from_static(&[0; FILLER]);
        while self.given < offset {
            let left = usize::try_from(offset - self.given).unwrap_or(FILLER);
            let bytes = zeros.slice(..left.min(FILLER));
            self.hand_out(Channel::Stdout, bytes);
        }
    }

    fn hand_out(&mut self, channel: Channel, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if channel == Channel::Stdout {
            self.given += bytes.len() as u64;
        }
        self.ready.push_back(Output { channel, bytes });
    }

    fn note(&mut self, text: &str) {
        self.hand_out(Channel::System, Bytes::from(format!("{text}\n")));
    }

    fn show(&mut self, text: &[u8]) {
        let mut masked = Vec::with_capacity(text.len());
        self.masker.push(text, &mut masked);
        self.hand_out(Channel::Stdout, Bytes::from(masked));
    }

    /// Takes bytes of the stream.
    fn take(&mut self, bytes: &[u8]) {
        let mut text = Vec::with_capacity(bytes.len());
        self.lines.push(bytes, &mut text);
        if let Some(said) = self.lines.complaint.take() {
            self.note(&format!("the kubelet says: {said}"));
        }
        if std::mem::take(&mut self.lines.gap) {
            self.fill(self.shipped);
            self.note("the log was rotated here: output may be missing or repeated");
        }
        self.show(&text);
    }

    /// No more comes of this container.
    fn next_container(&mut self) {
        self.container += 1;
        self.lines = Lines::new(None);
        self.announced = false;
        self.clean = false;
        self.stream = None;
    }

    fn finish(&mut self) {
        let mut rest = Vec::new();
        self.masker.finish(&mut rest);
        self.hand_out(Channel::Stdout, Bytes::from(rest));
        self.finished = true;
    }

    /// One step towards the next piece.
    async fn step(&mut self) {
        self.keep_place().await;
        let Some(stream) = &mut self.stream else {
            return self.open_next().await;
        };
        let ended = self.seen.borrow().has_ended();
        let over = ended || stream.container_is_over(&self.facts.borrow());
        let patience = if over { QUIET_AFTER_END } else { QUIET };
        let event = tokio::select! {
            read = stream.read() => Event::Read(read),
            () = time::sleep(patience) => Event::Quiet,
            changed = self.facts.changed(), if !over => Event::Changed(changed.is_ok()),
        };
        self.react(event).await;
    }

    async fn react(&mut self, event: Event) {
        let complete = self.stream.as_ref().is_some_and(|stream| stream.complete);
        match event {
            Event::Read(Ok(bytes)) if !bytes.is_empty() => {
                self.pauses = calls::pauses();
                self.take(&bytes);
            }
            // What was complete when the stream was opened was read as a whole.
            Event::Read(Ok(_)) if complete => self.next_container(),
            Event::Read(Ok(_)) => {
                self.clean = true;
                self.stream = None;
                self.pause().await;
            }
            Event::Read(Err(error)) => {
                tracing::debug!(run.id = %self.execution.run, %error, "the log is opened again");
                self.clean = false;
                self.stream = None;
                self.pause().await;
            }
            Event::Quiet if complete => self.lost("the log API does not answer"),
            Event::Quiet => self.stream = None,
            Event::Changed(true) => {}
            Event::Changed(false) => std::future::pending().await,
        }
    }

    /// Opens the log of the container whose turn it is, once there is one.
    async fn open_next(&mut self) {
        let ended = self.seen.borrow_and_update().has_ended();
        let facts = self.facts.borrow_and_update().clone();
        let Some(seen) = facts.first_pod() else {
            return if ended {
                self.finish()
            } else {
                self.wait().await
            };
        };
        let names = in_order(&seen.pod);
        let Some(name) = names.get(self.container) else {
            return self.finish();
        };
        let over = ended || seen.gone || is_terminal(&seen.pod);
        let state = output(&seen.pod, name);
        if state == State::None {
            return if over {
                self.next_container()
            } else {
                self.wait().await
            };
        }
        if names.len() > 1 && !self.announced {
            self.show(format!("=== container {name} ===\n").as_bytes());
        }
        self.announced = true;
        let complete = over || state == State::Complete;
        let since = self.lines.position().and_then(|position| position.since());
        match stream::open(&self.cluster, &seen.pod, name, complete, since).await {
            Ok(stream) => {
                self.lines.reopened();
                self.stream = Some(stream);
            }
            Err(error) => {
                self.clean &= state == State::Complete;
                self.not_opened(error, complete, ended).await;
            }
        }
    }

    async fn not_opened(&mut self, error: CallError, complete: bool, ended: bool) {
        let now = time::Instant::now();
        let tried_since = self.ended_at.filter(|_| ended).unwrap_or(now);
        self.ended_at = ended.then_some(tried_since);
        let given_up = now - tried_since >= TRIED_AFTER_END;
        match error {
            // All of a container that is known to have ended was read; its pod is gone since.
            CallError::NotFound(_) if self.clean => self.next_container(),
            CallError::NotFound(_) => self.lost("its pod is gone"),
            CallError::Refused(said) if complete => self.lost(&said),
            other if given_up => self.lost(&other.to_string()),
            other => {
                tracing::debug!(run.id = %self.execution.run, error = %other, "the log cannot be opened yet");
                self.pause().await;
            }
        }
    }

    fn lost(&mut self, why: &str) {
        self.note(&format!("the rest of the output is lost: {why}"));
        self.next_container();
    }

    /// Waits for news of the attempt.
    async fn wait(&mut self) {
        let changed = tokio::select! {
            changed = self.facts.changed() => changed,
            changed = self.seen.changed() => changed,
        };
        if changed.is_err() && !self.seen.borrow().has_ended() {
            // Nobody follows the attempt any more: its end is not for this executor.
            std::future::pending::<()>().await;
        }
    }

    async fn pause(&mut self) {
        self.pauses.wait_jittered().await;
    }

    /// Everything handed out before is stored when this is called.
    async fn keep_place(&mut self) {
        let due = self.given >= self.kept_at + checkpoint::EVERY;
        let Some(position) = self.lines.position() else {
            return;
        };
        if !due || !self.lines.at_line_end || !self.masker.is_idle() {
            return;
        }
        self.kept_at = self.given;
        let checkpoint = Checkpoint {
            bytes: self.given,
            container: self.container,
            position,
        };
        if let Err(error) = self
            .cluster
            .annotate(self.execution, &checkpoint.patch())
            .await
        {
            tracing::debug!(%error, "how far output was shipped is noted later");
        }
    }
}

/// What happened to a stream.
enum Event {
    Read(io::Result<Bytes>),
    Quiet,
    Changed(bool),
}

impl Logs for Tail {
    async fn next(&mut self) -> io::Result<Option<Output>> {
        loop {
            if self.unwanted || (self.finished && self.ready.is_empty()) {
                if self.seen.wait_for(Observation::has_ended).await.is_err() {
                    std::future::pending::<()>().await;
                }
                return Ok(None);
            }
            if let Some(output) = self.ready.pop_front() {
                return Ok(Some(output));
            }
            self.step().await;
        }
    }

    fn discard(&mut self) {
        self.unwanted = true;
        self.stream = None;
    }
}
