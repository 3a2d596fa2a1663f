//! The least that a rebuild could do: read every message, copy every row.

use std::{str::FromStr as _, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all};
use maestro_eventlog::{EventLog, Settings, Stream};
use maestro_readmodel::projections;
use maestro_runtime::clock::monotonic;
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolCopyExt as _, PgPoolOptions},
};

use crate::Outcome;

/// Bytes of rows kept together.
const PIECE: usize = 1 << 20;
/// Schema of the tables copied to.
const SCHEMA: &str = "bare";

/// A table, its rows in Postgres' own binary form, and what makes its indexes.
struct Table {
    name: &'static str,
    rows: Vec<Vec<u8>>,
    indexes: Vec<String>,
}

/// Reads the log raw while it copies the rows of every projection into tables like theirs, and
/// makes their indexes; the seconds it took. The rows are at hand when the clock starts.
pub(crate) async fn run(nats: &str, database: &str, commits: u64) -> Outcome<f64> {
    let log = EventLog::connect(&Settings::single(nats)).await?;
    let options = PgConnectOptions::from_str(database)?.options([
        ("synchronous_commit", "off"),
        ("maintenance_work_mem", "128MB"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await?;
    execute(&pool, format!("drop schema if exists {SCHEMA} cascade")).await?;
    execute(&pool, format!("create schema {SCHEMA}")).await?;
    let mut projected = Vec::new();
    for projection in projections::all() {
        let mut tables = Vec::new();
        for table in projection.tables() {
            tables.push(take(&pool, table.name).await?);
        }
        projected.push(Arc::new(tables));
    }
    let began = monotonic();
    let reading = tokio::spawn(read(log, commits));
    let copying = projected.into_iter().map(|tables| {
        let pool = pool.clone();
        async move { tokio::spawn(async move { copy(&pool, &tables).await }).await? }
    });
    try_join_all(copying).await?;
    reading.await??;
    Ok(began.elapsed().as_secs_f64())
}

async fn execute(pool: &PgPool, statement: String) -> Outcome<()> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(pool)
        .await?;
    Ok(())
}

/// The rows of a table, and an empty one like it.
async fn take(pool: &PgPool, name: &'static str) -> Outcome<Table> {
    let out = format!("copy {name} to stdout (format binary)");
    let mut stream = pool.copy_out_raw(&out).await?;
    let mut rows: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(piece) = stream.next().await {
        match rows.last_mut() {
            Some(last) if last.len() < PIECE => last.extend_from_slice(&piece?),
            _ => rows.push(piece?.to_vec()),
        }
    }
    drop(stream);
    let like = "(like public.{} including all excluding indexes)".replace("{}", name);
    execute(pool, format!("create table {SCHEMA}.{name} {like}")).await?;
    let indexes: Vec<String> = sqlx::query_scalar(
        "select replace(indexdef, ' ON public.', ' ON ' || $2 || '.')
         from pg_indexes where schemaname = 'public' and tablename = $1",
    )
    .bind(name)
    .bind(SCHEMA)
    .fetch(pool)
    .try_collect()
    .await?;
    Ok(Table {
        name,
        rows,
        indexes,
    })
}

async fn copy(pool: &PgPool, tables: &[Table]) -> Outcome<()> {
    for table in tables {
        let into = format!("copy {SCHEMA}.{} from stdin (format binary)", table.name);
        let mut copy = pool.copy_in_raw(&into).await?;
        for piece in &table.rows {
            copy.send(piece.as_slice()).await?;
        }
        copy.finish().await?;
        for index in &table.indexes {
            execute(pool, index.clone()).await?;
        }
        execute(pool, format!("analyze {SCHEMA}.{}", table.name)).await?;
    }
    Ok(())
}

async fn read(log: EventLog, commits: u64) -> Outcome<()> {
    let mut reader = log.read(Stream::Events, 1);
    let mut last = 0;
    while last < commits {
        let batch = reader.next_batch(1_000).await?;
        last = batch.last().map_or(last, |message| message.seq);
    }
    Ok(())
}
