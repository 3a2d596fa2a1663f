//! The steps of a history. Small numbers select among what there is, modulo how much there is.

use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// A webhook is stored: `id` and `subject` come from small sets, so both repeat.
    Deliver {
        id: u8,
        kind: u8,
        subject: u8,
        repository: u8,
    },
    Resize {
        pool: u8,
        size: u8,
    },
    Pause {
        pool: u8,
        paused: bool,
    },
    Cancel {
        run: u8,
    },
    /// A run is repeated under an id from a small set.
    Retry {
        run: u8,
        id: u8,
    },
    SetStack {
        project: u8,
        stack: u8,
    },
    /// A command is sent again under its key.
    Repeat {
        command: u8,
    },
    /// A message of an input stream is gone, or cannot be decoded.
    Gap {
        stream: u8,
        undecodable: bool,
    },
    /// The leader reads the next input of a stream.
    Read {
        stream: u8,
    },
    /// An executor takes a run command; `keep` leaves it in the queue to be delivered again.
    Fetch {
        executor: u8,
        index: u8,
        keep: bool,
    },
    /// A report reaches its stream; `copy` leaves it on the way to arrive again.
    Publish {
        index: u8,
        copy: bool,
    },
    /// A delayed answer arrives.
    Late {
        index: u8,
    },
    /// A live execution ends by itself.
    End {
        index: u8,
        how: u8,
    },
    /// 0: the executor dies, its executions live on. 1: they die with it, their records stay.
    /// 2: so do the records. 3: as 0, and it never starts again.
    Crash {
        executor: u8,
        how: u8,
    },
    /// What gets through: 0 all, 1 nothing, 2 no heartbeats, 3 no answers to heartbeats.
    Link {
        executor: u8,
        how: u8,
    },
    /// An executor takes nothing new.
    Drain {
        executor: u8,
    },
    /// An executor stops in good order.
    Leave {
        executor: u8,
    },
    /// A heartbeat; its answer may be lost.
    Beat {
        executor: u8,
        lost: bool,
    },
    /// What was begun is created.
    Land,
    Up {
        executor: u8,
    },
    /// An executor asks again for everything it has no answer to.
    Resend {
        executor: u8,
    },
    /// A report that no honest executor would send: an old or foreign token, or another's run.
    Forge {
        executor: u8,
        run: u8,
        kind: u8,
        twist: u8,
    },
    /// Time passes and the leader deals with what is due.
    Pass {
        seconds: u32,
    },
    /// The clock jumps; nothing is dealt with yet.
    Jump {
        hours: i16,
    },
    Tick,
    /// While stalled, appends are not acknowledged and nothing leaves the leader.
    Stall(bool),
    /// What happens to the leader's answers and orders: 0 they arrive, 1 they are lost, 2 they
    /// are delayed.
    Answers(u8),
    /// The leader dies; of the commits not yet acknowledged `keep` are stored nevertheless.
    Restart {
        keep: u8,
        snapshot: bool,
    },
    /// Remembers a snapshot.
    Snapshot,
    /// Everything on its way arrives once.
    Flow,
}

fn deliver() -> impl Strategy<Value = Op> {
    (0..14_u8, 0..6_u8, 0..4_u8, 0..3_u8).prop_map(|(id, kind, subject, repository)| Op::Deliver {
        id,
        kind,
        subject,
        repository,
    })
}

fn fetch() -> impl Strategy<Value = Op> {
    (any::<u8>(), any::<u8>(), any::<bool>()).prop_map(|(executor, index, keep)| Op::Fetch {
        executor,
        index,
        keep,
    })
}

fn publish() -> impl Strategy<Value = Op> {
    (any::<u8>(), prop::bool::weighted(0.25)).prop_map(|(index, copy)| Op::Publish { index, copy })
}

fn end() -> impl Strategy<Value = Op> {
    (any::<u8>(), 0..8_u8).prop_map(|(index, how)| Op::End { index, how })
}

fn crash() -> impl Strategy<Value = Op> {
    let how = prop_oneof![4 => 0..3_u8, 1 => Just(3)];
    (any::<u8>(), how).prop_map(|(executor, how)| Op::Crash { executor, how })
}

fn up() -> impl Strategy<Value = Op> {
    any::<u8>().prop_map(|executor| Op::Up { executor })
}

fn resend() -> impl Strategy<Value = Op> {
    any::<u8>().prop_map(|executor| Op::Resend { executor })
}

fn resize() -> impl Strategy<Value = Op> {
    (0..3_u8, 0..4_u8).prop_map(|(pool, size)| Op::Resize { pool, size })
}

fn pause() -> impl Strategy<Value = Op> {
    (0..3_u8, prop::bool::weighted(0.4)).prop_map(|(pool, paused)| Op::Pause { pool, paused })
}

