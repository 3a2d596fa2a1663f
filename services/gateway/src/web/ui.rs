//! The built UI, embedded in the binary.

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{
    auth::Identity,
    error::{ApiError, ErrorCode},
    wire::Wire,
};

#[derive(RustEmbed)]
#[folder = "../ui/dist"]
#[allow_missing = true]
pub(crate) struct Assets;

/// Files below this path carry a hash of their content in their name.
const HASHED: &str = "assets/";
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>Maestro</title>\
     <h1>The UI is not part of this build</h1>\
     <p>Run <code>bootstrap/up</code>: it builds the UI and starts Maestro.</p></html>";

/// Answers whatever no other route does: files of the UI, its pages, or an error in the caller's
/// own form.
pub(crate) async fn serve<A: RustEmbed>(request: Request) -> Response {
    if let Wire::Grpc(content_type) = Wire::of(request.headers()) {
        let status = tonic::Status::unimplemented("there is no such service");
        let mut response = status.into_http::<Body>();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        return response;
    }
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("api/") {
        return ApiError::not_found("there is no such path").into_response();
    }
    if !request.method().is_safe() {
        let message = "this path does not take this method";
        return ApiError::new(ErrorCode::MethodNotAllowed, message).into_response();
    }
    match A::get(path).filter(|_| path != "index.html") {
        Some(file) => asset(path, &file, request.headers()),
        None if path.starts_with(HASHED) => {
            ApiError::not_found("there is no such file").into_response()
        }
        None => page::<A>(path, request.extensions().get::<Identity>().is_some()),
    }
}

fn asset(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = hex::encode(file.metadata.sha256_hash());
    let tag = format!("\"{}\"", &hash[..32]);
    let caching = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value == tag.as_str());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(file.data.clone()).into_response()
    };
    let answer = response.headers_mut();
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    for (name, value) in [
        (header::CONTENT_TYPE, file.metadata.mimetype()),
        (header::ETAG, tag.as_str()),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.insert(name, value);
        }
    }
    response
}

/// A page of the UI, which draws itself by its address. Without a session it shows how to sign in,
/// and the status says so too.
fn page<A: RustEmbed>(path: &str, signed_in: bool) -> Response {
    let status = if signed_in || path == "login" {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    let (status, html) = match A::get("index.html") {
        Some(file) => (status, Body::from(file.data)),
        None => (StatusCode::SERVICE_UNAVAILABLE, Body::from(NOT_BUILT)),
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (status, headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[derive(RustEmbed)]
    #[folder = "tests/ui"]
    struct Built;

    #[derive(RustEmbed)]
    #[folder = "tests/ui-that-was-not-built"]
    #[allow_missing = true]
    struct Missing;

    async fn get<A: RustEmbed>(path: &str) -> Response {
        serve::<A>(Request::get(path).body(Body::empty()).unwrap()).await
    }

    fn header_of(response: &Response, name: header::HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    #[tokio::test]
    async fn hashed_files_are_cached_for_ever_and_others_are_asked_for_again() {
        let hashed = get::<Built>("/assets/app-1a2b3c.js").await;
        assert!(header_of(&hashed, header::CACHE_CONTROL).contains("immutable"));
        assert!(header_of(&hashed, header::CONTENT_TYPE).contains("javascript"));
        let icon = get::<Built>("/icon.svg").await;
        assert_eq!(header_of(&icon, header::CACHE_CONTROL), "no-cache");
        let tag = header_of(&icon, header::ETAG);
        let again = Request::get("/icon.svg").header(header::IF_NONE_MATCH, tag);
        let again = serve::<Built>(again.body(Body::empty()).unwrap()).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn every_other_path_is_a_page_and_missing_files_are_not() {
        assert_eq!(get::<Built>("/login").await.status(), StatusCode::OK);
        let page = get::<Built>("/runs/run_1").await;
        assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
        assert!(header_of(&page, header::CONTENT_TYPE).starts_with("text/html"));
        assert_eq!(
            get::<Built>("/assets/gone.js").await.status(),
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            get::<Built>("/api/v1/nothing").await.status(),
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn a_build_without_the_ui_says_what_to_do() {
        let page = get::<Missing>("/").await;
        assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = axum::body::to_bytes(page.into_body(), 10_000)
            .await
            .unwrap();
        assert!(String::from_utf8_lossy(&body).contains("bootstrap/up"));
    }
}
