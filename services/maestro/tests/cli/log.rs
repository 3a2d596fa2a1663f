//! The log is verified, whatever happened to it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::Maestro;

/// A Maestro that has a history, and its last commit.
fn with_history() -> (Maestro, u64) {
    let up = Maestro::up();
    let quick = up.labeled("quick");
    let send = ["webhook", "send", "--event", "issues", "--file", &quick];
    let sent = up.run(&[&send[..], &["--delivery", "one"]].concat());
    assert_eq!(sent.code, 0, "{}", sent.err);
    up.run_in_status("one", "RUN_STATUS_SUCCEEDED");
    let mut last = 0;
    up.wait_until("journal written", |up| {
        let report = verify(up, &[], 0);
        last = report["end"].as_u64().unwrap();
        report["whole"] == "both" && report["journal"]["last"] == last
    });
    (up, last)
}

fn verify(up: &Maestro, more: &[&str], code: i32) -> Value {
    let told = up.run(&[&["log", "verify", "--output", "json"], more].concat());
    assert_eq!(told.code, code, "{}{}", told.out, told.err);
    told.json()
}

fn block_of(data: &Path, mark: &[u8]) -> (PathBuf, Vec<u8>, usize) {
    let blocks = data.join("nats").join("data/jetstream");
    let mut folders = vec![if blocks.exists() {
        blocks
    } else {
        data.join("nats")
    }];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains("/EVENTS/")
                && path.extension().is_some_and(|found| found == "blk")
            {
                let bytes = std::fs::read(&path).unwrap();
                let at = bytes.windows(mark.len()).position(|found| found == mark);
                if let Some(at) = at {
                    return (path, bytes, at);
                }
            }
        }
    }
    panic!("no block holds it");
}

#[test]
fn a_flipped_bit_is_named_and_the_journal_is_known_to_be_whole() {
    let (mut up, last) = with_history();
    let told = up.run(&["log", "verify"]);
    assert!(
        told.out.contains("EVENTS") && told.out.contains("whole"),
        "{}",
        told.out
    );
    up.stop();

    // Its servers are down: they are started for the command, and nothing is wrong.
    assert_eq!(verify(&up, &[], 0)["end"], last);

    let damaged = last / 2;
    let mark = format!(r#"{{"v":1,"n":{damaged},"#);
    let (block, mut bytes, at) = block_of(&up.data(), mark.as_bytes());
    bytes[at + mark.len() + 12] ^= 1;
    std::fs::write(block, bytes).unwrap();

    let report = verify(&up, &[], 1);
    let gap = json!({"kind": "missing", "copy": "log", "from": damaged, "to": damaged});
    assert_eq!(report["findings"], json!([gap]));
    assert_eq!(
        (&report["whole"], &report["ok"]),
        (&json!("journal"), &json!(false))
    );
    let alone = verify(&up, &["--no-journal"], 1);
    assert_eq!(alone["whole"], "neither");
    let told = up.run(&["log", "verify"]);
    let line = format!("commit {damaged} is missing from EVENTS");
    assert!(told.out.contains(&line), "{}", told.out);
    assert!(told.err.contains("the journal is whole"), "{}", told.err);
}

#[test]
fn an_exported_log_is_proven_offline_and_restored_into_an_empty_deployment() {
    let (mut up, last) = with_history();
    let keys = up.run(&["log", "keys"]);
    assert_eq!(keys.code, 0, "{}", keys.err);
    let key = keys.out.trim();
    let signed = up.run(&["log", "checkpoint", "--output", "json"]);
    assert_eq!(signed.json()["n"], last, "{}", signed.err);
    assert_eq!(verify(&up, &["--key", key], 0)["signed_to"], last);

    let file = up.data().join("backup.mlog");
    let file = file.to_str().unwrap();
    let exported = up.run(&["log", "export", file, "--output", "json"]);
    assert_eq!(exported.json()["commits"], last, "{}", exported.err);
    assert_eq!(
        up.run(&["log", "export", file]).code,
        2,
        "it is not replaced"
    );
    let report = verify(&up, &["--file", file, "--key", key], 0);
    assert_eq!(
        (&report["signed_to"], &report["ok"]),
        (&json!(last), &json!(true))
    );
    let other = "maestro.dev/other+00000000+AAAA";
    assert_eq!(
        up.run(&["log", "verify", "--file", file, "--key", other])
            .code,
        2
    );
    let refused = up.run(&["log", "import", file]);
    assert_eq!(refused.code, 1, "{}", refused.out);

    let run = up.run_in_status("one", "RUN_STATUS_SUCCEEDED");
    let before = up.run(&["runs", "show", &run]).out;
    up.stop();
    for gone in ["nats", "postgres"] {
        std::fs::remove_dir_all(up.data().join(gone)).unwrap();
    }
    let imported = up.run(&["log", "import", file, "--key", key]);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
    assert_eq!(
        verify(&up, &["--no-journal", "--key", key], 0)["signed_to"],
        last
    );

    up.start();
    up.wait_until("projected", |up| up.run(&["runs", "show", &run]).code == 0);
    up.wait_until("as before", |up| {
        up.run(&["runs", "show", &run]).out == before
    });
    // The same delivery is known, another one starts a run.
    let quick = up.labeled("quick");
    let again = ["webhook", "send", "--event", "issues", "--file", &quick];
    let sent = up.run(&[&again[..], &["--delivery", "one"]].concat());
    assert_eq!(sent.code, 0, "{}", sent.err);
    let slow = up.labeled("slow");
    let other = ["webhook", "send", "--event", "issues", "--file", &slow];
    let sent = up.run(&[&other[..], &["--delivery", "two"]].concat());
    assert_eq!(sent.code, 0, "{}", sent.err);
    up.run_in_status("two", "RUN_STATUS_RUNNING");
    let runs = up.run(&["runs", "list", "--delivery", "one", "--output", "json"]);
    assert_eq!(runs.json()["runs"].as_array().unwrap().len(), 1);
    assert_eq!(verify(&up, &["--key", key], 0)["ok"], true);
}
