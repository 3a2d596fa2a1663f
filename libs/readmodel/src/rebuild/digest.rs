//! Digests of a table by ranges of its keys.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::staging::quoted;
use crate::projection::Table;

/// Ranges of keys: by the first byte of the key's digest.
pub(super) const RANGES: i32 = 256;

/// Columns of a table as statements need them.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// Of the primary key, in the order of the table.
    pub(super) key: Vec<String>,
    /// All of them, in the order of the table.
    pub(super) all: Vec<String>,
    /// Those with texts of the vault.
    texts: &'static [&'static str],
}

/// Digest of all columns, and of those that come from the log alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) all: String,
    pub(super) log: String,
}

impl Columns {
    /// Of the table `name`, as the schema searched by `db` has it.
    pub(super) async fn of(db: &mut PgConnection, table: &Table) -> Result<Self, sqlx::Error> {
        let rows = sqlx::query(
            "select a.attname::text as name, a.attnum = any(i.indkey) as key
             from pg_attribute a
             join pg_index i on i.indrelid = a.attrelid and i.indisprimary
             where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
             order by a.attnum",
        )
        .bind(quoted(table.name))
        .fetch_all(db)
        .await?;
        let mut columns = Self {
            key: Vec::new(),
            all: Vec::new(),
            texts: table.texts,
        };
        for row in rows {
            let name: String = row.try_get("name")?;
            if row.try_get("key")? {
                columns.key.push(name.clone());
            }
            columns.all.push(name);
        }
        Ok(columns)
    }

    pub(super) fn is_text(&self, column: &str) -> bool {
        self.texts.contains(&column)
    }

    /// An expression for a row's key as text.
    pub(super) fn key_text(&self) -> String {
        record(self.key.iter())
    }

    /// An expression for the range of a row.
    fn range(&self) -> String {
        let key = self.key_text();
        format!("get_byte(decode(substr(md5({key}), 1, 2), 'hex'), 0)")
    }

    fn sums(&self) -> String {
        let all = record(self.all.iter());
        let log = record(self.all.iter().filter(|column| !self.is_text(column)));
        format!("hashtextextended({all}, 0) as whole, hashtextextended({log}, 0) as log")
    }
}

fn record<'a>(columns: impl Iterator<Item = &'a String>) -> String {
    let columns: Vec<String> = columns.map(|column| quoted(column)).collect();
    format!("row({})::text", columns.join(", "))
}

/// The digest of every range of `table` that holds a row.
pub(super) async fn ranges(
    db: &mut PgConnection,
    table: &str,
    columns: &Columns,
) -> Result<BTreeMap<i32, (i64, Sum)>, sqlx::Error> {
    let (range, sums) = (columns.range(), columns.sums());
    let statement = format!(
        "select range, count(*) as rows, sum(whole)::text as whole, sum(log)::text as log
         from (select {range} as range, {sums} from {}) as one group by range",
        quoted(table)
    );
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(db).await?;
    let mut ranges = BTreeMap::new();
    for row in rows {
        let sum = Sum {
            all: row.try_get("whole")?,
            log: row.try_get("log")?,
        };
        ranges.insert(row.try_get("range")?, (row.try_get("rows")?, sum));
    }
    Ok(ranges)
}

/// The digest of every row in one range, by the text of its key.
pub(super) async fn rows(
    db: &mut PgConnection,
    table: &str,
    columns: &Columns,
    range: i32,
) -> Result<BTreeMap<String, Sum>, sqlx::Error> {
    let (of, sums, key) = (columns.range(), columns.sums(), columns.key_text());
    let statement = format!(
        "select key, whole::text as whole, log::text as log
         from (select {key} as key, {sums} from {} where {of} = $1) as one",
        quoted(table)
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(range)
        .fetch_all(db)
        .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let sum = Sum {
            all: row.try_get("whole")?,
            log: row.try_get("log")?,
        };
        found.insert(row.try_get("key")?, sum);
    }
    Ok(found)
}

/// One row as JSON.
pub(super) async fn row(
    db: &mut PgConnection,
    table: &str,
    columns: &Columns,
    key: &str,
) -> Result<Option<serde_json::Value>, sqlx::Error> {
    let statement = format!(
        "select to_jsonb(t) from {} t where {} = $1",
        quoted(table),
        columns.key_text()
    );
    sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(key)
        .fetch_optional(db)
        .await
}
