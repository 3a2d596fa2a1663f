//! Subjects with wildcards, as NATS matches them.

/// `<project>.<aggregate>.<event>`, where `*` is one word and `>` at the end is the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    /// `None` for what is no subject.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split('.').map(str::to_owned).collect();
        let well_formed = words
            .iter()
            .enumerate()
            .all(|(index, word)| match word.as_str() {
                ">" => index + 1 == words.len(),
                "*" => true,
                word => !word.is_empty() && word.bytes().all(is_plain),
            });
        well_formed.then_some(Self(words))
    }

    /// The subjects of its project, below the log's prefix.
    pub(super) fn project(&self) -> String {
        match self.0.first().map(String::as_str) {
            None | Some("*" | ">") => ">".to_owned(),
            Some(project) => format!("{project}.>"),
        }
    }

    /// Whether an event of `project` with the type `<aggregate>.<event>` matches.
    pub(super) fn matches(&self, project: &str, event: &str) -> bool {
        let mut words = std::iter::once(project).chain(event.split('.'));
        for wanted in &self.0 {
            match (wanted.as_str(), words.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(word)) if wanted == word => {}
                _ => return false,
            }
        }
        words.next().is_none()
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_on_the_broker() {
        let matches = |pattern, event| Pattern::parse(pattern).unwrap().matches("shop", event);
        assert!(matches(">", "run.requested"));
        assert!(matches("shop.*.requested", "run.requested"));
        assert!(matches("*.run.>", "run.requested"));
        assert!(!matches("shop.run", "run.requested"));
        assert!(!matches("shop.run.requested.>", "run.requested"));
        assert!(!matches("till.>", "run.requested"));
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        for bad in ["", ".", "a..b", "a b", "a.>.b", "a.b>"] {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }
}
