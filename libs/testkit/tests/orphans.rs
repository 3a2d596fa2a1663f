//! What is left of the private servers when Maestro dies.
#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use maestro_runtime::private::{self, NatsOptions, NatsServer, Postgres, PostgresOptions};
use maestro_testkit::wait_until;

const CHILD: &str = "MAESTRO_TEST_ORPHANS_DIR";
const SOON: Duration = Duration::from_secs(20);

fn is_alive(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

async fn servers(dir: &Path) -> (NatsServer, Postgres) {
    let nats = NatsServer::start(&dir.join("nats"), NatsOptions::default()).await;
    let postgres = Postgres::start(&dir.join("postgres"), PostgresOptions::default()).await;
    (nats.unwrap(), postgres.unwrap())
}

fn scratch() -> tempfile::TempDir {
    let reachable = fs::Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .permissions(reachable)
        .tempdir()
        .unwrap()
}

#[tokio::test]
async fn servers_end_with_a_killed_process_and_the_next_one_takes_over_their_folder() {
    if let Some(dir) = env::var_os(CHILD) {
        let (nats, postgres) = servers(Path::new(&dir)).await;
        println!(
            "pids {} {} {}",
            nats.pid().unwrap(),
            postgres.pid().unwrap(),
            nats.url()
        );
        return std::future::pending().await;
    }
    let dir = scratch();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("servers_end_with_a_killed_process_and_the_next_one_takes_over_their_folder")
        .env(CHILD, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let line = lines
        .find_map(|line| Some(line.split_once("pids ")?.1.to_owned()))
        .unwrap();
    let words: Vec<_> = line.split(' ').collect();
    let pids = [words[0].parse().unwrap(), words[1].parse().unwrap()];
    child.kill().unwrap();
    child.wait().unwrap();

    let (mut nats, mut postgres) = servers(dir.path()).await;
    wait_until(SOON, async || !pids.iter().any(|pid| is_alive(*pid))).await;
    assert_eq!(nats.url(), words[2], "port and password stay");
    nats.stop().await.unwrap();
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_was_left_behind_is_ended_before_the_next_start() {
    let dir = scratch();
    let mut nats = NatsServer::start(dir.path(), NatsOptions::default())
        .await
        .unwrap();
    nats.stop().await.unwrap();
    let mut left = Command::new(private::nats_server(None).unwrap())
        .arg("-c")
        .arg(dir.path().join("nats.conf"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid_file = dir.path().join("nats.pid");
    let written =
        async || fs::read_to_string(&pid_file).is_ok_and(|pid| pid == left.id().to_string());
    wait_until(SOON, written).await;
    // A server left behind belongs to nobody; here it has to be reaped, or it would stay a zombie.
    let reaper = std::thread::spawn(move || left.wait());
    nats.start_again().await.unwrap();
    assert!(reaper.join().unwrap().is_ok());
    assert!(is_alive(nats.pid().unwrap()));
    nats.stop().await.unwrap();
}
