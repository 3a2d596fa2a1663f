//! The private servers: restart, supervision, no orphans.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, time::Duration};

use maestro_runtime::private::{
    Error, NatsOptions, NatsServer, Postgres as Private, PostgresOptions,
};
use maestro_testkit::{Nats, Postgres, wait_until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const SOON: Duration = Duration::from_secs(20);

fn psql(url: &str, sql: &str) -> Option<String> {
    let bin = maestro_runtime::private::postgres_bin(None).unwrap();
    let output = Command::new(bin.join("psql"))
        .args([url, "-XAtc", sql])
        .output()
        .unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn is_alive(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

#[tokio::test]
async fn nats_comes_back_on_its_port_after_kill_and_after_stop() {
    let mut nats = Nats::durable().await;
    let (url, first) = (nats.url(), nats.pid().unwrap());
    nats.kill9().await;
    assert_eq!(nats.pid(), None);
    assert!(!is_alive(first));
    nats.start_again().await;
    nats.stop().await;
    nats.start_again().await;
    assert_eq!(nats.url(), url);
    assert_ne!(nats.pid(), Some(first));
}

#[tokio::test]
async fn nats_that_dies_is_started_again_and_its_folder_goes_with_it() {
    let nats = Nats::start().await;
    let first = nats.pid().unwrap();
    signal(first, Signal::SIGKILL);
    wait_until(SOON, async || nats.pid().is_some_and(|pid| pid != first)).await;
    let (dir, second) = (nats.dir().to_owned(), nats.pid().unwrap());
    drop(nats);
    assert!(!is_alive(second));
    assert!(!dir.exists());
}

#[tokio::test]
async fn secrets_of_a_private_server_are_its_owners_alone() {
    let nats = Nats::start().await;
    for file in ["nats.conf", "endpoint.json"] {
        let mode = fs::metadata(nats.dir().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", nats.pid().unwrap())).unwrap();
    let password = nats.url().split([':', '@']).nth(2).unwrap().to_owned();
    assert!(password.len() >= 32 && !arguments.contains(&password));
}

#[tokio::test]
async fn databases_of_one_cluster_are_apart() {
    let postgres = Postgres::shared().await;
    let (one, two) = (postgres.database().await, postgres.database().await);
    assert!(psql(&one, "create table only_here ()").is_some());
    assert_eq!(
        psql(
            &two,
            "select count(*) from pg_tables where tablename = 'only_here'"
        )
        .unwrap(),
        "0"
    );
}

#[tokio::test]
async fn postgres_keeps_rows_over_a_crash_and_refuses_a_wrong_password() {
    let mut postgres = Postgres::start().await;
    let url = postgres.url();
    psql(&url, "create table t as select 7 as n").unwrap();
    postgres.kill9().await;
    assert_eq!(psql(&url, "select 1"), None);
    postgres.start_again().await;
    assert_eq!(psql(&url, "select n from t").unwrap(), "7");
    assert_eq!(
        psql(&url.replace("maestro:", "maestro:x"), "select 1"),
        None
    );
    postgres.stop().await;
    assert_eq!(postgres.pid(), None);
}

#[tokio::test]
async fn postgres_starts_again_although_a_session_outlived_it() {
    let mut postgres = Postgres::start().await;
    let bin = maestro_runtime::private::postgres_bin(None).unwrap();
    let busy = "set application_name = 'busy'; do $$ begin loop end loop; end $$";
    let mut session = Command::new(bin.join("psql"))
        .args([&postgres.url(), "-Xc", busy])
        .spawn()
        .unwrap();
    let url = postgres.url();
    let pids = "select pid from pg_stat_activity where application_name = 'busy'";
    wait_until(SOON, async || {
        psql(&url, pids).is_some_and(|pid| !pid.is_empty())
    })
    .await;
    let pid = psql(&url, pids).unwrap().parse().unwrap();
    postgres.kill9().await;
    assert!(is_alive(pid), "the case under test");
    postgres.start_again().await;
    assert!(!is_alive(pid));
    session.wait().unwrap();
}

#[tokio::test]
async fn postgres_starts_again_although_its_number_belongs_to_another_process() {
    let (mut postgres, other) = tokio::join!(Postgres::start(), Postgres::start());
    postgres.kill9().await;
    let lock = postgres.dir().join("data/postmaster.pid");
    let text = fs::read_to_string(&lock).unwrap();
    let (dead, rest) = text.split_once('\n').unwrap();
    let taken = other.pid().unwrap().to_string();
    assert_ne!(dead, taken);
    fs::write(&lock, format!("{taken}\n{rest}")).unwrap();
    postgres.start_again().await;
    assert!(
        is_alive(other.pid().unwrap()),
        "the other one is left alone"
    );
}

#[tokio::test]
async fn postgres_that_dies_is_started_again() {
    let postgres = Postgres::start().await;
    let (url, first) = (postgres.url(), postgres.pid().unwrap());
    signal(first, Signal::SIGKILL);
    wait_until(SOON, async || psql(&url, "select 1").is_some()).await;
    assert_ne!(postgres.pid(), Some(first));
}

#[tokio::test]
async fn a_missing_or_wrong_binary_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let nats = |binary: &str| NatsOptions {
        binary: Some(binary.into()),
        ..NatsOptions::default()
    };
    let error = NatsServer::start(dir.path(), nats("/nonexistent/nats-server"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Missing { .. }) && error.to_string().contains("bootstrap/up"));
    let old = dir.path().join("old");
    fs::write(&old, "#!/bin/sh\necho 'nats-server: v2.9.10'\n").unwrap();
    Command::new("chmod").arg("+x").arg(&old).status().unwrap();
    let error = NatsServer::start(dir.path(), nats(old.to_str().unwrap()))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("2.9.10") && error.to_string().contains("2.12"),
        "{error}"
    );
    let postgres = PostgresOptions {
        bin: Some("/nonexistent".into()),
        ..PostgresOptions::default()
    };
    let error = Private::start(&dir.path().join("postgres"), postgres)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = NatsServer::start(&dir.path().join("file"), NatsOptions::default())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("choose another folder with --data"),
        "{error}"
    );
    let started = Private::start(
        &dir.path().join("file/postgres"),
        PostgresOptions::default(),
    )
    .await;
    let error = started.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("choose another folder with --data"),
        "{error}"
    );
}

#[tokio::test]
async fn root_is_told_when_postgres_cannot_reach_the_folder() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let ours_alone = fs::Permissions::from_mode(0o700);
    let dir = tempfile::Builder::new()
        .permissions(ours_alone)
        .tempdir()
        .unwrap();
    let error = Private::start(&dir.path().join("pg"), PostgresOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_disk_without_space_is_named() {
    let full = Path::new("/dev/full");
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("nats")).unwrap();
    std::os::unix::fs::symlink(full, dir.path().join("nats/endpoint.new")).unwrap();
    let error = NatsServer::start(&dir.path().join("nats"), NatsOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
}
