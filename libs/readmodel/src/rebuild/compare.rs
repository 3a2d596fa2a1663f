//! Compares live rows with those built beside them: by digests of ranges of keys, then row by row.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    Ended,
    digest::{self, Columns, RANGES, Sum},
    staging::Staging,
};
use crate::{
    jobs::Finding,
    projection::{Projection, Table},
};

/// Longest text of a value that is shown.
const SHOWN: usize = 400;

/// The first difference, if there is one. Differences in what comes from the log go before those
/// in texts of the vault.
pub(super) async fn first(
    live: &mut PgConnection,
    built: &mut PgConnection,
    staging: &Staging,
    projection: &dyn Projection,
) -> Result<Option<Finding>, Ended> {
    let mut texts = None;
    for table in staging.tables {
        match of_table(live, built, projection.name(), table).await? {
            Some(finding) if finding.only_texts => {
                texts.get_or_insert(finding);
            }
            Some(finding) => return Ok(Some(finding)),
            None => {}
        }
    }
    Ok(texts)
}

async fn of_table(
    live: &mut PgConnection,
    built: &mut PgConnection,
    projection: &str,
    table: &Table,
) -> Result<Option<Finding>, Ended> {
    let columns = Columns::of(live, table).await?;
    let here = digest::ranges(live, table.name, &columns).await?;
    let there = digest::ranges(built, table.name, &columns).await?;
    let differing: Vec<i32> = (0..RANGES)
        .filter(|range| here.get(range) != there.get(range))
        .collect();
    let log = |of: &BTreeMap<i32, (i64, Sum)>, range: i32| {
        of.get(&range).map(|(rows, sum)| (*rows, sum.log.clone()))
    };
    let by_log = |range: &&i32| log(&here, **range) != log(&there, **range);
    let Some(range) = differing.iter().find(by_log).or(differing.first()) else {
        return Ok(None);
    };
    let here = digest::rows(live, table.name, &columns, *range).await?;
    let there = digest::rows(built, table.name, &columns, *range).await?;
    let Some(key) = differing_row(&here, &there) else {
        let why = format!("table {} changed while it was compared", table.name);
        return Err(Ended::Failed(why));
    };
    let here = digest::row(live, table.name, &columns, &key).await?;
    let there = digest::row(built, table.name, &columns, &key).await?;
    Ok(Some(Finding {
        projection: projection.to_owned(),
        table: table.name.to_owned(),
        ranges: u32::try_from(differing.len()).unwrap_or(u32::MAX),
        ..describe(&columns, here, there)
    }))
}

/// The first row by its key that differs in what comes from the log, else in anything.
fn differing_row(here: &BTreeMap<String, Sum>, there: &BTreeMap<String, Sum>) -> Option<String> {
    let keys: std::collections::BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let log = |of: &BTreeMap<String, Sum>, key: &String| of.get(key).map(|sum| sum.log.clone());
    let by_log = keys.iter().find(|key| log(here, key) != log(there, key));
    let by_all = || keys.iter().find(|key| here.get(**key) != there.get(**key));
    by_log.or_else(by_all).map(|key| (*key).clone())
}

/// What is to be said of a row that differs.
fn describe(columns: &Columns, live: Option<Value>, built: Option<Value>) -> Finding {
    let mut finding = Finding {
        projection: String::new(),
        table: String::new(),
        key: Value::Null,
        column: None,
        live: None,
        rebuilt: None,
        only_texts: false,
        ranges: 0,
    };
    let some = live.as_ref().or(built.as_ref());
    let key = columns.key.iter().map(|column| {
        let value = some.and_then(|row| row.get(column)).cloned();
        (column.clone(), value.unwrap_or_default())
    });
    finding.key = Value::Object(key.collect::<Map<_, _>>());
    let (live, built) = match (live, built) {
        (Some(live), Some(built)) => (live, built),
        (live, built) => {
            finding.live = live.map(|row| without_texts(columns, row));
            finding.rebuilt = built.map(|row| without_texts(columns, row));
            return finding;
        }
    };
    let differs = |column: &&String| live.get(*column) != built.get(*column);
    let mut differing = columns.all.iter().filter(differs);
    let by_log = differing.clone().find(|column| !columns.is_text(column));
    finding.only_texts = by_log.is_none();
    let column = by_log.or_else(|| differing.next());
    if let Some(column) = column.filter(|_| !finding.only_texts) {
        finding.live = live.get(column).cloned().map(shortened);
        finding.rebuilt = built.get(column).cloned().map(shortened);
    }
    finding.column = column.cloned();
    finding
}

/// A row without what may have been erased from the vault.
fn without_texts(columns: &Columns, row: Value) -> Value {
    let Value::Object(mut row) = row else {
        return row;
    };
    row.retain(|column, _| !columns.is_text(column));
    Value::Object(row.into_iter().map(|(k, v)| (k, shortened(v))).collect())
}

fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > SHOWN => {
            let shown: String = text.chars().take(SHOWN).collect();
            Value::String(format!("{shown}… ({} characters)", text.chars().count()))
        }
        other => other,
    }
}

/// Refuses when a live row of evidence is not the one built from the log.
pub(super) async fn evidence(db: &mut PgConnection, staging: &Staging) -> Result<(), Ended> {
    for table in staging.tables {
        let (built, live) = staging.pair(table.name);
        let mut columns = Columns::of(db, table).await?;
        let keys = columns.key.join(", ");
        let (kept, found) = (columns.key_text(), columns.all.split_off(0));
        let differ = found
            .iter()
            .map(|c| format!("l.{0} is distinct from b.{0}", super::staging::quoted(c)))
            .collect::<Vec<_>>()
            .join(" or ");
        let statement = format!(
            "select {kept} from (select l.* from {live} l join {built} b using ({keys})
             where {differ} order by {keys} limit 1) as one"
        );
        let key: Option<String> = sqlx::query_scalar(AssertSqlSafe(statement))
            .fetch_optional(&mut *db)
            .await?;
        if let Some(key) = key {
            let why = format!(
                "{} keeps another row {key} than the log has: compare the two with `maestro log \
                 verify` before anything is replaced",
                table.name
            );
            return Err(Ended::Failed(why));
        }
    }
    Ok(())
}
