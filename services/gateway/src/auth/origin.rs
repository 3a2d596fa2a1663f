//! Which host a request names and which page sent it.

use std::net::IpAddr;

use http::{HeaderMap, Method, Uri, header, uri::Authority};

use crate::error::{ApiError, ErrorCode};

/// The host names the gateway answers to.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    /// `None`: any (not on loopback).
    allowed: Option<Vec<String>>,
}

impl Hosts {
    /// Any name when listening on a reachable address; only local ones and `further` on loopback.
    pub(crate) fn new(listen: IpAddr, further: &[String]) -> Self {
        let allowed = further
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        Self {
            allowed: listen.is_loopback().then_some(allowed),
        }
    }

    /// Refuses a request that names a host which is not the gateway's: a page of another site
    /// whose name was pointed here (DNS rebinding).
    pub(crate) fn check(&self, authority: Option<&Authority>) -> Result<(), ApiError> {
        let Some(allowed) = &self.allowed else {
            return Ok(());
        };
        let refused = || {
            ApiError::new(
                ErrorCode::Forbidden,
                "this host name is not served here; use localhost or the address printed at start",
            )
        };
        let host = authority.ok_or_else(refused)?.host().to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let local = bare == "localhost"
            || bare.ends_with(".localhost")
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if local || allowed.iter().any(|name| name == bare) {
            Ok(())
        } else {
            Err(refused())
        }
    }
}

/// The host a request names: `:authority` of HTTP/2, else the `Host` header.
pub(crate) fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

/// Refuses a changing request that a browser sent for a page of another origin. Whoever is no
/// browser sends neither header and cannot be led to send a cookie.
pub(crate) fn check_same_origin(
    method: &Method,
    headers: &HeaderMap,
    authority: Option<&Authority>,
) -> Result<(), ApiError> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let same = match headers.get("sec-fetch-site") {
        Some(site) => matches!(site.as_bytes(), b"same-origin" | b"none"),
        None => headers.get(header::ORIGIN).is_none_or(|origin| {
            let origin = origin.to_str().ok().and_then(|text| text.split_once("://"));
            match (origin, authority) {
                (Some((_, origin)), Some(host)) => origin.eq_ignore_ascii_case(host.as_str()),
                _ => false,
            }
        }),
    };
    if same {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::Forbidden,
        "requests from pages of another origin are refused",
    ))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::HeaderValue;

    use super::*;

    fn host(text: &str) -> Authority {
        text.parse().unwrap()
    }

    #[test]
    fn on_loopback_only_local_names_and_the_configured_ones_are_served() {
        let hosts = Hosts::new(Ipv4Addr::LOCALHOST.into(), &["tunnel.example".to_owned()]);
        for good in [
            "localhost:80",
            "127.0.0.1:9",
            "[::1]:1",
            "a.localhost",
            "Tunnel.example",
        ] {
            assert!(hosts.check(Some(&host(good))).is_ok(), "{good}");
        }
        for bad in [
            "evil.example:80",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "localhost.evil",
        ] {
            assert!(hosts.check(Some(&host(bad))).is_err(), "{bad}");
        }
        assert!(hosts.check(None).is_err());
        let anywhere = Hosts::new(Ipv4Addr::UNSPECIFIED.into(), &[]);
        assert!(anywhere.check(Some(&host("maestro.example"))).is_ok());
    }

    #[test]
    fn changing_requests_of_other_pages_are_refused() {
        let gateway = host("127.0.0.1:8080");
        let verdict = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            check_same_origin(&Method::POST, &headers, Some(&gateway)).is_ok()
        };
        assert!(verdict(&[]));
        assert!(verdict(&[("sec-fetch-site", "same-origin")]));
        assert!(verdict(&[("origin", "http://127.0.0.1:8080")]));
        assert!(!verdict(&[("sec-fetch-site", "cross-site")]));
        assert!(!verdict(&[("sec-fetch-site", "same-site")]));
        assert!(!verdict(&[("origin", "http://127.0.0.1:9090")]));
        assert!(!verdict(&[("origin", "null")]));
        assert!(!verdict(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://127.0.0.1:8080")
        ]));
    }
}
