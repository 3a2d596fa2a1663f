//! W3C trace context: how one trace follows a webhook through streams and processes.

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use rand::RngExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The `traceparent` of the current span; `None` outside of one or without telemetry.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// The `traceparent` of `span`; `None` when it is disabled or without telemetry.
#[must_use]
pub fn traceparent_of(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| format_context(&context))
}

/// The current span's `traceparent`, else a new one, so that a trace id always exists.
#[must_use]
pub fn traceparent_or_new() -> String {
    current_traceparent().unwrap_or_else(new_traceparent)
}

/// A `traceparent` with fresh ids, marked as sampled.
#[must_use]
pub fn new_traceparent() -> String {
    let mut rng = rand::rng();
    // All zeros is invalid.
    let (trace, span) = (
        rng.random_range(1..=u128::MAX),
        rng.random_range(1..=u64::MAX),
    );
    format!("00-{trace:032x}-{span:016x}-01")
}

/// Makes `span` a child of the remote span that `traceparent` names. Does nothing when there is
/// none or it is malformed. To be called before the span is first entered.
pub fn set_parent(span: &Span, traceparent: Option<&str>) {
    let Some(remote) = traceparent.and_then(parse) else {
        return;
    };
    if let Err(error) = span.set_parent(Context::new().with_remote_span_context(remote)) {
        tracing::debug!(%error, "the span has no remote parent");
    }
}

/// Adds an attribute to `span` as it is exported. Cheaper than a field, which log lines show too and
/// which is formatted for them whether there are any or not.
pub fn set_attribute(span: &Span, name: &'static str, value: &'static str) {
    span.set_attribute(name, value);
}

/// The trace id in a `traceparent`, 32 hexadecimal digits.
#[must_use]
pub fn trace_id(traceparent: &str) -> Option<String> {
    parse(traceparent).map(|context| context.trace_id().to_string())
}

fn format_context(context: &SpanContext) -> String {
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    format!(
        "00-{}-{}-{:02x}",
        context.trace_id(),
        context.span_id(),
        flags
    )
}

fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.trim().split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(span, 16)
        && is_hex(flags, 2)
        // A later version may have more parts, the first may not.
        && (version != "00" || parts.next().is_none());
    if !well_formed {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE)).filter(SpanContext::is_valid)
}

fn is_hex(part: &str, length: usize) -> bool {
    part.len() == length
        && part
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_span_continues_the_remote_trace() {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("child");
            set_parent(&span, Some(REMOTE));
            let ours = span.in_scope(current_traceparent).unwrap();
            assert_eq!(ours.split('-').nth(1), REMOTE.split('-').nth(1));
            assert_ne!(ours.split('-').nth(2), REMOTE.split('-').nth(2));
            assert!(ours.ends_with("-01"), "{ours}");
        });
    }

    #[test]
    fn without_telemetry_there_is_none_and_a_new_one_is_well_formed() {
        assert_eq!(current_traceparent(), None);
        let new = traceparent_or_new();
        assert_eq!(trace_id(&new).unwrap(), new.split('-').nth(1).unwrap());
        assert_ne!(new, new_traceparent());
    }

    #[test]
    fn malformed_ones_are_ignored() {
        let zeros = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        let bad = [
            "",
            "00",
            "xx",
            zeros.as_str(),
            &REMOTE[1..],
            &REMOTE.to_uppercase(),
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ];
        for traceparent in bad {
            assert_eq!(trace_id(traceparent), None, "{traceparent}");
        }
        assert_eq!(trace_id(&format!("{REMOTE}-more")), None);
        assert!(trace_id(&format!("01{}-more", &REMOTE[2..])).is_some());
    }
}
