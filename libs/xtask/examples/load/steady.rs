//! As many as are acknowledged: every connection posts its next webhook after the last answer.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Failure,
    client::Client,
    options::Options,
    payload::{self, Signed},
};

pub(crate) async fn run(options: Options) -> Result<Value, Failure> {
    let body = payload::issue(1, "opened", "bug", options.bytes);
    let signed = Signed::new(&options.secret, body);
    let clients: Vec<Client> =
        try_join_all((0..options.connections).map(|_| Client::connect(&options))).await?;
    let posted = Rc::new(Cell::new(0_u64));
    let counted_from = Instant::now() + options.warmup;
    let end = counted_from + options.duration;
    let connections = clients.into_iter().map(|mut client| {
        let (signed, posted) = (&signed, Rc::clone(&posted));
        async move {
            let mut taken = Vec::new();
            loop {
                let start = Instant::now();
                if start >= end {
                    return Ok::<_, Failure>(taken);
                }
                client.post(&Uuid::new_v4().to_string(), signed).await?;
                posted.set(posted.get() + 1);
                let now = Instant::now();
                if now >= counted_from && now < end {
                    taken.push(now - start);
                }
            }
        }
    });
    let mut taken: Vec<Duration> = try_join_all(connections).await?.concat();
    taken.sort_unstable();
    let ms = |permille: usize| {
        let at = (taken.len() * permille / 1000).min(taken.len().saturating_sub(1));
        taken.get(at).map(|time| time.as_secs_f64() * 1e3)
    };
    Ok(json!({
        "bytes": signed.body.len(),
        "posted": posted.get(),
        "counted": taken.len(),
        "per_second": taken.len() as f64 / options.duration.as_secs_f64(),
        "p50_ms": ms(500),
        "p99_ms": ms(990),
    }))
}
