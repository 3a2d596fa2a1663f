//! The request headers GitHub sends.

use http::HeaderMap;

use crate::{
    error::{HeaderError, SignatureError},
    signature::Signature,
    source::{Encoding, Envelope},
};

const DELIVERY: &str = "X-GitHub-Delivery";
const EVENT: &str = "X-GitHub-Event";
const HOOK: &str = "X-GitHub-Hook-ID";
const SIGNATURE: &str = "X-Hub-Signature-256";
const CONTENT: &str = "Content-Type";

const MAX_TOKEN: usize = 64;

pub(super) fn envelope(headers: &HeaderMap) -> Result<Envelope, HeaderError> {
    let missing = |field| HeaderError::Missing { field };
    let delivery = once(headers, DELIVERY)?
        .ok_or(missing(DELIVERY))?
        .parse()
        .map_err(|_| HeaderError::Invalid {
            field: DELIVERY,
            expected: "1 to 128 characters out of A-Z a-z 0-9 _ -",
        })?;
    let event = token(headers, EVENT)?.ok_or(missing(EVENT))?;
    let hook = token(headers, HOOK)?;
    let encoding = encoding(once(headers, CONTENT)?.ok_or(missing(CONTENT))?)?;
    Ok(Envelope {
        delivery,
        event,
        hook,
        encoding,
    })
}

pub(super) fn signature(headers: &HeaderMap) -> Result<Signature, SignatureError> {
    match once(headers, SIGNATURE) {
        Ok(Some(text)) => Signature::parse(text),
        Ok(None) => Err(SignatureError::Missing),
        Err(_) => Err(SignatureError::Malformed),
    }
}

/// The header's text. Sent twice it is refused: two readers could pick different ones.
fn once<'h>(headers: &'h HeaderMap, field: &'static str) -> Result<Option<&'h str>, HeaderError> {
    let mut values = headers.get_all(field).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let invalid = HeaderError::Invalid {
        field,
        expected: "sent once, in ASCII",
    };
    if values.next().is_some() {
        return Err(invalid);
    }
    value.to_str().map(Some).map_err(|_| invalid)
}

fn token(headers: &HeaderMap, field: &'static str) -> Result<Option<String>, HeaderError> {
    let Some(text) = once(headers, field)? else {
        return Ok(None);
    };
    let fits = (1..=MAX_TOKEN).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if fits {
        Ok(Some(text.to_owned()))
    } else {
        Err(HeaderError::Invalid {
            field,
            expected: "1 to 64 characters out of A-Z a-z 0-9 _ -",
        })
    }
}

fn encoding(content_type: &str) -> Result<Encoding, HeaderError> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        Ok(Encoding::Json)
    } else if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(Encoding::Form)
    } else {
        Err(HeaderError::Invalid {
            field: CONTENT,
            expected: "application/json or application/x-www-form-urlencoded",
        })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-github-event", "issues"),
        ("x-github-hook-id", "292430182"),
        ("content-type", "application/json; charset=utf-8"),
    ];

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                (HeaderName::from_static(name), value)
            })
            .collect()
    }

    #[test]
    fn a_real_request_is_read() {
        let read = envelope(&headers(&GOOD)).unwrap();
        assert_eq!(read.delivery.as_str(), GOOD[0].1);
        assert_eq!(read.event, "issues");
        assert_eq!(read.hook.as_deref(), Some("292430182"));
        assert_eq!(read.encoding, Encoding::Json);
    }

    #[test]
    fn a_missing_header_is_named() {
        for (header, field) in [(0, DELIVERY), (1, EVENT), (3, CONTENT)] {
            let mut pairs = GOOD.to_vec();
            pairs.remove(header);
            let error = envelope(&headers(&pairs)).unwrap_err();
            assert_eq!(error, HeaderError::Missing { field });
        }
        let mut without_hook = GOOD.to_vec();
        without_hook.remove(2);
        assert_eq!(envelope(&headers(&without_hook)).unwrap().hook, None);
    }

    #[test]
    fn a_value_that_could_break_a_subject_is_refused() {
        for (header, value) in [
            (0, "a.b"),
            (0, ""),
            (1, "issues.>"),
            (1, "*"),
            (1, "issués"),
            (2, "1 2"),
            (3, "text/plain"),
            (3, ""),
        ] {
            let mut pairs = GOOD.to_vec();
            pairs[header].1 = value;
            let error = envelope(&headers(&pairs)).unwrap_err();
            assert!(matches!(error, HeaderError::Invalid { .. }), "{value}");
            assert!(error.field().eq_ignore_ascii_case(GOOD[header].0));
        }
    }

    #[test]
    fn a_repeated_header_is_refused() {
        let mut twice = headers(&GOOD);
        twice.append("x-github-delivery", HeaderValue::from_static("other"));
        assert_eq!(envelope(&twice).unwrap_err().field(), DELIVERY);
        let tag = HeaderValue::from_str(&format!("sha256={}", "0".repeat(64))).unwrap();
        twice.append("x-hub-signature-256", tag.clone());
        assert!(signature(&twice).is_ok());
        twice.append("x-hub-signature-256", tag);
        assert_eq!(signature(&twice), Err(SignatureError::Malformed));
        assert_eq!(signature(&headers(&GOOD)), Err(SignatureError::Missing));
    }
}
