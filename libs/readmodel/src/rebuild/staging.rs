//! The tables built beside the live ones: the same names in a schema of their own.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    jobs::{JobKind, Word},
    projection::{Projection, Table},
};

/// Where the rows of a job are built.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    /// Schema of the live tables.
    pub(super) live: String,
    /// Schema of the tables built beside them.
    pub(super) schema: String,
    /// The tables.
    pub(super) tables: &'static [Table],
}

impl Staging {
    pub(super) fn new(live: &str, projection: &dyn Projection, kind: JobKind) -> Self {
        Self {
            live: live.to_owned(),
            schema: format!("maestro_{}_{}", kind.as_str(), projection.name()),
            tables: projection.tables(),
        }
    }

    /// A table here and its live counterpart, quoted.
    pub(super) fn pair(&self, table: &str) -> (String, String) {
        let table = quoted(table);
        let of = |schema: &str| format!("{}.{table}", quoted(schema));
        (of(&self.schema), of(&self.live))
    }

    /// Goes on with what an interrupted projector built for the same job; else creates empty
    /// tables, with the keys that applying commits needs and without anything else.
    pub(super) async fn prepare(
        &self,
        db: &mut PgConnection,
        job: Word<'_>,
        version: i32,
    ) -> Result<(), sqlx::Error> {
        let mut tx = db.begin().await?;
        let signature = signature(&mut tx, job, version).await?;
        let found: Option<Option<String>> = sqlx::query_scalar(
            "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = $1",
        )
        .bind(&self.schema)
        .fetch_optional(&mut *tx)
        .await?;
        if found.flatten().as_deref() == Some(&signature) {
            return Ok(());
        }
        self.create(&mut tx, &signature).await?;
        tx.commit().await
    }

    async fn create(&self, db: &mut PgConnection, signature: &str) -> Result<(), sqlx::Error> {
        let schema = quoted(&self.schema);
        execute(db, format!("drop schema if exists {schema} cascade")).await?;
        execute(db, format!("create schema {schema}")).await?;
        execute(db, format!("comment on schema {schema} is '{signature}'")).await?;
        let (here, live) = self.pair("projection_checkpoints");
        execute(
            db,
            format!("create table {here} (like {live} including all)"),
        )
        .await?;
        for table in self.tables {
            let (here, live) = self.pair(table.name);
            let like = format!("create table {here} (like {live} including all excluding indexes)");
            execute(db, like).await?;
        }
        let keyed = self.tables.iter().filter(|table| !table.append_only);
        let keyed: Vec<&str> = keyed.map(|table| table.name).collect();
        for statement in self.missing(db, &keyed, true).await? {
            execute(db, statement).await?;
        }
        Ok(())
    }

    /// What creates the constraints and indexes that only the live tables have; with `only_keys`
    /// nothing but primary keys.
    async fn missing(
        &self,
        db: &mut PgConnection,
        tables: &[&str],
        only_keys: bool,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(include_str!("../../queries/missing_indexes.sql"))
            .bind(&self.live)
            .bind(&self.schema)
            .bind(tables)
            .bind(only_keys)
            .fetch_all(db)
            .await
    }

    /// What is left to do when all rows are there: indexes, who may read them, statistics.
    pub(super) async fn finishing(
        &self,
        db: &mut PgConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        let tables: Vec<&str> = self.tables.iter().map(|table| table.name).collect();
        let mut statements = self.missing(db, &tables, false).await?;
        let grants: Vec<String> =
            sqlx::query_scalar(include_str!("../../queries/missing_grants.sql"))
                .bind(&self.live)
                .bind(&self.schema)
                .bind(&tables)
                .fetch_all(db)
                .await?;
        statements.extend(grants);
        let analyze = |table: &&str| format!("analyze {}", self.pair(table).0);
        statements.extend(tables.iter().map(analyze));
        Ok(statements)
    }

    /// Removes everything built here.
    pub(super) async fn remove(&self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        let schema = quoted(&self.schema);
        execute(db, format!("drop schema if exists {schema} cascade")).await
    }
}

/// Says what the tables were made for: they are of no use for another job, version or shape.
async fn signature(
    db: &mut PgConnection,
    job: Word<'_>,
    version: i32,
) -> Result<String, sqlx::Error> {
    let shape: Option<i64> = sqlx::query_scalar("select max(version) from _sqlx_migrations")
        .fetch_one(db)
        .await?;
    let (kind, number, shape) = (job.kind.as_str(), job.number, shape.unwrap_or_default());
    Ok(format!(
        "{kind} {number} of version {version} after migration {shape}"
    ))
}

/// Runs a statement made of names that Postgres or [`quoted`] quoted.
pub(super) async fn execute(db: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(db).await?;
    Ok(())
}

/// An identifier for a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
