//! Webhooks signed and sent as GitHub does.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A payload and what goes into its headers.
pub(crate) struct SignedWebhook<'a> {
    pub(crate) event: &'a str,
    pub(crate) delivery: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) body: Vec<u8>,
}

impl SignedWebhook<'_> {
    /// Posts it.
    pub(crate) async fn post(
        self,
        client: &reqwest::Client,
        url: &str,
    ) -> Result<reqwest::Response, reqwest::Error> {
        client
            .post(url)
            .header("content-type", "application/json")
            .header("user-agent", concat!("maestro/", env!("CARGO_PKG_VERSION")))
            .header("x-github-event", self.event)
            .header("x-github-delivery", self.delivery)
            .header("x-hub-signature-256", signature(self.secret, &self.body))
            .body(self.body)
            .send()
            .await
    }
}

/// `sha256=` and the HMAC of the body, as GitHub's `X-Hub-Signature-256`.
fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_in_githubs_documentation() {
        assert_eq!(
            signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
