//! A consumer that is made again whenever it is lost.

use futures::future::BoxFuture;

pub(crate) use super::open::FeedError;
use super::{
    Start,
    open::{Consumer, Opened, Spec, open},
    session::{Item, Session},
};
use crate::broker::Broker;

/// Messages of one stream, each handed out once and in order (a queue redelivers).
pub(crate) struct Feed {
    broker: Broker,
    spec: Spec,
    start: Start,
    incarnation: Option<String>,
    failures: u32,
    state: State,
}

enum State {
    Closed,
    /// Kept here so that a cancelled caller does not start over.
    Opening(BoxFuture<'static, Result<Opened, FeedError>>),
    Open(Box<Session>),
}

impl Feed {
    pub(crate) fn new(broker: Broker, spec: Spec, start: Start) -> Self {
        Self {
            broker,
            spec,
            start,
            incarnation: None,
            failures: 0,
            state: State::Closed,
        }
    }

    /// Waits for the next message. May be cancelled without losing one.
    pub(crate) async fn next(&mut self) -> Result<Item, FeedError> {
        loop {
            match self.session().await?.next().await {
                Ok(item) => return Ok(self.hand_out(item)),
                Err(_) => self.close(),
            }
        }
    }

    /// The stream's name on the broker.
    pub(crate) fn stream(&self) -> &str {
        &self.spec.stream
    }

    /// A message that is already here.
    pub(crate) fn ready(&mut self) -> Option<Item> {
        let State::Open(session) = &mut self.state else {
            return None;
        };
        match session.ready() {
            Ok(item) => item.map(|item| self.hand_out(item)),
            Err(_) => {
                self.close();
                None
            }
        }
    }

    /// Waits until the broker has a consumer for this feed.
    pub(crate) async fn open(&mut self) -> Result<(), FeedError> {
        self.session().await.map(|_| ())
    }

    /// Messages that wait on the broker behind the last one, as far as is known.
    pub(crate) const fn pending(&self) -> Option<u64> {
        match &self.state {
            State::Open(session) => Some(session.pending),
            _ => None,
        }
    }

    fn hand_out(&mut self, item: Item) -> Item {
        if self.ordered() {
            self.start = Start::Seq(item.seq + 1);
        }
        item
    }

    const fn ordered(&self) -> bool {
        matches!(self.spec.consumer, Consumer::Ordered { .. })
    }

    fn close(&mut self) {
        if let State::Open(session) = &self.state {
            self.failures = if session.heard {
                0
            } else {
                self.failures.saturating_add(1)
            };
        }
        self.state = State::Closed;
    }

    async fn session(&mut self) -> Result<&mut Session, FeedError> {
        if matches!(self.state, State::Closed) {
            self.state = State::Opening(Box::pin(open(
                self.broker.clone(),
                self.spec.clone(),
                self.start,
                self.incarnation.clone(),
                self.failures,
            )));
        }
        if let State::Opening(opening) = &mut self.state {
            match opening.await {
                Ok(opened) => {
                    if self.ordered() {
                        self.incarnation = Some(opened.incarnation);
                        self.start = opened.start;
                    }
                    self.state = State::Open(Box::new(opened.session));
                }
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    self.state = State::Closed;
                    return Err(error);
                }
            }
        }
        match &mut self.state {
            State::Open(session) => Ok(session),
            State::Closed | State::Opening(_) => unreachable!("the session was just opened"),
        }
    }
}
