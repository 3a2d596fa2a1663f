//! What the reply subject of a delivered message says about it.

use maestro_domain::Timestamp;

/// Position of a message in its stream and consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) delivered: i64,
    pub(crate) stream_seq: u64,
    pub(crate) consumer_seq: u64,
    pub(crate) at: Timestamp,
    /// Messages behind it that match the consumer's filter.
    pub(crate) pending: u64,
}

/// Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer
/// seq>.<nanoseconds>.<pending>[.<token>]`.
pub(crate) fn parse(reply: &str) -> Option<Position> {
    let rest = reply.strip_prefix("$JS.ACK.")?;
    let tokens = rest.split('.').count();
    let mut fields = rest.split('.').skip(if tokens >= 9 { 4 } else { 2 });
    let delivered = fields.next()?.parse().ok()?;
    let stream_seq = fields.next()?.parse().ok()?;
    let consumer_seq = fields.next()?.parse().ok()?;
    let nanos: i64 = fields.next()?.parse().ok()?;
    let pending = fields.next()?.parse().ok()?;
    let at = Timestamp::from_millis(nanos / 1_000_000);
    Some(Position {
        delivered,
        stream_seq,
        consumer_seq,
        at,
        pending,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_reply_are_read() {
        let expected = Position {
            delivered: 2,
            stream_seq: 41,
            consumer_seq: 7,
            at: Timestamp::from_millis(1_795_176_000_123),
            pending: 5,
        };
        let short = "$JS.ACK.EVENTS.c1.2.41.7.1795176000123456789.5";
        let long = "$JS.ACK.hub.acchash.EVENTS.c1.2.41.7.1795176000123456789.5.rnd";
        assert_eq!(parse(short), Some(expected));
        assert_eq!(parse(long), Some(expected));
    }

    #[test]
    fn anything_else_is_refused() {
        for reply in ["", "_INBOX.x", "$JS.ACK.a.b", "$JS.ACK.S.c.x.41.7.1.5"] {
            assert_eq!(parse(reply), None, "{reply}");
        }
    }
}
