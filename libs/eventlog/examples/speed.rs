//! How fast the log stores deliveries and reads them back. Prints one line of JSON each.
//!
//! `speed --url nats://user:password@host:port [--bytes 8192] [--in-flight 32] [--seconds 5]`
//!
//! Works under a prefix of its own and leaves its streams behind: use a broker made for it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::future::try_join_all;
use maestro_domain::Timestamp;
use maestro_eventlog::{Delivery, EventLog, Settings, Stream};
use tokio::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let number = |name: &str, default: u64| -> Result<u64, Failure> {
        Ok(arguments
            .get(name)
            .map_or(Ok(default), |value| value.parse())?)
    };
    let url = arguments.get("--url").ok_or("--url is missing")?;
    let bytes = usize::try_from(number("--bytes", 8_192)?)?;
    let in_flight = number("--in-flight", 32)?;
    let seconds = number("--seconds", 5)?;
    let prefix = format!("speed-{}", std::process::id());
    let log = EventLog::connect(&Settings {
        prefix,
        ..Settings::single(url)
    })
    .await?;
    log.ensure().await?;
    let (stored, elapsed) = store(&log, bytes, in_flight, seconds).await?;
    report("store_delivery", bytes, stored, elapsed);
    let elapsed = read(&log, stored).await?;
    report("read", bytes, stored, elapsed);
    let (median, worst) = latency(&log, stored).await?;
    println!(
        "{}",
        serde_json::json!({
            "benchmark": "idle_reader",
            "median_us": median.as_micros() as u64,
            "p99_us": worst.as_micros() as u64,
        })
    );
    Ok(())
}

fn report(benchmark: &str, bytes: usize, messages: u64, elapsed: Duration) {
    let line = serde_json::json!({
        "benchmark": benchmark,
        "bytes": bytes,
        "messages": messages,
        "messages_per_second": messages as f64 / elapsed.as_secs_f64(),
    });
    println!("{line}");
}

fn arguments() -> Result<HashMap<String, String>, Failure> {
    let mut arguments = HashMap::new();
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        arguments.insert(name, value);
    }
    Ok(arguments)
}

fn delivery(n: u64, body: &Bytes) -> Result<Delivery, Failure> {
    Ok(Delivery {
        provider: "github".parse()?,
        event: "issues".to_owned(),
        repository: Some(("acme".to_owned(), "shop".to_owned())),
        id: format!("speed-{n}").parse()?,
        hook_id: None,
        form: false,
        body: body.clone(),
        received_at: Timestamp::from_millis(0),
        traceparent: None,
    })
}

async fn store(
    log: &EventLog,
    bytes: usize,
    in_flight: u64,
    seconds: u64,
) -> Result<(u64, Duration), Failure> {
    let body = Bytes::from(vec![b'x'; bytes]);
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let tasks = (0..in_flight).map(|_| {
        let (log, body, next) = (log.clone(), body.clone(), Arc::clone(&next));
        async move {
            tokio::spawn(async move {
                while Instant::now() < end {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    log.store_delivery(&delivery(n, &body)?).await?;
                }
                Ok::<_, Failure>(())
            })
            .await?
        }
    });
    try_join_all(tasks).await?;
    Ok((next.load(Ordering::Relaxed), start.elapsed()))
}

async fn read(log: &EventLog, stored: u64) -> Result<Duration, Failure> {
    let start = Instant::now();
    let mut reader = log.read(Stream::Deliveries, 1);
    let mut seen = 0;
    while seen < stored {
        seen += reader.next_batch(500).await?.len() as u64;
    }
    Ok(start.elapsed())
}

/// From the acknowledgement of a delivery to its arrival at an idle reader: median and p99.
async fn latency(log: &EventLog, stored: u64) -> Result<(Duration, Duration), Failure> {
    let mut reader = log.read(Stream::Deliveries, stored + 1);
    reader.open().await?;
    let body = Bytes::from_static(b"{}");
    let mut taken = Vec::new();
    for n in 0..500 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let (acknowledged_at, read_at) = tokio::join!(
            async {
                let delivery = delivery(stored + n, &body)?;
                log.store_delivery(&delivery).await?;
                Ok::<_, Failure>(Instant::now())
            },
            async {
                reader.next().await?;
                Ok::<_, Failure>(Instant::now())
            }
        );
        taken.push(read_at?.saturating_duration_since(acknowledged_at?));
    }
    taken.sort_unstable();
    Ok((taken[taken.len() / 2], taken[taken.len() * 99 / 100]))
}
