//! What a run of the latency benchmark executes: appends its delivery and the time to a file.
//!
//! `mark FILE`

use std::{
    env,
    fs::File,
    io::{self, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

#[allow(
    clippy::disallowed_methods,
    reason = "a program of its own that measures"
)]
fn main() -> io::Result<()> {
    let at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    let file = env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let delivery = env::var("MAESTRO_DELIVERY_ID").unwrap_or_default();
    let mut file = File::options().append(true).create(true).open(file)?;
    // One write, so that lines of several processes do not mix.
    file.write_all(format!("{delivery} {at}\n").as_bytes())
}
