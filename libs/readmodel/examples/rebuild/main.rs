//! What `cargo xtask bench rebuild` runs, each step in a process of its own so that memory can be
//! told: `fill` makes a log, `rebuild` builds every projection from it beside empty live tables,
//! `bare` reads the same log raw while it copies the same rows into the same tables.

mod bare;
mod fill;
mod source;
mod whole;

use std::error::Error;

use serde_json::json;

/// Any failure ends a measurement.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [step, nats, database, commits] = arguments.as_slice() else {
        return Err("usage: rebuild fill|rebuild|bare NATS DATABASE COMMITS".into());
    };
    let commits: u64 = commits.parse()?;
    let seconds = match step.as_str() {
        "fill" => fill::run(nats, commits).await?,
        "rebuild" => whole::run(nats, database, commits).await?,
        "bare" => bare::run(nats, database, commits).await?,
        other => return Err(format!("there is no step {other}").into()),
    };
    let peak = peak_mb()?;
    println!(
        "{}",
        json!({"commits": commits, "seconds": seconds, "peak_mb": peak})
    );
    Ok(())
}

/// The most memory this process ever had, in MB.
fn peak_mb() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    Ok(kib.ok_or("no VmHWM")?.parse::<f64>()? / 1024.0)
}
