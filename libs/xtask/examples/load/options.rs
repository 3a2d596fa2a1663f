//! What is posted where.

use std::{collections::HashMap, fs, time::Duration};

use crate::Failure;

pub(crate) struct Options {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) secret: String,
    pub(crate) connections: u64,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    /// Webhooks a second, when paced.
    pub(crate) rate: u64,
    /// Length of a body.
    pub(crate) bytes: usize,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut given = HashMap::new();
        while let Some(name) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            given.insert(name, value);
        }
        let number = |name: &str, default: u64| -> Result<u64, Failure> {
            Ok(given.get(name).map_or(Ok(default), |value| value.parse())?)
        };
        let needed = |name: &str| given.get(name).ok_or_else(|| format!("{name} is missing"));
        let url = needed("--url")?;
        let rest = url
            .strip_prefix("http://")
            .ok_or("the URL must begin with http://")?;
        let (host, path) = rest.split_once('/').ok_or("the URL has no path")?;
        let secrets = fs::read_to_string(needed("--secret-file")?)?;
        Ok(Self {
            host: host.to_owned(),
            path: format!("/{path}"),
            secret: secrets.lines().next().unwrap_or_default().trim().to_owned(),
            connections: number("--connections", 32)?,
            warmup: Duration::from_secs(number("--warmup", 1)?),
            duration: Duration::from_secs(number("--seconds", 5)?),
            rate: number("--rate", 20)?.max(1),
            bytes: usize::try_from(number("--bytes", 8192)?)?,
        })
    }
}
