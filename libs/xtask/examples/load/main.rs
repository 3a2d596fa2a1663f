//! Posts signed webhooks and says how fast they were acknowledged. One line of JSON at the end.
//!
//! `load steady --url URL --secret-file FILE [--connections 32] [--warmup 1] [--seconds 5] [--bytes 8192]`
//! keeps every connection busy; its webhooks start nothing.
//!
//! `load paced --url URL --secret-file FILE [--rate 20] [--seconds 30] [--bytes 8192]`
//! posts at a rate, whether answers come or not; each webhook is about another issue and carries the
//! label `run:bench`.

mod client;
mod options;
mod paced;
mod payload;
mod steady;

use options::Options;

type Failure = Box<dyn std::error::Error + Send + Sync>;

// One thread: the generator shares its machine with what it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let mode = words.next().unwrap_or_default();
    let options = Options::parse(words)?;
    let line = match mode.as_str() {
        "steady" => steady::run(options).await?,
        "paced" => paced::run(options).await?,
        _ => return Err("which load: steady or paced".into()),
    };
    println!("{line}");
    Ok(())
}
