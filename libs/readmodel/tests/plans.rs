//! At 100,000 rows every list walks an index that is already in its order.
#![allow(clippy::unwrap_used)]

mod support;

use sqlx::{AssertSqlSafe, Row as _};
use support::Database;

const RUNS: &str = "
insert into runs (id, project_id, project, trigger, name, status, attempt, delivery_id, provider,
    event, repository, pool, mode, timeout_s, requested_at, log_bytes, cancel_requested, revision)
select gen_random_uuid(), gen_random_uuid(), 'project-' || n % 200, 'trigger-' || n % 200, 'agent',
    case when n % 1000 = 0 then 'failed' when n > 99990 then 'running' else 'succeeded' end,
    1, 'delivery-' || n, 'github', 'push', 'acme/repo-' || n % 300, 'default', 'code-only', 60,
    to_timestamp(1.7e9 + n), 0, false, n
from generate_series(1, 100000) n;
analyze runs;";

const DELIVERIES: &str = "
insert into deliveries (provider, id, event, project, repository, outcome, reason, verdicts,
    decided_at, stream_sequence, revision)
select 'github', 'delivery-' || n, 'event-' || n % 200, 'project-' || n % 200,
    'acme/repo-' || n % 300, case when n % 500 = 0 then 'parked' else 'ignored' end, 'ping', '[]',
    to_timestamp(1.7e9 + n), n, n
from generate_series(1, 100000) n;
analyze deliveries;";

/// Names of the indexes a plan uses, after checking that it reads no whole table.
fn indexes(plan: &serde_json::Value) -> Vec<String> {
    let mut names = Vec::new();
    let kind = plan["Node Type"].as_str().unwrap_or_default();
    assert_ne!(kind, "Seq Scan", "{plan:#}");
    names.extend(plan["Index Name"].as_str().map(str::to_owned));
    for inner in plan["Plans"].as_array().into_iter().flatten() {
        names.extend(indexes(inner));
    }
    names
}

fn sorts(plan: &serde_json::Value) -> bool {
    plan["Node Type"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("Sort"))
        || plan["Plans"].as_array().into_iter().flatten().any(sorts)
}

/// The plan of a query file for these filters on the third page.
async fn plan(
    database: &Database,
    sql: &str,
    filters: [Option<&str>; 4],
    key: (&str, &str),
    statuses: Option<Vec<String>>,
) -> serde_json::Value {
    let mut literal = sql.to_owned();
    for (number, value) in (1..).zip(filters) {
        let value = value.map_or("null".to_owned(), |value| format!("'{value}'"));
        literal = literal.replace(&format!("${number}"), &value);
    }
    let wanted = statuses.unwrap_or_default().join(",");
    let literal = literal
        .replace("$5", &format!("'{}'", key.0))
        .replace("$6", &format!("'{}'", key.1))
        .replace("$7", "51")
        .replace("$8", &format!("'{{{wanted}}}'"));
    let explain = format!("explain (format json) {literal}");
    let row = sqlx::raw_sql(AssertSqlSafe(explain))
        .fetch_one(&database.pool)
        .await
        .unwrap();
    let text: serde_json::Value = row.try_get(0).unwrap();
    text[0]["Plan"].clone()
}

#[tokio::test]
async fn the_list_of_runs_walks_an_index_for_every_filter() {
    let database = Database::new().await;
    database.execute(RUNS).await;
    let key = (
        "2023-11-15T12:00:00Z",
        "80000000-0000-0000-0000-000000000000",
    );
    let cases = [
        ([None; 4], "runs_newest"),
        ([Some("project-3"), None, None, None], "runs_by_project"),
        (
            [None, Some("acme/repo-7"), None, None],
            "runs_by_repository",
        ),
        ([None, None, Some("trigger-7"), None], "runs_by_trigger"),
        ([None, None, None, Some("delivery-7")], "runs_by_delivery"),
    ];
    let sql = include_str!("../queries/runs_list.sql");
    for (filters, index) in cases {
        let plan = plan(&database, sql, filters, key, None).await;
        assert_eq!(indexes(&plan), [index], "{filters:?} {plan:#}");
        assert!(!sorts(&plan), "{filters:?} {plan:#}");
    }
    let sql = include_str!("../queries/runs_list_by_status.sql");
    let statuses = Some(vec!["failed".to_owned(), "running".to_owned()]);
    let plan = plan(&database, sql, [None; 4], key, statuses).await;
    assert_eq!(indexes(&plan), ["runs_by_status"], "{plan:#}");
}

#[tokio::test]
async fn the_list_of_deliveries_walks_an_index_for_every_filter() {
    let database = Database::new().await;
    database.execute(DELIVERIES).await;
    let key = ("60000", "delivery-60000");
    let cases = [
        ([None; 4], "deliveries_newest"),
        (
            [Some("project-3"), None, None, None],
            "deliveries_by_project",
        ),
        (
            [None, Some("acme/repo-7"), None, None],
            "deliveries_by_repository",
        ),
        ([None, None, Some("event-7"), None], "deliveries_by_event"),
        ([None, None, None, Some("parked")], "deliveries_by_outcome"),
    ];
    let sql = include_str!("../queries/deliveries_list.sql");
    for (filters, index) in cases {
        let plan = plan(&database, sql, filters, key, None).await;
        assert_eq!(indexes(&plan), [index], "{filters:?} {plan:#}");
        assert!(!sorts(&plan), "{filters:?} {plan:#}");
    }
}

const WAITING: &str = "
insert into slot_pools (project_id, pool, project, size, revision)
select md5('p' || n)::uuid, 'default', 'project-' || n, 2, n from generate_series(1, 100) n;
insert into slot_runs (run_id, project_id, pool, project, waiting, requested_revision)
select gen_random_uuid(), md5('p' || 1 + n % 100)::uuid, 'default', 'project-' || 1 + n % 100,
    n % 10 > 0, n
from generate_series(1, 100000) n;
analyze slot_pools; analyze slot_runs;";

/// Kinds of nodes and names of indexes in a plan, parents first.
fn nodes(plan: &serde_json::Value) -> Vec<String> {
    let name = plan["Index Name"].as_str().map(str::to_owned);
    let kind = plan["Node Type"].as_str().map(str::to_owned);
    let inner = plan["Plans"].as_array().into_iter().flatten();
    kind.into_iter()
        .chain(name)
        .chain(inner.flat_map(nodes))
        .collect()
}

#[tokio::test]
async fn the_head_of_every_queue_is_read_from_an_index_in_its_order() {
    let database = Database::new().await;
    database.execute(WAITING).await;
    let sql = include_str!("../queries/queues_list.sql");
    let sql = sql.replace("$1", "null").replace("$2", "20");
    let explain = format!("explain (format json) {sql}");
    let row = sqlx::raw_sql(AssertSqlSafe(explain))
        .fetch_one(&database.pool)
        .await
        .unwrap();
    let plan: serde_json::Value = row.try_get(0).unwrap();
    let nodes = nodes(&plan[0]["Plan"]);
    let limit = nodes.iter().position(|node| node == "Limit").unwrap();
    let index = ["Index Scan", "slot_runs_queue"].map(str::to_owned);
    assert_eq!(nodes[limit + 1..limit + 3], index, "{nodes:?}");
}
