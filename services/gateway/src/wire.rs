//! How a caller speaks: plain HTTP or one of gRPC's forms.

use http::{HeaderMap, HeaderValue, header};

/// The form of a request, and so of an early answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Anything but gRPC.
    Http,
    /// gRPC or gRPC-web, with the content type to answer in.
    Grpc(HeaderValue),
}

impl Wire {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let answer = match content_type {
            Some(text) if text.starts_with(b"application/grpc-web-text") => {
                "application/grpc-web-text+proto"
            }
            Some(text) if text.starts_with(b"application/grpc-web") => "application/grpc-web+proto",
            Some(text) if text.starts_with(b"application/grpc") => "application/grpc",
            _ => return Self::Http,
        };
        Self::Grpc(HeaderValue::from_static(answer))
    }
}
