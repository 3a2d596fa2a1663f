//! How fast the broker takes messages with nothing of Maestro between: the yardstick for the
//! ingress. Prints one line of JSON.
//!
//! `raw_publish --url nats://user:password@host:port [--bytes 8192] [--in-flight 32] [--seconds 5]`

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{self, stream::Config};
use bytes::Bytes;
use futures::future::try_join_all;
use tokio::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const STREAM: &str = "MAESTRO_RAW_PUBLISH";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let number = |name: &str, default: u64| -> Result<u64, Failure> {
        Ok(arguments
            .get(name)
            .map_or(Ok(default), |value| value.parse())?)
    };
    let url = arguments.get("--url").ok_or("--url is missing")?;
    let bytes = number("--bytes", 8_192)?;
    let in_flight = number("--in-flight", 32)?;
    let seconds = number("--seconds", 5)?;

    let context = jetstream::new(connect(url).await?);
    let config = Config {
        name: STREAM.to_owned(),
        subjects: vec![format!("{STREAM}.>")],
        ..Config::default()
    };
    context.create_stream(&config).await?;
    let measured = measure(&context, usize::try_from(bytes)?, in_flight, seconds).await;
    context.delete_stream(STREAM).await?;
    let (messages, elapsed) = measured?;
    let line = serde_json::json!({
        "benchmark": "raw_publish",
        "bytes": bytes,
        "in_flight": in_flight,
        "messages": messages,
        "seconds": elapsed.as_secs_f64(),
        "messages_per_second": messages as f64 / elapsed.as_secs_f64(),
    });
    println!("{line}");
    Ok(())
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

async fn connect(url: &str) -> Result<async_nats::Client, Failure> {
    let rest = url
        .strip_prefix("nats://")
        .ok_or("the URL must begin with nats://")?;
    let Some((user_info, host)) = rest.rsplit_once('@') else {
        return Ok(async_nats::connect(rest).await?);
    };
    let (user, password) = user_info
        .split_once(':')
        .ok_or("the URL has a user without password")?;
    let options = async_nats::ConnectOptions::with_user_and_password(user.into(), password.into());
    Ok(options.connect(host).await?)
}

/// Publishes from `in_flight` tasks, each waiting for its acknowledgement; messages and time.
async fn measure(
    context: &jetstream::Context,
    bytes: usize,
    in_flight: u64,
    seconds: u64,
) -> Result<(u64, Duration), Failure> {
    let payload = Bytes::from(vec![b'x'; bytes]);
    let done = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let tasks = (0..in_flight).map(|task| {
        let (context, payload, done) = (context.clone(), payload.clone(), Arc::clone(&done));
        async move {
            tokio::spawn(async move {
                while Instant::now() < end {
                    let n = done.fetch_add(1, Ordering::Relaxed);
                    let subject = format!("{STREAM}.{task}.{n}");
                    context.publish(subject, payload.clone()).await?.await?;
                }
                Ok::<_, Failure>(())
            })
            .await?
        }
    });
    try_join_all(tasks).await?;
    Ok((done.load(Ordering::Relaxed), start.elapsed()))
}
