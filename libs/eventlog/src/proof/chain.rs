//! Folds the hash chain of one copy.

use maestro_domain::Digest;
use serde::Serialize;

use super::{
    finding::{Copy, Finding},
    link::Link,
};

/// The chain of one copy, from commit 1 on.
///
/// Where a commit does not name the one before, one of the two was changed: the one behind tells
/// which, because it names the second as it was written.
#[derive(Debug)]
pub struct Chain {
    copy: Copy,
    findings: Vec<Finding>,
    before: Before,
    /// A commit that does not name the one before, and that one.
    doubt: Option<Doubt>,
    commits: u64,
    head: Option<(u64, Digest)>,
}

/// What is known of the commit before.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// There is none.
    Start,
    Known {
        hash: Digest,
        /// Whether it was found to be another than was written, or is known to be good.
        standing: Standing,
    },
    /// It is missing or not a commit.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Unproven,
    Signed,
    Blamed,
}

#[derive(Debug, Clone, Copy)]
struct Doubt {
    first: (u64, Digest),
    named: Digest,
    second: (u64, Digest),
}

/// What became of one copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// Commits found.
    pub commits: u64,
    /// Sequence of the last one found; 0 when there is none.
    pub last: u64,
    /// SHA-256 of the last one found.
    pub head: Digest,
    /// Whether nothing is wrong with it, from commit 1 to its end.
    pub whole: bool,
}

impl Chain {
    /// An empty chain.
    #[must_use]
    pub const fn new(copy: Copy) -> Self {
        Self {
            copy,
            findings: Vec::new(),
            before: Before::Start,
            doubt: None,
            commits: 0,
            head: None,
        }
    }

    /// A chain of which the part before `start` is not looked at.
    #[must_use]
    pub fn starting_at(copy: Copy, start: u64) -> Self {
        let mut chain = Self::new(copy);
        if start > 1 {
            chain.before = Before::Unknown;
        }
        chain
    }

    /// Takes in what the copy holds at `seq`; called for every sequence from 1 on. `signed` is what
    /// a checkpoint says about that commit.
    pub fn step(&mut self, seq: u64, link: Option<&Link>, signed: Option<Digest>) {
        let Some(link) = link else {
            self.settle(None);
            self.missing(seq);
            self.before = Before::Unknown;
            return;
        };
        self.commits += 1;
        self.head = Some((seq, link.hash));
        let Some(head) = link.head else {
            self.settle(None);
            let copy = self.copy;
            self.findings.push(Finding::Malformed { copy, seq });
            self.before = Before::Unknown;
            return;
        };
        if head.n != seq {
            let (copy, n) = (self.copy, head.n);
            self.findings.push(Finding::Number { copy, seq, n });
        }
        if !link.own_subject {
            let copy = self.copy;
            self.findings.push(Finding::Subject { copy, seq });
        }
        let blamed = self.settle(Some(head.prev));
        let standing = match self.judge(seq, link, signed) {
            _ if head.n != seq => Standing::Blamed,
            standing => standing,
        };
        if !blamed {
            self.compare(seq, link, head.prev, standing);
        }
        self.before = Before::Known {
            hash: link.hash,
            standing,
        };
    }

    /// The findings in the order of their sequences, and a summary.
    #[must_use]
    pub fn finish(mut self) -> (CopyReport, Vec<Finding>) {
        self.settle(None);
        self.findings.sort_by_key(Finding::seq);
        let (last, head) = self.head.unwrap_or_default();
        let report = CopyReport {
            commits: self.commits,
            last,
            head,
            whole: self.findings.is_empty(),
        };
        (report, self.findings)
    }

    /// The number of findings so far.
    #[must_use]
    pub fn found(&self) -> usize {
        self.findings.len() + usize::from(self.doubt.is_some())
    }

    /// What the hash beside a commit and a checkpoint say about it.
    fn judge(&mut self, seq: u64, link: &Link, signed: Option<Digest>) -> Standing {
        let copy = self.copy;
        let found = link.hash;
        if let Some(written) = link.recorded.filter(|recorded| *recorded != found) {
            self.blame((seq, found), Some(written));
            return Standing::Blamed;
        }
        match signed {
            Some(signed) if signed == found => Standing::Signed,
            Some(signed) => {
                self.findings.push(Finding::Checkpoint {
                    copy,
                    seq,
                    found,
                    signed,
                });
                Standing::Blamed
            }
            None => Standing::Unproven,
        }
    }

    fn compare(&mut self, seq: u64, link: &Link, named: Digest, standing: Standing) {
        match self.before {
            Before::Start if named != Digest::ZERO && standing != Standing::Blamed => {
                self.blame((seq, link.hash), None);
            }
            Before::Known {
                hash,
                standing: before,
            } if hash != named => match (before, standing) {
                (Standing::Blamed, _) | (_, Standing::Blamed) => {}
                (Standing::Signed, _) => self.blame((seq, link.hash), None),
                (_, Standing::Signed) => self.blame((seq - 1, hash), Some(named)),
                (Standing::Unproven, Standing::Unproven) => {
                    self.doubt = Some(Doubt {
                        first: (seq - 1, hash),
                        named,
                        second: (seq, link.hash),
                    });
                }
            },
            _ => {}
        }
    }

    /// Decides a doubt by what the commit behind names; says whether the second one is to blame.
    fn settle(&mut self, named: Option<Digest>) -> bool {
        let Some(doubt) = self.doubt.take() else {
            return false;
        };
        let second = named.is_some_and(|named| named != doubt.second.1);
        if second {
            self.blame(doubt.second, named);
        } else {
            self.blame(doubt.first, Some(doubt.named));
        }
        second
    }

    fn blame(&mut self, (seq, found): (u64, Digest), written: Option<Digest>) {
        let copy = self.copy;
        self.findings.push(Finding::Changed {
            copy,
            seq,
            found,
            written,
        });
    }

    fn missing(&mut self, seq: u64) {
        match self.findings.last_mut() {
            Some(Finding::Missing { to, .. }) if *to + 1 == seq => *to = seq,
            _ => self.findings.push(Finding::Missing {
                copy: self.copy,
                from: seq,
                to: seq,
            }),
        }
    }
}
