//! An API server that fails, forgets and hangs up.

use std::collections::BTreeMap;

use maestro_testkit::kubernetes::Faults;

use super::*;

const FAULTS: Faults = Faults {
    seed: 11,
    errors: 0.05,
    dropped: 0.03,
    lost_answers: 0.03,
    slow: 0.05,
    watch_disconnects: 0.3,
    gone: 0.05,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_ends_once_and_truly() {
    let bench = Bench::new().await;
    bench.shell("true").await;
    bench.fake.set_faults(Some(FAULTS));
    let runs = (0..40).map(|number| {
        let bench = &bench;
        async move {
            let code = number % 3;
            let script = format!("echo out {number}; exit {code}");
            let execution = bench.shell(&script).await;
            let (text, _) = bench.output(execution).await;
            assert_eq!(text, format!("out {number}\n"));
            assert_eq!(bench.end(execution).await.0, End::Exited { code });
            bench
                .backend
                .collect(execution, clock::now())
                .await
                .unwrap();
            bench.backend.cluster.settings.names.job(execution.run, 1)
        }
    });
    let jobs = futures::future::join_all(runs).await;
    for job in jobs {
        assert_eq!(bench.fake.starts("maestro-runs", &job), 1, "{job}");
    }
    bench.fake.set_faults(None);
    let ends: BTreeMap<_, _> = bench
        .fake
        .objects("jobs")
        .iter()
        .map(|job| {
            (
                job["metadata"]["name"].to_string(),
                job["spec"]["ttlSecondsAfterFinished"].clone(),
            )
        })
        .collect();
    assert_eq!(ends.len(), 41);
    assert_eq!(ends.values().filter(|ttl| **ttl == 3600).count(), 40);
}

#[tokio::test]
async fn a_history_that_is_gone_is_read_anew() {
    let bench = Bench::new().await;
    let execution = bench
        .shell("while ! [ -e $HOME/go ]; do sleep 0.05; done")
        .await;
    bench.running(execution).await;
    bench.fake.set_faults(Some(Faults {
        watch_disconnects: 1.0,
        gone: 0.5,
        ..FAULTS
    }));
    bench.fake.compact();
    bench.backend.cancel(execution).await.unwrap();
    bench.fake.compact();
    assert_eq!(bench.end(execution).await.0, End::Canceled);
}
