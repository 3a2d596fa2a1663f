//! Names, and the rules for them.

use uuid::Uuid;

/// A new uid.
pub(crate) fn uid() -> String {
    Uuid::new_v4().to_string()
}

/// Five characters as the API server appends them to `generateName`.
pub(crate) fn suffix() -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = Uuid::new_v4();
    random.as_bytes()[..5]
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

pub(crate) const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
pub(crate) const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const KEY_RULE: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// RFC 1123 label.
pub(crate) fn label(text: &str) -> Result<(), String> {
    if text.len() > 63 {
        return Err("must be no more than 63 bytes".to_owned());
    }
    lower(text, LABEL_RULE)
}

/// RFC 1123 subdomain.
pub(crate) fn subdomain(text: &str) -> Result<(), String> {
    if text.len() > 253 {
        return Err("must be no more than 253 bytes".to_owned());
    }
    text.split('.')
        .try_for_each(|part| lower(part, SUBDOMAIN_RULE))
}

fn lower(text: &str, rule: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = text.bytes().next().is_some_and(fits) && text.bytes().last().is_some_and(fits);
    if ends && text.bytes().all(|byte| fits(byte) || byte == b'-') {
        Ok(())
    } else {
        Err(rule.to_owned())
    }
}

/// The value of a label.
pub(crate) fn label_value(text: &str) -> Result<(), String> {
    if text.len() > 63 {
        return Err("must be no more than 63 bytes".to_owned());
    }
    if text.is_empty() || mixed(text) {
        Ok(())
    } else {
        Err(VALUE_RULE.to_owned())
    }
}

/// The key of a label or annotation.
pub(crate) fn qualified(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if let Some(prefix) = prefix {
        subdomain(prefix).map_err(|why| format!("prefix part {why}"))?;
    }
    if name.len() > 63 {
        return Err("name part must be no more than 63 bytes".to_owned());
    }
    if mixed(name) {
        Ok(())
    } else {
        Err(NAME_RULE.to_owned())
    }
}

fn mixed(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().next().is_some_and(fits)
        && text.bytes().last().is_some_and(fits)
        && text
            .bytes()
            .all(|byte| fits(byte) || b"-_.".contains(&byte))
}

/// A key of a ConfigMap or Secret.
pub(crate) fn data_key(text: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.len() > 253 {
        return Err("must be no more than 253 characters".to_owned());
    }
    if text == "." || text.starts_with("..") {
        return Err("must not be '.' and must not start with '..'".to_owned());
    }
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(())
    } else {
        Err(KEY_RULE.to_owned())
    }
}

/// The name of an environment variable: printable ASCII without `=`.
pub(crate) fn env_name(text: &str) -> Result<(), String> {
    if !text.is_empty()
        && text
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=')
    {
        Ok(())
    } else {
        Err("a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_names() {
        assert!(label("a-1").is_ok() && subdomain("a.b-c").is_ok());
        for bad in ["", "-a", "a-", "A", "a_b", &"a".repeat(64)] {
            assert!(label(bad).is_err(), "{bad}");
        }
        assert!(subdomain("a..b").is_err());
        assert!(label_value("").is_ok() && label_value("A.b_c").is_ok());
        assert!(label_value("a b").is_err() && label_value(&"a".repeat(64)).is_err());
        assert!(qualified("maestro.dev/run-id").is_ok() && qualified("app").is_ok());
        assert!(
            qualified("A_/x").is_err() && qualified("a/b/c").is_err() && qualified("a/").is_err()
        );
        assert!(
            data_key("prompt.txt").is_ok() && data_key("a/b").is_err() && data_key("..").is_err()
        );
        assert!(env_name("A.B").is_ok() && env_name("A=B").is_err() && env_name("").is_err());
        assert!(label(&suffix()).is_ok());
    }
}
