//! The broker's URL, taken apart so that no log line of the client repeats its password.

use async_nats::ServerAddr;

use crate::Error;

const MALFORMED: Error =
    Error::Settings("the broker's URL must be nats://user:password@host:port or nats://host:port");

/// Servers of one broker and who to be there.
pub(crate) struct Address {
    pub(crate) servers: Vec<ServerAddr>,
    /// User and password.
    pub(crate) credentials: Option<(String, String)>,
}

/// Reads one URL, or several separated by commas; the first user and password found count for all.
pub(crate) fn parse(urls: &str) -> Result<Address, Error> {
    let mut address = Address {
        servers: Vec::new(),
        credentials: None,
    };
    for url in urls.split(',') {
        let (scheme, rest) = url.trim().split_once("://").ok_or(MALFORMED)?;
        let (user_info, host) = match rest.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, rest),
        };
        let server = format!("{scheme}://{host}");
        address.servers.push(server.parse().map_err(|_| MALFORMED)?);
        if let Some(user_info) = user_info
            && address.credentials.is_none()
        {
            let (user, password) = user_info.split_once(':').ok_or(MALFORMED)?;
            address.credentials = Some((decode(user)?, decode(password)?));
        }
    }
    Ok(address)
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2).ok_or(MALFORMED)?;
        let mut byte = [0];
        hex::decode_to_slice(digits, &mut byte).map_err(|_| MALFORMED)?;
        bytes.push(byte[0]);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| MALFORMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_the_url() {
        let address = parse("nats://me:p%40ss%3A@a.example:4223, tls://b.example").unwrap();
        let expected = ("me".to_owned(), "p@ss:".to_owned());
        assert_eq!(address.credentials, Some(expected));
        let servers: Vec<_> = address
            .servers
            .iter()
            .map(|server| (server.scheme(), server.host(), server.port()))
            .collect();
        let expected = [("nats", "a.example", 4223), ("tls", "b.example", 4222)];
        assert_eq!(servers, expected);
        assert!(!format!("{:?}", address.servers).contains("p%40"));
        assert_eq!(parse("nats://127.0.0.1:1").unwrap().credentials, None);
    }

    #[test]
    fn other_texts_are_refused() {
        for url in [
            "",
            "localhost",
            "nats://[",
            "nats://me@host",
            "nats://a:%4@host",
            "http://x",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
