//! What the log says of webhooks, and what it must not. A process of its own: which lines are
//! written is decided once a process.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "shared with the other tests of the endpoint")]
#[path = "../it/harness.rs"]
mod harness;

use std::{
    io,
    sync::{Arc, Mutex},
};

use maestro_testkit::github::sign;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::harness::{Harness, MARK, SECRET, send_one_of_each};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// Everything that is logged on this thread, Maestro's own crates at their most talkative.
fn logged() -> (Lines, DefaultGuard) {
    let lines = Lines::default();
    let filter =
        EnvFilter::new("warn,maestro_ingress=trace,maestro_forge=trace,maestro_eventlog=trace");
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn logs_name_deliveries_and_hold_neither_bodies_nor_secrets() {
    let (lines, _here) = logged();
    let harness = Harness::start().await;
    send_one_of_each(&harness).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for delivery in ["d-1", "d-2", "d-3", "d-4"] {
        assert!(text.contains(&format!("delivery.id={delivery}")), "{text}");
    }
    assert!(text.contains("the signature does not match"), "{text}");
    let signature = sign(
        SECRET,
        format!("{{\"issue\":{{\"title\":\"{MARK}\"}}}}").as_bytes(),
    );
    for hidden in [MARK, SECRET, "another secret", &signature] {
        assert!(!text.contains(hidden), "{hidden} is logged:\n{text}");
    }
}
