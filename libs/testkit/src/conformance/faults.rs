//! An API that answers with errors.

use std::env;

use super::{
    Ended, Laboratory, Work,
    work::{gate, once, open},
};
use crate::kubernetes::Faults;

/// How many runs [`api_errors`] starts, unless this variable says otherwise.
const RUNS: usize = 40;
const RUNS_VARIABLE: &str = "MAESTRO_CONFORMANCE_RUNS";

/// Errors, dropped connections, lost answers, cut watches and forgotten history: every run ends as
/// it should, executed once.
pub(super) async fn api_errors<L: Laboratory>(lab: &L) {
    let cluster = lab.cluster().expect("needed");
    let executor = lab.executor().await;
    cluster.set_faults(Some(Faults {
        seed: 20,
        errors: 0.05,
        dropped: 0.01,
        lost_answers: 0.02,
        slow: 0.02,
        watch_disconnects: 0.2,
        gone: 0.05,
    }));
    let count = env::var(RUNS_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(RUNS);
    let mut runs = Vec::new();
    for number in 0..count {
        let code = i32::try_from(number % 5).expect("small");
        let work = Work::script(lab, &format!("echo {number}; exit {code}"));
        let id = work.id.clone();
        runs.push((number, code, id, lab.submit(work).await));
    }
    for (number, code, id, run) in runs {
        assert_eq!(lab.ended(&run).await, Ended::Exited(code), "run {number}");
        let ends = lab.ends(&run);
        assert!(
            ends.iter().all(|end| *end == Ended::Exited(code)),
            "{ends:?}"
        );
        assert_eq!(
            lab.output(&run).await.stdout,
            format!("{number}\n").into_bytes()
        );
        once(lab, &id);
    }
    cluster.set_faults(None);
    lab.stop(executor).await;
}

/// The API forgets its history while something runs: watches start over and miss nothing.
pub(super) async fn history_compacted<L: Laboratory>(lab: &L) {
    let cluster = lab.cluster().expect("needed");
    let executor = lab.executor().await;
    let work = Work::script(lab, &format!("echo begun; {}; exit 4", gate(lab)));
    let id = work.id.clone();
    let run = lab.submit(work).await;
    lab.started(&run).await;
    cluster.compact();
    open(lab, &[id]);
    assert_eq!(lab.ended(&run).await, Ended::Exited(4));
    lab.stop(executor).await;
}
