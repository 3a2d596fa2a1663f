//! How a process reacts to being asked to stop.
#![allow(clippy::unwrap_used)]

use std::{
    env,
    io::{BufRead, BufReader, Lines},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdout, Command, Stdio},
};

use maestro_runtime::shutdown;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const CHILD: &str = "MAESTRO_TEST_SHUTDOWN_CHILD";

/// The process under observation: says where it is, and stops or hangs.
async fn observed(kind: &str) {
    let token = shutdown::on_signal().unwrap();
    println!("waiting");
    token.cancelled().await;
    println!("cancelled");
    if kind == "hangs" {
        std::future::pending::<()>().await;
    }
}

fn spawn(test: &str, kind: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(CHILD, kind)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

fn expect(lines: &mut Lines<BufReader<ChildStdout>>, word: &str) {
    assert!(
        lines.any(|line| line.unwrap().ends_with(word)),
        "it ended before it was {word}"
    );
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_cancels() {
    if let Ok(kind) = env::var(CHILD) {
        return observed(&kind).await;
    }
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (mut child, mut lines) = spawn("the_first_signal_cancels", "stops");
        expect(&mut lines, "waiting");
        send(&child, signal);
        expect(&mut lines, "cancelled");
        assert!(child.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_at_once() {
    if let Ok(kind) = env::var(CHILD) {
        return observed(&kind).await;
    }
    let (mut child, mut lines) = spawn("the_second_signal_ends_at_once", "hangs");
    expect(&mut lines, "waiting");
    send(&child, Signal::SIGINT);
    expect(&mut lines, "cancelled");
    send(&child, Signal::SIGINT);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(130), None));
}