fn retry() -> impl Strategy<Value = Op> {
    (any::<u8>(), 0..6_u8).prop_map(|(run, id)| Op::Retry { run, id })
}

fn link() -> impl Strategy<Value = Op> {
    (any::<u8>(), 0..4_u8).prop_map(|(executor, how)| Op::Link { executor, how })
}

fn go() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => any::<u8>().prop_map(|executor| Op::Leave { executor }),
        1 => any::<u8>().prop_map(|executor| Op::Drain { executor }),
    ]
}

fn beat() -> impl Strategy<Value = Op> {
    (any::<u8>(), any::<bool>()).prop_map(|(executor, lost)| Op::Beat { executor, lost })
}

fn cancel() -> impl Strategy<Value = Op> {
    any::<u8>().prop_map(|run| Op::Cancel { run })
}

fn forge() -> impl Strategy<Value = Op> {
    (any::<u8>(), any::<u8>(), 0..8_u8, 0..4_u8).prop_map(|(executor, run, kind, twist)| {
        Op::Forge {
            executor,
            run,
            kind,
            twist,
        }
    })
}

fn restart() -> impl Strategy<Value = Op> {
    (0..6_u8, any::<bool>()).prop_map(|(keep, snapshot)| Op::Restart { keep, snapshot })
}

fn pass() -> impl Strategy<Value = Op> {
    prop_oneof![1..120_u32, 120..4_000_u32].prop_map(|seconds| Op::Pass { seconds })
}

fn read() -> impl Strategy<Value = Op> {
    (0..3_u8).prop_map(|stream| Op::Read { stream })
}

/// Mostly work that goes well.
pub(crate) fn smooth() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => deliver(),
        6 => Just(Op::Flow),
        3 => end(),
        2 => fetch(),
        2 => publish(),
        2 => read(),
        1 => resize(),
        1 => cancel(),
        1 => pass(),
        1 => restart(),
        1 => forge(),
        1 => crash(),
        1 => go(),
        1 => link(),
        1 => retry(),
        1 => pause(),
        2 => up(),
    ]
}

/// Everything fails all the time.
pub(crate) fn rough() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => deliver(),
        4 => Just(Op::Flow),
        6 => fetch(),
        8 => publish(),
        5 => read(),
        4 => end(),
        3 => crash(),
        5 => up(),
        4 => resend(),
        4 => link(),
        2 => go(),
        4 => beat(),
        2 => Just(Op::Land),
        1 => retry(),
        1 => pause(),
        3 => any::<u8>().prop_map(|index| Op::Late { index }),
        2 => resize(),
        3 => cancel(),
        4 => forge(),
        3 => restart(),
        5 => pass(),
        1 => (-1_000..1_000_i16).prop_map(|hours| Op::Jump { hours }),
        2 => Just(Op::Tick),
        2 => any::<bool>().prop_map(Op::Stall),
        2 => (0..3_u8).prop_map(Op::Answers),
        1 => Just(Op::Snapshot),
        1 => (0..2_u8, 0..4_u8).prop_map(|(project, stack)| Op::SetStack { project, stack }),
        1 => any::<u8>().prop_map(|command| Op::Repeat { command }),
        1 => (0..3_u8, any::<bool>())
            .prop_map(|(stream, undecodable)| Op::Gap { stream, undecodable }),
    ]
}

/// Many runs, few slots, pools that change their size while they are full.
pub(crate) fn contended() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => deliver(),
        5 => Just(Op::Flow),
        5 => resize(),
        4 => end(),
        3 => cancel(),
        2 => crash(),
        1 => link(),
        2 => retry(),
        2 => pause(),
        3 => up(),
        2 => pass(),
        1 => restart(),
        1 => Just(Op::Snapshot),
        1 => any::<bool>().prop_map(Op::Stall),
        1 => (0..2_u8, 0..4_u8).prop_map(|(project, stack)| Op::SetStack { project, stack }),
    ]
}

/// Runs that are all under way, and executors that come and go.
pub(crate) fn failing_over() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => deliver(),
        6 => Just(Op::Flow),
        4 => link(),
        4 => crash(),
        4 => up(),
        3 => go(),
        6 => pass(),
        3 => beat(),
        2 => end(),
        2 => cancel(),
        2 => publish(),
        2 => read(),
        2 => (0..3_u8).prop_map(Op::Answers),
        2 => any::<u8>().prop_map(|index| Op::Late { index }),
        1 => fetch(),
        1 => Just(Op::Land),
        1 => resend(),
        1 => restart(),
        1 => any::<bool>().prop_map(Op::Stall),
        1 => (-1_000..1_000_i16).prop_map(|hours| Op::Jump { hours }),
        1 => forge(),
    ]
}
