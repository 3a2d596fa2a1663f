//! Quantities of resources.

/// In thousandths; `None` when the text is no quantity.
pub(crate) fn millis(text: &str) -> Option<i128> {
    let digits = text
        .find(|letter: char| !(letter.is_ascii_digit() || ['.', '+', '-'].contains(&letter)))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor: f64 = match suffix {
        "n" => 1e-6,
        "u" => 1e-3,
        "m" => 1.0,
        "" => 1e3,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "P" => 1e18,
        "Ki" => 1e3 * 1024.0,
        "Mi" => 1e3 * 1_048_576.0,
        "Gi" => 1e3 * 1_073_741_824.0,
        "Ti" => 1e3 * 1_099_511_627_776.0,
        exponent => {
            let power = exponent.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            1e3 * 10f64.powi(power)
        }
    };
    if number.is_empty() {
        return None;
    }
    let value = number.parse::<f64>().ok()? * factor;
    #[allow(clippy::cast_possible_truncation, reason = "within 128 bits")]
    Some(value.ceil() as i128)
}

/// As short as it can be written.
pub(crate) fn text(millis: i128) -> String {
    if millis % 1000 == 0 {
        (millis / 1000).to_string()
    } else {
        format!("{millis}m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, expected) in [
            ("1", 1000),
            ("250m", 250),
            ("1.5", 1500),
            ("1Ki", 1_024_000),
            ("2e3", 2_000_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
        for wrong in ["", "m", "1X", "one", "1 Gi"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
        assert_eq!((text(1000), text(1)), ("1".to_owned(), "1m".to_owned()));
    }
}
