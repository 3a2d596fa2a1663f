//! Times and durations as people read them.

use std::time::Duration;

use maestro_domain::Timestamp;

/// A protobuf time as the domain holds it.
pub(crate) fn at(time: Option<pbjson_types::Timestamp>) -> Option<Timestamp> {
    let time = time?;
    Some(Timestamp::from_millis(
        time.seconds * 1000 + i64::from(time.nanos) / 1_000_000,
    ))
}

/// `12s`, `3m 20s`, `2h 5m`, `4d 3h`; milliseconds below a second.
pub(crate) fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => format!("{}ms", length.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// `3m 20s ago`, or a dash when there is no time.
pub(crate) fn ago(time: Option<pbjson_types::Timestamp>, now: Timestamp) -> String {
    at(time).map_or_else(
        || "-".to_owned(),
        |then| format!("{} ago", duration(now.since(then))),
    )
}

/// `in 3m 20s`, `overdue`, or a dash when there is no time.
pub(crate) fn until(time: Option<pbjson_types::Timestamp>, now: Timestamp) -> String {
    at(time).map_or_else(
        || "-".to_owned(),
        |then| match then.since(now) {
            left if left.is_zero() => "overdue".to_owned(),
            left => format!("in {}", duration(left)),
        },
    )
}

/// Time between two points, up to now when the second is missing.
pub(crate) fn between(
    start: Option<pbjson_types::Timestamp>,
    end: Option<pbjson_types::Timestamp>,
    now: Timestamp,
) -> String {
    let Some(start) = at(start) else {
        return "-".to_owned();
    };
    duration(at(end).unwrap_or(now).since(start))
}

/// Reads `90s`, `15m`, `2h`, `7d` as a length, or an RFC 3339 time, back from `now`.
pub(crate) fn since(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(time) = Timestamp::parse(text) {
        return Some(time);
    }
    let unit = text.chars().next_back()?;
    let number: i64 = text
        .strip_suffix(unit)?
        .parse()
        .ok()
        .filter(|number| *number >= 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let millis = number.checked_mul(seconds)?.checked_mul(1000)?;
    Some(Timestamp::from_millis(now.millis().saturating_sub(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        let read = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(duration(Duration::from_millis(12)), "12ms");
        assert_eq!(read(59), "59s");
        assert_eq!(read(200), "3m 20s");
        assert_eq!(read(7500), "2h 5m");
        assert_eq!(read(90_000), "1d 1h");
    }

    #[test]
    fn deadlines_say_how_long_is_left() {
        let now = Timestamp::from_millis(10_000);
        let at = |seconds| Some(pbjson_types::Timestamp { seconds, nanos: 0 });
        assert_eq!(until(at(70), now), "in 1m 0s");
        assert_eq!(until(at(10), now), "overdue");
        assert_eq!(until(at(3), now), "overdue");
        assert_eq!(until(None, now), "-");
    }

    #[test]
    fn points_in_time_are_given_as_lengths_or_times() {
        let now = Timestamp::from_millis(10_000_000);
        assert_eq!(since("10s", now), Some(Timestamp::from_millis(9_990_000)));
        assert_eq!(
            since("1970-01-01T00:00:01Z", now),
            Some(Timestamp::from_millis(1000))
        );
        for bad in [
            "",
            "s",
            "10",
            "-1s",
            "1y",
            "99999999999999999999d",
            "9223372036854775807d",
        ] {
            assert_eq!(since(bad, now), None, "{bad}");
        }
    }
}
