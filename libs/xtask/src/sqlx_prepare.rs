//! `cargo xtask sqlx-prepare`: what sqlx-cli's `prepare` does, for the one crate with queries.
//!
//! The macros of sqlx ask a database for the types of each query while the crate is compiled, and
//! write what they learn to `SQLX_OFFLINE_DIR`. Elsewhere that data, committed, stands for the
//! database.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, ensure};
use maestro_testkit::Postgres;

const PACKAGE: &str = "maestro-readmodel";
const CRATE: &str = "libs/readmodel";

/// Query data by file name.
type Data = BTreeMap<String, String>;

/// Renews the query data, or with `check` only says what is not up to date.
pub(crate) async fn run(root: &Path, check: bool) -> anyhow::Result<ExitCode> {
    let postgres = Postgres::start().await;
    let url = postgres.database().await;
    apply_migrations(postgres.bin(), &url, &root.join("migrations"))?;
    let fresh = tempfile::tempdir()?;
    compile(root, &url, fresh.path())?;
    let wanted = read(fresh.path())?;
    ensure!(
        !wanted.is_empty(),
        "{PACKAGE} has no queries, or was not compiled anew"
    );
    let dir = root.join(CRATE).join(".sqlx");
    let differences = differences(&read(&dir)?, &wanted);
    if check {
        return Ok(report(&differences));
    }
    replace(&dir, &wanted)?;
    println!("{} queries, {} changed", wanted.len(), differences.len());
    Ok(ExitCode::SUCCESS)
}

fn apply_migrations(bin: &Path, url: &str, dir: &Path) -> anyhow::Result<()> {
    for migration in sql_files(dir)? {
        let mut psql = Command::new(bin.join("psql"));
        psql.args([
            "--quiet",
            "--no-psqlrc",
            "--set",
            "ON_ERROR_STOP=1",
            "--single-transaction",
        ]);
        psql.arg("--dbname").arg(url).arg("--file").arg(&migration);
        let status = psql.status().context("psql, which comes with Postgres")?;
        ensure!(
            status.success(),
            "{} cannot be applied",
            migration.display()
        );
    }
    Ok(())
}

fn sql_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort_unstable();
    Ok(files)
}

/// Compiles the crate against the database. Its entry point is made to look new, since cargo does
/// not know that the macros depend on the database.
fn compile(root: &Path, url: &str, data: &Path) -> anyhow::Result<()> {
    let now = fs::metadata(data)?.modified()?;
    let entry = root.join(CRATE).join("src/lib.rs");
    fs::File::options()
        .write(true)
        .open(&entry)?
        .set_modified(now)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["check", "--quiet", "--package", PACKAGE])
        .current_dir(root)
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", data)
        .status()?;
    ensure!(
        status.success(),
        "{PACKAGE} does not compile against the database"
    );
    Ok(())
}

/// The query data in a folder; none when there is no such folder.
fn read(dir: &Path) -> anyhow::Result<Data> {
    if !dir.exists() {
        return Ok(Data::new());
    }
    let mut data = Data::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        data.insert(name, fs::read_to_string(&path)?);
    }
    Ok(data)
}

/// A line for each file that is missing, changed or left over.
fn differences(committed: &Data, wanted: &Data) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, text) in wanted {
        match committed.get(name) {
            Some(kept) if kept == text => {}
            Some(_) => lines.push(format!("changed  {name}  {}", query(text))),
            None => lines.push(format!("missing  {name}  {}", query(text))),
        }
    }
    let stale = committed
        .iter()
        .filter(|(name, _)| !wanted.contains_key(*name));
    lines.extend(stale.map(|(name, text)| format!("stale    {name}  {}", query(text))));
    lines
}

/// The beginning of a file's query, on one line.
fn query(text: &str) -> String {
    let data: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let words: Vec<&str> = data["query"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    words.join(" ").chars().take(70).collect()
}

fn report(differences: &[String]) -> ExitCode {
    if differences.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{CRATE}/.sqlx is not up to date; run `cargo xtask sqlx-prepare`:");
    for line in differences {
        eprintln!("  {line}");
    }
    ExitCode::FAILURE
}

fn replace(dir: &Path, wanted: &Data) -> anyhow::Result<()> {
    fs::create_dir_all(dir)?;
    for name in read(dir)?.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(dir.join(name))?;
    }
    for (name, text) in wanted {
        fs::write(dir.join(name), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(files: &[(&str, &str)]) -> Data {
        let text = |query: &str| serde_json::json!({ "query": query }).to_string();
        files
            .iter()
            .map(|(name, query)| ((*name).to_owned(), text(query)))
            .collect()
    }

    #[test]
    fn every_kind_of_difference_is_named_with_its_query() {
        let committed = data(&[("a", "select 1"), ("b", "select 2"), ("c", "select 3")]);
        let wanted = data(&[("a", "select 1"), ("b", "select\n  4"), ("d", "select 5")]);
        let lines = differences(&committed, &wanted);
        let expected = [
            "changed  b  select 4",
            "missing  d  select 5",
            "stale    c  select 3",
        ];
        assert_eq!(lines, expected);
        assert!(differences(&wanted, &wanted).is_empty());
    }

    #[test]
    fn replacing_leaves_exactly_the_wanted_files() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new");
        replace(&dir, &data(&[("a", "select 1"), ("b", "select 2")])).unwrap();
        let wanted = data(&[("b", "select 3"), ("c", "select 4")]);
        replace(&dir, &wanted).unwrap();
        assert_eq!(read(&dir).unwrap(), wanted);
    }
}
