//! A webhook every so often, each on a connection that is free.

use std::time::{SystemTime, UNIX_EPOCH};

use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::{
    Failure,
    client::Client,
    options::Options,
    payload::{self, Signed},
};

/// Connections that take turns; an answer that takes longer than a round of them delays the next.
const CONNECTIONS: u64 = 16;

pub(crate) async fn run(options: Options) -> Result<Value, Failure> {
    let count = options.rate * options.duration.as_secs();
    let start = Instant::now() + options.warmup;
    let turns = (0..CONNECTIONS).map(|turn| {
        let options = &options;
        async move {
            let mut client = Client::connect(options).await?;
            let mut sent = Vec::new();
            for n in (turn..count).step_by(CONNECTIONS as usize) {
                let body = payload::issue(n + 1, "labeled", "run:bench", options.bytes);
                let signed = Signed::new(&options.secret, body);
                let delivery = Uuid::new_v4().to_string();
                sleep_until(start + options.duration.mul_f64(n as f64 / count as f64)).await;
                let at = micros();
                client.post(&delivery, &signed).await?;
                sent.push(json!({"delivery": delivery, "sent_us": at, "answered_us": micros()}));
            }
            Ok::<_, Failure>(sent)
        }
    });
    let sent = try_join_all(turns).await?.concat();
    Ok(json!({ "sent": sent }))
}

/// The wall clock, which the started processes read too.
#[allow(
    clippy::disallowed_methods,
    reason = "a program of its own that measures"
)]
fn micros() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
