//! Reading requests: every refusal names its field.

use std::str::FromStr;

use maestro_contracts::v1;
use maestro_domain::{DeliveryId, Name, Provider, RunId, ids::CommandKey};
use maestro_readmodel::{MAX_PAGE_SIZE, PageRequest};
use uuid::Uuid;

use crate::error::ApiError;

/// Longest text a filter may hold, in bytes.
const MAX_FILTER_BYTES: usize = 256;
/// Longest reason of a command, in bytes.
const MAX_REASON_BYTES: usize = 2000;
/// Longest page token, in bytes.
const MAX_TOKEN_BYTES: usize = 1024;

/// A value with its own text form, such as an id; empty is refused.
fn required<T: FromStr<Err: std::fmt::Display>>(
    field: &'static str,
    text: &str,
) -> Result<T, ApiError> {
    if text.is_empty() {
        return Err(ApiError::field(field, format!("{field} is missing")));
    }
    text.parse()
        .map_err(|error| ApiError::field(field, format!("{error}")))
}

/// Like [`required`], but empty means none.
fn optional<T: FromStr<Err: std::fmt::Display>>(
    field: &'static str,
    text: &str,
) -> Result<Option<T>, ApiError> {
    if text.is_empty() {
        Ok(None)
    } else {
        required(field, text).map(Some)
    }
}

pub(super) fn run_id(field: &'static str, text: &str) -> Result<RunId, ApiError> {
    required(field, text)
}

pub(super) fn delivery_id(field: &'static str, text: &str) -> Result<DeliveryId, ApiError> {
    required(field, text)
}

/// A filter whose values have a form of their own; empty means any.
pub(super) fn filter<T: FromStr<Err: std::fmt::Display>>(
    field: &'static str,
    text: String,
) -> Result<String, ApiError> {
    optional::<T>(field, &text)?;
    Ok(text)
}

/// A project's slug to filter by.
pub(super) fn project(text: String) -> Result<String, ApiError> {
    filter::<Name>("project", text)
}

/// A project or a pool that is named.
pub(super) fn name(field: &'static str, text: &str) -> Result<Name, ApiError> {
    required(field, text)
}

pub(super) fn run_filter(field: &'static str, text: &str) -> Result<Option<RunId>, ApiError> {
    optional(field, text)
}

/// The provider asked for; GitHub when empty.
pub(super) fn provider(text: &str) -> Result<Provider, ApiError> {
    required("provider", if text.is_empty() { "github" } else { text })
}

/// Free text to filter by; empty means any.
pub(super) fn text_filter(field: &'static str, text: String) -> Result<String, ApiError> {
    check_text(field, &text, MAX_FILTER_BYTES)?;
    if text.chars().any(char::is_control) {
        return Err(ApiError::field(
            field,
            format!("{field} holds a control character"),
        ));
    }
    Ok(text)
}

/// The reason of a command; empty means none.
pub(super) fn reason(text: &str) -> Result<Option<String>, ApiError> {
    let text = text.trim();
    check_text("reason", text, MAX_REASON_BYTES)?;
    if text.contains('\0') {
        return Err(ApiError::field("reason", "reason holds a NUL character"));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The caller's idempotency key, or a fresh one.
pub(super) fn command_key(text: &str) -> Result<CommandKey, ApiError> {
    match optional("idempotency_key", text)? {
        Some(key) => Ok(key),
        None => required("idempotency_key", &Uuid::new_v4().to_string()),
    }
}

/// The page asked for.
pub(super) fn page(page: Option<v1::PageRequest>) -> Result<PageRequest, ApiError> {
    let page = page.unwrap_or_default();
    if page.page_size > MAX_PAGE_SIZE {
        let message = format!("a page has at most {MAX_PAGE_SIZE} rows");
        return Err(ApiError::field("page.page_size", message));
    }
    check_text("page.page_token", &page.page_token, MAX_TOKEN_BYTES)?;
    Ok(PageRequest {
        size: page.page_size,
        token: page.page_token,
    })
}

fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), ApiError> {
    if text.len() <= most {
        return Ok(());
    }
    Err(ApiError::field(
        field,
        format!("{field} has more than {most} bytes"),
    ))
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;

    fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>) -> (Code, String) {
        let status = Status::from(result.unwrap_err());
        let field = status
            .metadata()
            .get("field")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        (status.code(), field)
    }

    #[test]
    fn refusals_name_their_field() {
        let expect = |field: &str| (Code::InvalidArgument, field.to_owned());
        assert_eq!(refused(run_id("id", "")), expect("id"));
        assert_eq!(refused(run_id("id", "prj_00")), expect("id"));
        assert_eq!(refused(delivery_id("id", "a.b")), expect("id"));
        assert_eq!(refused(project("Not A Name".to_owned())), expect("project"));
        assert_eq!(
            refused(text_filter("event", "a\0b".to_owned())),
            expect("event")
        );
        assert_eq!(
            refused(text_filter("event", "x".repeat(257))),
            expect("event")
        );
        assert_eq!(refused(reason(&"x".repeat(2001))), expect("reason"));
        assert_eq!(refused(command_key("a b")), expect("idempotency_key"));
        let wide = v1::PageRequest {
            page_size: 201,
            ..Default::default()
        };
        assert_eq!(refused(page(Some(wide))), expect("page.page_size"));
        let long = v1::PageRequest {
            page_token: "x".repeat(1025),
            ..Default::default()
        };
        assert_eq!(refused(page(Some(long))), expect("page.page_token"));
    }

    #[test]
    fn empty_means_none_or_the_default() {
        assert_eq!(project(String::new()).unwrap(), "");
        assert_eq!(reason("  ").unwrap(), None);
        assert_eq!(page(None).unwrap(), PageRequest::default());
        assert_ne!(command_key("").unwrap(), command_key("").unwrap());
        assert_eq!(provider("").unwrap().as_str(), "github");
    }
}
