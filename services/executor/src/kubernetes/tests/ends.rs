//! Every way to end, as the cluster tells it.

use super::*;

#[tokio::test]
async fn success_with_all_it_needs() {
    let bench = Bench::new().await;
    let script = "cat $MAESTRO_PROMPT_FILE; echo; echo $MAESTRO_ATTEMPT $MAESTRO_PROJECT $PLAIN; echo $API_TOKEN; pwd > $MAESTRO_RESULT_FILE";
    let task = task(|spec| {
        spec.command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        spec.env
            .insert("PLAIN".to_owned(), "a $(HOME) b".to_owned());
    });
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    assert_eq!(bench.end(execution).await.0, End::Exited { code: 0 });
    let (text, notes) = bench.output(execution).await;
    assert_eq!(text, "Do it.\n1 shop a $(HOME) b\n***\n");
    assert_eq!(notes, "");
}

#[tokio::test]
async fn an_exit_code() {
    let bench = Bench::new().await;
    let execution = bench.shell("exit 7").await;
    assert_eq!(bench.end(execution).await.0, End::Exited { code: 7 });
}

#[tokio::test]
async fn a_timeout() {
    let bench = Bench::new().await;
    let mut task = shell("exec sleep 1000");
    task.spec.timeout_s = 1;
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    assert_eq!(bench.end(execution).await.0, End::DeadlineExceeded);
}

#[tokio::test]
async fn a_cancel_asks_first() {
    let bench = Bench::new().await;
    let script = "trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.05; done";
    let execution = bench.shell(script).await;
    bench.running(execution).await;
    let (mut tail, _) = bench.backend.logs(execution, 0).await.unwrap();
    let first = tokio::time::timeout(SOON, tail.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.unwrap().bytes, "up\n");
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(bench.end(execution).await.0, End::Canceled);
    assert_eq!(read(tail).await.0, "asked\n");
    assert_eq!(bench.fake.live(), 0);
}

#[tokio::test]
async fn a_cancel_before_the_start() {
    let bench = Bench::new().await;
    bench.fake.pause_scheduler(true);
    let execution = bench.shell("echo never").await;
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(bench.end(execution).await.0, End::Canceled);
    bench.fake.pause_scheduler(false);
    assert_eq!(bench.fake.most_live(), 0);
}

#[tokio::test]
async fn what_the_cluster_does_to_a_pod() {
    type Act = fn(&Fake, &str) -> bool;
    let acts: [(Act, End); 5] = [
        (Fake::oom_kill, End::OomKilled),
        (Fake::evict, End::Evicted),
        (Fake::preempt, End::Preempted),
        (Fake::drain, End::Evicted),
        (Fake::delete, End::Lost),
    ];
    for (act, expected) in acts {
        let bench = Bench::new().await;
        let execution = bench.shell("exec sleep 1000").await;
        bench.running(execution).await;
        assert!(act(&bench.fake, &bench.only("pods")), "{expected:?}");
        let (end, detail) = bench.end(execution).await;
        assert_eq!(end, expected);
        assert!(end == End::OomKilled || detail.is_some(), "{end:?}");
        let job = bench.only("jobs");
        let name = job.rsplit('/').next().unwrap();
        assert_eq!(bench.fake.starts("maestro-runs", name), 1);
    }
}

#[tokio::test]
async fn a_node_that_is_removed() {
    let bench = Bench::new().await;
    let execution = bench.shell("exec sleep 1000").await;
    bench.running(execution).await;
    let pod = &bench.fake.objects("pods")[0];
    let node = pod["spec"]["nodeName"].as_str().unwrap().to_owned();
    bench.fake.lose_node(&node);
    bench.fake.remove_node(&node);
    assert_eq!(bench.end(execution).await.0, End::NodeLost);
}

#[tokio::test]
async fn an_image_that_is_not_there() {
    let bench = Bench::with(Options::default(), |settings| {
        settings.config.image_pull_after_s = 1
    })
    .await;
    bench.fake.break_image("agent");
    let execution = bench.shell("echo never").await;
    let (end, detail) = bench.end(execution).await;
    assert_eq!(end, End::ImagePull);
    assert!(detail.unwrap().contains("agent"));
}

#[tokio::test]
async fn no_node_takes_it() {
    let change = |settings: &mut Settings| settings.config.unschedulable_after_s = 1;
    let bench = Bench::with(Options::default(), change).await;
    let mut task = shell("echo never");
    let requests = &mut task.spec.placement.resources.requests;
    requests.insert("cpu".to_owned(), "5000".to_owned());
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    let (end, detail) = bench.end(execution).await;
    assert_eq!(end, End::Unschedulable);
    assert!(detail.unwrap().contains("Insufficient cpu"));
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    let bench = Bench::new().await;
    let task = task(|spec| spec.command = vec!["/nowhere/agent".to_owned()]);
    let execution = bench
        .backend
        .ensure(&task, &|| true)
        .await
        .unwrap()
        .execution;
    assert_eq!(bench.end(execution).await.0, End::LaunchRejected);
}

#[tokio::test]
async fn a_pod_that_admission_refuses() {
    let bench = Bench::with(Options::default(), |settings| {
        settings.config.launch_after_s = 1
    })
    .await;
    bench.fake.deny_creation("pods", Some("no pods on Fridays"));
    let execution = bench.shell("echo never").await;
    let (end, detail) = bench.end(execution).await;
    assert_eq!(end, End::LaunchRejected);
    assert!(detail.unwrap().contains("no pods on Fridays"));
}

#[tokio::test]
async fn a_job_deleted_by_hand() {
    let bench = Bench::new().await;
    let execution = bench.shell("exec sleep 1000").await;
    bench.running(execution).await;
    assert!(bench.fake.delete(&bench.only("jobs")));
    assert_eq!(bench.end(execution).await.0, End::Lost);
    assert_eq!(bench.fake.live(), 0);
}
