//! Ending attempts, and what they leave behind.

use super::*;

#[tokio::test]
async fn cancel_is_honoured() {
    let bench = Bench::new();
    let script = "trap 'echo bye; exit 0' TERM; echo > ready; while :; do sleep 0.05; done";
    let execution = bench.shell(script).await;
    bench.file(execution, "ready").await;
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(bench.end(execution).await, End::Canceled);
    assert_eq!(bench.stdout(execution), "bye\n");
}

#[tokio::test]
async fn a_cancel_that_is_ignored_kills() {
    let bench = Bench::impatient();
    let script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done";
    let execution = bench.shell(script).await;
    let pid = bench.pid(execution, "pid").await;
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(bench.end(execution).await, End::Canceled);
    assert!(!alive(pid));
}

#[tokio::test]
async fn the_group_has_the_same_grace_as_its_leader() {
    let bench = Bench::new();
    let script = "
        sh -c 'trap \"sleep 0.3; echo tidy > ../stdout; exit\" TERM; echo > ready; while :; do sleep 0.05; done' &
        wait";
    let execution = bench.shell(script).await;
    bench.file(execution, "ready").await;
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(bench.end(execution).await, End::Canceled);
    assert_eq!(bench.stdout(execution), "tidy\n");
}

#[tokio::test]
async fn a_cancel_before_the_shim_is_up_starts_nothing() {
    let bench = Bench::new();
    let task = shell("echo ran");
    let execution = task.start.execution;
    let folder = bench.folder(execution);
    super::super::start::prepare(&folder, &task, &bench.backend.settings).unwrap();
    bench.backend.cancel(execution).await.unwrap();
    assert_eq!(ends::run_shim(&folder), Some(0));
    assert_eq!(bench.end_of(task).await, End::Canceled);
    assert_eq!(bench.stdout(execution), "");
}

#[tokio::test]
async fn cancel_races_the_start() {
    let bench = Bench::new();
    for _ in 0..20 {
        let execution = bench.shell("exec sleep 1000").await;
        bench.backend.cancel(execution).await.unwrap();
        assert_eq!(bench.end(execution).await, End::Canceled);
    }
}

#[tokio::test]
async fn grandchildren_are_killed_however_they_hide() {
    let bench = Bench::new();
    let script = "
        sleep 1000 & echo $! > same-group
        setsid sh -c 'echo $$ > own-session; exec sleep 1000' &
        (setsid sh -c 'trap \"\" TERM; sleep 1000 & echo $! > daemon; wait' &)
        while ! [ -s own-session ] || ! [ -s daemon ]; do sleep 0.02; done
        exit 4";
    let execution = bench.shell(script).await;
    assert_eq!(bench.end(execution).await, End::Exited { code: 4 });
    for name in ["same-group", "own-session", "daemon"] {
        assert!(!alive(bench.pid(execution, name).await), "{name}");
    }
}

#[tokio::test]
async fn a_killed_shim_is_lost_and_takes_everything_with_it() {
    let bench = Bench::new();
    let script = "
        (set -m; sleep 1000 & echo $! > own-group)
        sleep 1000 & echo $! > same-group
        echo $$ > leader; wait";
    let execution = bench.shell(script).await;
    let mut pids = Vec::new();
    for name in ["leader", "own-group", "same-group"] {
        pids.push(bench.pid(execution, name).await);
    }
    kill(shim_of(&bench, execution));
    assert_eq!(bench.end(execution).await, End::Lost);
    for pid in pids {
        assert!(!alive(pid));
    }
}

#[tokio::test]
async fn a_killed_shim_and_child_are_lost() {
    let bench = Bench::new();
    let execution = bench.shell("echo $$ > pid; exec sleep 1000").await;
    let pid = bench.pid(execution, "pid").await;
    kill(shim_of(&bench, execution));
    kill(pid);
    assert_eq!(bench.end(execution).await, End::Lost);
}

#[tokio::test]
async fn a_term_that_is_no_cancel_is_a_loss() {
    let bench = Bench::new();
    let execution = bench.shell("echo $$ > pid; exec sleep 1000").await;
    bench.pid(execution, "pid").await;
    let shim = nix::unistd::Pid::from_raw(shim_of(&bench, execution));
    nix::sys::signal::kill(shim, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(bench.end(execution).await, End::Lost);
}

#[tokio::test]
async fn a_shim_that_comes_late_starts_nothing() {
    let bench = Bench::new();
    let task = shell("echo ran");
    let execution = task.start.execution;
    let folder = bench.folder(execution);
    super::super::start::prepare(&folder, &task, &bench.backend.settings).unwrap();
    assert_eq!(bench.end_of(task).await, End::Lost);
    assert_eq!(ends::run_shim(&folder), Some(0));
    assert_eq!(bench.stdout(execution), "");
}

#[tokio::test]
async fn a_number_that_belongs_to_another_process_is_left_alone() {
    let bench = Bench::new();
    let task = shell("exit 0");
    let folder = bench.folder(task.start.execution);
    super::super::start::prepare(&folder, &task, &bench.backend.settings).unwrap();
    let bystander = bench.shell("echo $$ > pid; exec sleep 1000").await;
    let pid = bench.pid(bystander, "pid").await;
    let mut stale = super::super::records::ProcessId::of(pid).unwrap();
    stale.start -= 1;
    fs::write(folder.shim(), serde_json::to_vec(&stale).unwrap()).unwrap();
    let started = super::super::records::Started {
        child: stale,
        at: Default::default(),
    };
    fs::write(folder.started(), serde_json::to_vec(&started).unwrap()).unwrap();
    assert_eq!(bench.end_of(task).await, End::Lost);
    assert!(alive(pid));
}

pub(super) fn shim_of(bench: &Bench, execution: Execution) -> i32 {
    let record = fs::read(bench.folder(execution).shim()).unwrap();
    serde_json::from_slice::<super::super::records::ProcessId>(&record)
        .unwrap()
        .pid
}
