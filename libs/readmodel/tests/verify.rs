//! A verification names the first difference between live rows and the log.
#![allow(clippy::unwrap_used)]

mod support;

use maestro_domain::{PersonRef, VaultKey, report::End};
use maestro_readmodel::{Finding, JobKind, JobState};
use serde_json::{Value, json};
use support::{Database, History, Log, executor};

struct Bench {
    database: Database,
    log: Log,
    _working: support::Working,
}

impl Bench {
    async fn new() -> Self {
        let database = Database::new().await;
        let mut history = History::new(3);
        history.join(executor(9));
        for number in 0..40 {
            let run = history.run(number);
            if number < 30 {
                let execution = history.start(run);
                history.finish(execution, End::Exited { code: 0 });
            }
            history.deliver(&format!("star-{number}"), "watch", number);
        }
        let log = Log::of(100, &history.commits);
        database.project(&log, history.last()).await;
        Self {
            _working: database.work(&log),
            database,
            log,
        }
    }

    /// What a verification of `projection` finds.
    async fn verify(&self, projection: &str) -> Option<Finding> {
        let model = &self.database.model;
        model.ask(projection, JobKind::Verify, None).await.unwrap();
        let job = self.database.over(projection, JobKind::Verify).await;
        assert_eq!(job.state, JobState::Done, "{:?}", job.message);
        job.finding
    }
}

#[tokio::test]
async fn untouched_rows_are_found_clean() {
    let bench = Bench::new().await;
    for projection in ["journal", "deliveries", "runs", "slots"] {
        assert_eq!(bench.verify(projection).await, None, "{projection}");
    }
    let left = "select nspname::text from pg_namespace where nspname like 'maestro_%'";
    assert!(bench.database.ask(left).await.is_empty());
    drop(bench.log);
}

#[tokio::test]
async fn a_single_changed_cell_is_named() {
    let bench = Bench::new().await;
    let cells = [
        ("runs", "runs", "status", "'lost'", json!("lost")),
        ("runs", "runs", "exit_code", "7", json!(7)),
        ("runs", "run_attempts", "log_bytes", "99", json!(99)),
        ("runs", "run_timeline", "actor", "'nobody'", json!("nobody")),
        ("runs", "run_timeline", "data", "'{}'", json!({})),
        ("deliveries", "deliveries", "number", "-1", json!(-1)),
        ("slots", "slot_pools", "size", "77", json!(77)),
        ("slots", "slot_leases", "token", "78", json!(78)),
        ("slots", "slot_executors", "site", "'x'", json!("x")),
    ];
    for (projection, table, column, value, shown) in cells {
        let changed = format!(
            "update {table} set {column} = {value} where ctid = (select max(ctid) from {table})"
        );
        let row = format!("select to_jsonb(t)::text from {table} t where {column} = {value}");
        let before = format!(
            "select to_jsonb(t)::text from {table} t where ctid = (select max(ctid) from {table})"
        );
        let before: Value = parsed(&bench.database.ask(&before).await);
        bench.database.execute(&changed).await;
        let after: Value = parsed(&bench.database.ask(&row).await);
        let finding = bench.verify(projection).await.unwrap();
        assert_eq!(finding.table, table);
        assert_eq!(finding.column.as_deref(), Some(column));
        assert_eq!(finding.live, Some(shown));
        let rebuilt = finding.rebuilt.clone().unwrap_or_default();
        assert_eq!(rebuilt, before[column], "{finding:?}");
        for (name, part) in finding.key.as_object().unwrap() {
            assert_eq!(*part, after[name], "{finding:?}");
        }
        assert_eq!((finding.ranges, finding.only_texts), (1, false));
        bench
            .database
            .model
            .ask(projection, JobKind::Rebuild, None)
            .await
            .unwrap();
        let job = bench.database.over(projection, JobKind::Rebuild).await;
        assert_eq!(job.state, JobState::Done, "{:?}", job.message);
        assert_eq!(bench.verify(projection).await, None, "{table}.{column}");
    }
}

fn parsed(rows: &[String]) -> Value {
    assert_eq!(rows.len(), 1);
    serde_json::from_str(&rows[0]).unwrap()
}

#[tokio::test]
async fn a_missing_row_and_one_too_many_are_named() {
    let bench = Bench::new().await;
    bench
        .database
        .execute("delete from deliveries where id = 'delivery-3'")
        .await;
    let finding = bench.verify("deliveries").await.unwrap();
    assert_eq!(
        finding.key,
        json!({"provider": "github", "id": "delivery-3"})
    );
    assert_eq!((finding.column, finding.live), (None, None));
    let rebuilt = finding.rebuilt.unwrap();
    assert_eq!(rebuilt["outcome"], "accepted");
    assert_eq!(rebuilt.get("sender"), None, "texts of the vault stay there");

    bench
        .database
        .execute("insert into slot_projects values ('00000000-0000-0000-0000-0000000000ff', 'x')")
        .await;
    let finding = bench.verify("slots").await.unwrap();
    assert_eq!(finding.table, "slot_projects");
    assert_eq!(finding.live.unwrap()["slug"], "x");
    assert_eq!(finding.rebuilt, None);
}

#[tokio::test]
async fn a_changed_text_of_the_vault_is_told_apart_and_not_shown() {
    let bench = Bench::new().await;
    let provider: maestro_domain::Provider = "github".parse().unwrap();
    let sender = VaultKey::person_login(&PersonRef { provider, id: 7 });
    bench.database.vault.put(sender, "renamed");
    // The names of the rebuilder are believed for a minute: a new one asks again.
    let fresh = Bench {
        _working: bench.database.work(&bench.log),
        log: bench.log.clone(),
        database: bench.database,
    };
    drop(bench._working);
    let finding = fresh.verify("runs").await.unwrap();
    assert!(finding.only_texts);
    assert_eq!(finding.column.as_deref(), Some("sender"));
    assert_eq!((finding.live, finding.rebuilt), (None, None));

    let rename = "update runs set mode = 'other' where number = 12";
    fresh.database.execute(rename).await;
    let finding = fresh.verify("runs").await.unwrap();
    assert!(!finding.only_texts);
    assert_eq!(finding.column.as_deref(), Some("mode"));
}
