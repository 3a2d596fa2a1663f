//! The whole log, folded and checked.

use std::collections::BTreeMap;

use maestro_domain::{
    Commit, Core, Event, RunId, State, Timestamp,
    digest::DigestKey,
    event::{DeliveryDecided, RunFinished, RunRequested},
};
use maestro_eventlog::{EventLog, Message, Stream};

/// Every commit, in order, on an unbroken chain.
pub(crate) struct History {
    pub(crate) commits: Vec<Commit>,
    /// What they fold to.
    pub(crate) state: State,
}

/// What the log says about one run.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) requested: Option<RunRequested>,
    /// Attempts for which a start was asked.
    pub(crate) dispatched: Vec<u32>,
    /// Attempts that an executor claimed.
    pub(crate) claimed: Vec<u32>,
    /// Attempts that started, and when.
    pub(crate) started: Vec<(u32, Timestamp)>,
    /// Terminal events; a sound log has one.
    pub(crate) finished: Vec<RunFinished>,
}

impl Story {
    /// The one end.
    #[track_caller]
    pub(crate) fn end(&self) -> RunFinished {
        assert_eq!(self.finished.len(), 1, "one terminal state: {self:#?}");
        self.finished[0].clone()
    }
}

impl History {
    /// Reads all commits there are and folds them, which verifies numbers and hash chain.
    pub(crate) async fn read(log: &EventLog) -> Self {
        let mut core = Core::new(State::default(), DigestKey::new([0; 32]));
        let mut commits = Vec::new();
        for message in messages(log, Stream::Events).await {
            let commit = Commit::decode(&message.payload).expect("a commit");
            assert_eq!(commit.n, message.seq, "a commit's number is its sequence");
            core.apply(&commit, &message.payload)
                .expect("an unbroken chain");
            commits.push(commit);
        }
        let state = core.state().clone();
        Self { commits, state }
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.commits.iter().flat_map(Commit::events)
    }

    /// Decisions by delivery id.
    pub(crate) fn decisions(&self) -> BTreeMap<String, Vec<&DeliveryDecided>> {
        let mut decisions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in self.events() {
            if let Event::DeliveryDecided(decided) = event {
                decisions
                    .entry(decided.delivery.to_string())
                    .or_default()
                    .push(&**decided);
            }
        }
        decisions
    }

    /// Runs by id.
    pub(crate) fn runs(&self) -> BTreeMap<RunId, Story> {
        let mut runs: BTreeMap<RunId, Story> = BTreeMap::new();
        for event in self.events() {
            let Some(run) = event.run() else { continue };
            let story = runs.entry(run).or_default();
            match event {
                Event::RunRequested(requested) => story.requested = Some((**requested).clone()),
                Event::RunDispatched { attempt, .. } => story.dispatched.push(*attempt),
                Event::RunClaimed { attempt, .. } => story.claimed.push(*attempt),
                Event::RunStarted {
                    attempt,
                    started_at,
                    ..
                } => {
                    story.started.push((*attempt, *started_at));
                }
                Event::RunFinished(finished) => story.finished.push(finished.clone()),
                _ => {}
            }
        }
        runs
    }

    /// Whether `runs` runs were requested and all of them have ended.
    pub(crate) fn all_ended(&self, runs: usize) -> bool {
        let stories = self.runs();
        stories.len() == runs && stories.values().all(|story| !story.finished.is_empty())
    }

    /// Makes sure that every delivery was decided exactly once and none other.
    #[track_caller]
    pub(crate) fn assert_decided_once<'a>(&self, deliveries: impl IntoIterator<Item = &'a String>) {
        let decisions = self.decisions();
        let mut expected = 0;
        for id in deliveries {
            expected += 1;
            assert_eq!(
                decisions.get(id).map_or(0, Vec::len),
                1,
                "decisions on {id}"
            );
        }
        assert_eq!(
            decisions.len(),
            expected,
            "decisions on deliveries nobody sent"
        );
    }
}

/// Every message of a stream.
pub(crate) async fn messages(log: &EventLog, stream: Stream) -> Vec<Message> {
    let state = log.stream_state(stream).await.unwrap();
    let mut reader = log.read(stream, state.first_seq.max(1));
    let mut messages: Vec<Message> = Vec::new();
    while messages
        .last()
        .map_or(state.first_seq.max(1) - 1, |last| last.seq)
        < state.last_seq
    {
        messages.extend(reader.next_batch(1000).await.unwrap());
    }
    messages
}
