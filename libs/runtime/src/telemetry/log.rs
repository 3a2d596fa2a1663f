//! Log lines on stderr, with registered secrets masked.

use std::io::{self, IsTerminal, Write};

use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    fmt::{self, MakeWriter},
    registry::LookupSpan,
};

use super::LogFormat;
use crate::secret::mask;

/// The layer that writes log lines in `format`.
pub(super) fn layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let is_terminal = io::stderr().is_terminal();
    match format {
        LogFormat::Json => json(Masked(io::stderr)),
        LogFormat::Auto if !is_terminal => json(Masked(io::stderr)),
        LogFormat::Auto | LogFormat::Text => fmt::layer()
            .compact()
            .with_ansi(is_terminal)
            .with_writer(Masked(io::stderr))
            .boxed(),
    }
}

fn json<S, W>(writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    layer.with_writer(writer).boxed()
}

/// Masks registered secrets in what it passes on. The formatter writes each line at once.
struct Masked<W>(W);

struct MaskedWriter<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Masked<W> {
    type Writer = MaskedWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedWriter(self.0.make_writer())
    }
}

impl<W: Write> Write for MaskedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .write_all(mask(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::secret::{Secret, register_secret};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = json(Masked(move || writer.clone()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_json_objects_with_the_fields_of_event_and_span() {
        let text = logged(|| {
            let _entered = tracing::info_span!("decide", delivery.id = "d1").entered();
            tracing::info!(run.id = "run_1", "run requested");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["message"], &line["run.id"]),
            (&"run requested".into(), &"run_1".into())
        );
        assert_eq!(line["span"]["delivery.id"], "d1");
    }

    #[test]
    fn a_registered_secret_never_reaches_a_line() {
        register_secret("s3same\"open");
        let text = logged(|| {
            let _entered =
                tracing::info_span!("serve", url = "nats://u:s3same\"open@host").entered();
            tracing::warn!(error = "refused s3same\"open", secret = %Secret::new("other"), "s3same\"open");
        });
        assert!(
            !text.contains("s3same") && !text.contains("other"),
            "{text}"
        );
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "[redacted]");
        assert_eq!(line["span"]["url"], "nats://u:[redacted]@host");
    }
}
