//! Pools that are steered and runs that are repeated.

use crate::support::{Maestro, maestro};

#[test]
fn wrong_usage_of_what_steers_is_code_2() {
    for arguments in [
        &["slots", "resize", "default", "many"][..],
        &["slots", "resize", "default", "10001"],
        &["slots", "resize", "default"],
        &["slots", "pause"],
        &["runs", "retry"],
        &["executors"],
    ] {
        assert_eq!(maestro(arguments).code, 2, "{arguments:?}");
    }
    let script = maestro(&["completions", "bash"]);
    for word in ["pause", "resume", "resize", "retry", "executors"] {
        assert!(script.out.contains(word), "{word} is not completed");
    }
}

#[test]
fn an_operator_pauses_resizes_and_resumes_a_pool() {
    let up = Maestro::up();
    up.wait_until("an executor is present", |up| {
        let executors = up.run(&["executors", "list"]);
        executors.out.contains("present") && executors.out.contains("process")
    });
    let mut watching = up.follow(&["slots", "list", "--watch", "--output", "json"]);
    assert_eq!(
        watching.json()["pools"][0]["queued"],
        serde_json::Value::Null
    );

    let paused = up.run(&["slots", "pause", "default", "--reason", "maintenance"]);
    assert!(
        paused.out.starts_with("default/default is paused"),
        "{}{}",
        paused.out,
        paused.err
    );
    while watching.json()["pools"][0]["paused"] != true {}
    let twice = up.run(&["slots", "pause", "default", "--project", "default"]);
    assert_eq!(twice.code, 1, "{}", twice.err);
    assert!(twice.err.contains("already paused"), "{}", twice.err);

    up.label("slow", "one");
    let id = up.run_in_status("one", "RUN_STATUS_PENDING");
    up.wait_until("the queue shows it", |up| {
        let slots = up.run(&["slots", "list", "--project", "default"]);
        slots.out.contains("default/default is paused")
            && slots.out.contains("1 run waits")
            && slots.out.contains(&id)
    });
    let live = up.run(&["runs", "retry", &id]);
    assert_eq!(live.code, 1, "{}", live.err);
    assert!(live.err.contains("has not ended"), "{}", live.err);

    let resized = up.run(&["slots", "resize", "default", "3", "--key", "k"]);
    assert!(
        resized.out.contains("3 slots (command k"),
        "{}",
        resized.err
    );
    let slots = up.run(&["slots", "list", "--output", "json"]).json();
    assert_eq!(slots["pools"][0]["size"], 3);
    assert_eq!(slots["pools"][0]["queue"][0]["runId"], id.as_str());

    let resumed = up.run(&["slots", "resume", "default", "--output", "yaml"]);
    assert!(resumed.out.contains("commandId:"), "{}", resumed.err);
    up.run_in_status("one", "RUN_STATUS_RUNNING");
    up.wait_until("the slot shows its holder", |up| {
        let held = up.run(&["slots", "list"]);
        let mut lines = held.out.lines();
        lines.any(|line| line.contains(&id) && line.contains("exe_") && line.contains("in "))
    });
    up.run(&["runs", "cancel", &id]);
    up.run_in_status("one", "RUN_STATUS_CANCELED");

    for (code, arguments) in [
        (3, &["slots", "pause", "nothing"][..]),
        (3, &["slots", "pause", "default", "--project", "nobody"]),
        (2, &["slots", "pause", "a.b", "--project", "default"]),
        (2, &["slots", "list", "--project", "a.b"]),
    ] {
        let said = up.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
    }
}

#[test]
fn an_operator_repeats_runs_and_sees_their_attempts() {
    let up = Maestro::up();
    up.label("quick", "one");
    let first = up.run_in_status("one", "RUN_STATUS_SUCCEEDED");
    let again = up.run(&["runs", "retry", &first, "--key", "again", "--follow"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert!(again.out.contains("to out\n"), "{}", again.out);
    assert!(again.out.contains("succeeded"), "{}", again.out);
    let same = up.run(&[
        "runs", "retry", &first, "--key", "again", "--output", "json",
    ]);
    let second = same.json()["runId"].as_str().unwrap().to_owned();
    assert!(again.out.starts_with(&second), "{}", again.out);

    let shown = up.run(&["runs", "show", &second]);
    for part in ["Repeats", first.as_str(), "Attempt 1", "succeeded", "exe_"] {
        assert!(
            shown.out.contains(part),
            "{part} is missing in:\n{}",
            shown.out
        );
    }
    let original = up.run(&["runs", "show", &first]);
    assert!(
        original.out.contains("Repeated as") && original.out.contains(&second),
        "{}",
        original.out
    );

    up.label("broken", "two");
    let broken = up.run_in_status("two", "RUN_STATUS_FAILED");
    let failed = up.run(&["runs", "retry", &broken, "--wait", "--reason", "once more"]);
    assert_eq!(failed.code, 1, "{}", failed.err);
    assert!(failed.err.contains("failed: exit_code"), "{}", failed.err);
    let shown = up.run(&["runs", "show", &broken]);
    assert!(shown.out.contains("(exit_code, user)"), "{}", shown.out);

    let unknown = format!("run_{}", "0".repeat(32));
    assert_eq!(up.run(&["runs", "retry", &unknown]).code, 3);
    assert_eq!(up.run(&["runs", "retry", "run_x"]).code, 2);
}
