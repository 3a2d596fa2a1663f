//! The operator's command line against a whole Maestro on this machine.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, reason = "tests")]

mod log;
mod steering;
mod support;

use serde_json::Value;
use support::{Maestro, maestro};

#[test]
fn help_is_quick_to_start_and_wrong_usage_is_code_2() {
    let help = maestro(&["--help"]);
    assert_eq!(help.code, 0);
    for command in [
        "up",
        "serve",
        "status",
        "runs",
        "deliveries",
        "slots",
        "executors",
        "tail",
        "doctor",
    ] {
        assert!(
            help.out.contains(command),
            "{command} is missing in:\n{}",
            help.out
        );
    }
    assert_eq!(maestro(&["runs", "lits"]).code, 2);
    assert_eq!(maestro(&["runs", "list", "--status", "asleep"]).code, 2);
    let script = maestro(&["completions", "bash"]);
    assert!(script.out.contains("_maestro()"));
}

#[test]
fn without_a_maestro_every_command_says_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    for command in [
        &["status"][..],
        &["runs", "list"],
        &["runs", "show", "x"],
        &["deliveries", "list"],
        &["slots", "list"],
        &["slots", "list", "--watch"],
        &["slots", "pause", "default"],
        &["slots", "resize", "default", "3"],
        &["executors", "list"],
        &["runs", "retry", "x"],
        &["tail"],
        &["log", "verify"],
        &["login-link"],
    ] {
        let told = maestro(&[&["--data", data], command].concat());
        assert_eq!(told.code, 5, "{command:?}");
        let wanted =
            format!("no Maestro is running with --data {data}: start it with `maestro up`");
        assert!(told.err.contains(&wanted), "{command:?}: {}", told.err);
    }
    let doctor = maestro(&["--data", data, "doctor", "--output", "json"]);
    assert_eq!(doctor.code, 1);
    assert_eq!(doctor.json()["healthy"], false);
}

#[test]
fn an_operator_follows_a_webhook_from_sending_to_output() {
    let up = Maestro::up();
    let quick = up.labeled("quick");

    let sent = up.run(&[
        "webhook",
        "send",
        "--event",
        "issues",
        "--file",
        &quick,
        "--delivery",
        "one",
    ]);
    assert_eq!(
        (sent.code, sent.out.as_str()),
        (0, "delivery one: accepted\n"),
        "{}",
        sent.err
    );
    let again = up.run(&[
        "webhook",
        "send",
        "--event",
        "issues",
        "--file",
        &quick,
        "--delivery",
        "one",
    ]);
    assert_eq!(again.out, "delivery one: duplicate\n");
    let forged = up.run(&[
        "webhook", "send", "--event", "issues", "--file", &quick, "--secret", "guess",
    ]);
    assert_eq!(forged.code, 4, "{}", forged.err);

    let id = up.run_in_status("one", "RUN_STATUS_SUCCEEDED");
    let listed = up.run(&["runs", "list", "--status", "succeeded", "--delivery", "one"]);
    assert!(
        listed.out.contains(&id) && listed.out.contains("acme/shop#7"),
        "{}",
        listed.out
    );
    assert!(!listed.out.contains('\u{1b}'), "colours outside a terminal");
    let shown = up.run(&["runs", "show", &id]);
    for part in ["succeeded", "run.requested", "run.finished", "octocat"] {
        assert!(
            shown.out.contains(part),
            "{part} is missing in:\n{}",
            shown.out
        );
    }
    let printed = up.run(&["runs", "logs", &id, "--follow"]);
    assert_eq!(
        (printed.out.as_str(), printed.err.as_str()),
        ("to out\n", "to err\n")
    );
    let shown = up
        .run(&["deliveries", "show", "one", "--output", "json"])
        .json();
    assert_eq!(shown["delivery"]["outcome"], "DELIVERY_OUTCOME_ACCEPTED");
    assert_eq!(shown["delivery"]["triggers"][0]["runId"], id.as_str());
    let yaml = up.run(&["deliveries", "list", "--output", "yaml"]);
    assert!(yaml.out.contains("deliveries:\n- id: one"), "{}", yaml.out);

    let told = up.run(&["tail", "--no-follow", "--run", &id, "--output", "json"]);
    let types: Vec<String> = told
        .out
        .lines()
        .flat_map(|line| serde_json::from_str::<Value>(line).unwrap()["events"].take_array())
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert!(types.contains(&"run.requested".to_owned()), "{types:?}");
    let slots = up.run(&["tail", "default.slot.*", "--no-follow"]);
    assert!(
        slots.out.contains("slot.leased") && !slots.out.contains("run."),
        "{}",
        slots.out
    );

    assert_eq!(up.run(&["runs", "show", "run_x"]).code, 2);
    let unknown = format!("run_{}", "0".repeat(32));
    assert_eq!(up.run(&["runs", "show", &unknown]).code, 3);
    assert_eq!(up.run(&["runs", "logs", &unknown]).code, 3);
    assert_eq!(up.run(&["deliveries", "show", "two"]).code, 3);
    let ended = up.run(&["runs", "cancel", &id]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("already ended"), "{}", ended.err);
}

#[test]
fn an_operator_cancels_a_run_and_looks_after_the_machine() {
    let up = Maestro::up();
    up.wait_until("ready", |up| {
        let status = up.run(&["status", "--output", "json"]);
        status.code == 0 && status.json()["ready"] == true
    });
    let doctor = up.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.out);
    let link = up.run(&["login-link"]);
    assert!(link.out.contains("/login#"), "{}", link.out);
    let slots = up.run(&["slots", "list", "--output", "json"]).json();
    assert_eq!(slots["pools"][0]["size"], 8);

    let slow = up.labeled("slow");
    up.run(&[
        "webhook",
        "send",
        "--event",
        "issues",
        "--file",
        &slow,
        "--delivery",
        "one",
    ]);
    let id = up.run_in_status("one", "RUN_STATUS_RUNNING");
    let held = up.run(&["slots", "list"]);
    assert!(
        held.out.contains("leased") && held.out.contains(&id),
        "{}",
        held.out
    );
    let canceled = up.run(&["runs", "cancel", &id, "--reason", "enough", "--key", "k1"]);
    assert_eq!(canceled.code, 0, "{}", canceled.err);
    assert!(canceled.out.contains("command k1"), "{}", canceled.out);
    up.run_in_status("one", "RUN_STATUS_CANCELED");

    let stranger = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(stranger.path(), "0".repeat(64)).unwrap();
    let refused = up.run(&["status", "--token-file", stranger.path().to_str().unwrap()]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    let away = up.run(&["status", "--url", "http://127.0.0.1:1"]);
    assert_eq!(away.code, 5, "{}", away.err);
}

/// Takes the items out of a JSON array.
trait TakeArray {
    fn take_array(&self) -> Vec<Value>;
}

impl TakeArray for Value {
    fn take_array(&self) -> Vec<Value> {
        self.as_array().cloned().unwrap_or_default()
    }
}
