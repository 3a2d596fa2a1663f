//! Keyset paging: a token names the last row of a page, not a number of rows to skip, so pages
//! stay true while rows are added.

use maestro_domain::Digest;

use crate::error::Error;

/// Rows of a page at most.
pub const MAX_PAGE_SIZE: u32 = 200;
/// Rows of a page when the caller does not say.
const DEFAULT_PAGE_SIZE: u32 = 50;
/// Bytes of a token that say which list and filter it belongs to.
const MARK: usize = 8;

/// Which page is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows wanted: 1 to [`MAX_PAGE_SIZE`], 50 when zero.
    pub size: u32,
    /// `next` of the page before; empty for the first.
    pub token: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, newest first.
    pub rows: Vec<T>,
    /// Token of the next page; `None` on the last.
    pub next: Option<String>,
    /// The read model holds the log at least up to here.
    pub revision: u64,
}

impl PageRequest {
    /// The size asked for.
    pub(crate) fn limit(&self) -> Result<u32, Error> {
        match self.size {
            0 => Ok(DEFAULT_PAGE_SIZE),
            size if size <= MAX_PAGE_SIZE => Ok(size),
            _ => Err(Error::Invalid {
                field: "page_size",
                problem: "must be at most 200",
            }),
        }
    }

    /// The key in the token, `None` for the first page.
    pub(crate) fn key(&self, mark: &Mark) -> Result<Option<Vec<u8>>, Error> {
        if self.token.is_empty() {
            return Ok(None);
        }
        let bytes = hex::decode(&self.token).map_err(|_| Error::PageToken)?;
        match bytes.split_at_checked(MARK) {
            Some((start, key)) if start == mark.0 => Ok(Some(key.to_vec())),
            _ => Err(Error::PageToken),
        }
    }
}

/// Tells the tokens of one list and filter from all others.
pub(crate) struct Mark([u8; MARK]);

impl Mark {
    /// Of a list and the values of its filter.
    pub(crate) fn new(list: &str, filter: &[&str]) -> Self {
        let parts: Vec<&[u8]> = std::iter::once(list)
            .chain(filter.iter().copied())
            .map(str::as_bytes)
            .collect();
        let digest = Digest::of_parts(&parts);
        let mut mark = [0; MARK];
        mark.copy_from_slice(&digest.bytes()[..MARK]);
        Self(mark)
    }

    fn token(&self, key: &[u8]) -> String {
        format!("{}{}", hex::encode(self.0), hex::encode(key))
    }

    /// Makes a page out of up to `limit + 1` rows.
    pub(crate) fn page<T>(
        &self,
        mut rows: Vec<T>,
        limit: u32,
        revision: u64,
        key: impl Fn(&T) -> Vec<u8>,
    ) -> Page<T> {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| self.token(&key(last)));
        Page {
            rows,
            next,
            revision,
        }
    }
}

/// A filter's text as it is asked for: `None` for an empty one.
pub(crate) fn filter_text<'a>(
    field: &'static str,
    text: &'a str,
) -> Result<Option<&'a str>, Error> {
    if text.len() > 512 {
        return Err(Error::Invalid {
            field,
            problem: "must have at most 512 bytes",
        });
    }
    if text.contains('\0') {
        return Err(Error::Invalid {
            field,
            problem: "must not contain a NUL",
        });
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_key_and_to_no_other_list() {
        let runs = Mark::new("runs", &["shop", ""]);
        let page = runs.page(vec![3_u8, 2, 1], 2, 9, |row| vec![*row]);
        assert_eq!((page.rows, page.revision), (vec![3, 2], 9));
        let next = PageRequest {
            size: 2,
            token: page.next.unwrap(),
        };
        assert_eq!(next.key(&runs).unwrap(), Some(vec![2]));
        for other in [
            Mark::new("runs", &["", "shop"]),
            Mark::new("deliveries", &["shop", ""]),
        ] {
            assert!(matches!(next.key(&other), Err(Error::PageToken)));
        }
        assert_eq!(runs.page(vec![1_u8], 2, 9, |row| vec![*row]).next, None);
    }

    #[test]
    fn hostile_requests_get_typed_errors() {
        let mark = Mark::new("runs", &[]);
        for token in [
            "zz",
            "00",
            "'; drop table runs; --",
            "ä",
            &"ff".repeat(10_000),
        ] {
            let request = PageRequest {
                size: 0,
                token: token.to_owned(),
            };
            assert!(
                matches!(request.key(&mark), Err(Error::PageToken)),
                "{token}"
            );
        }
        let request = PageRequest {
            size: 201,
            token: String::new(),
        };
        assert!(matches!(
            request.limit(),
            Err(Error::Invalid {
                field: "page_size",
                ..
            })
        ));
        assert!(matches!(
            filter_text("project", "a\0b"),
            Err(Error::Invalid { .. })
        ));
        assert!(matches!(
            filter_text("project", &"x".repeat(513)),
            Err(Error::Invalid { .. })
        ));
        assert_eq!(filter_text("project", "").unwrap(), None);
    }
}
