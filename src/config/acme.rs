//! The settings of certificates from an ACME authority.

use lettre::Address;
use url::{Host, Url};

/// The most domains: each has a certificate of its own, and authorities limit how many they issue.
const MAX_DOMAINS: usize = 50;

/// Domain names, separated by commas; empty for none.
pub(super) fn domains(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',') {
        let name = domain(name.trim())?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len() > MAX_DOMAINS {
        true => Err(format!("more than {MAX_DOMAINS} domains are given")),
        false => Ok(names),
    }
}

/// A full name in the form that certificates have: ASCII, in lower case, without a dot at its end.
fn domain(text: &str) -> Result<String, String> {
    let wrong = |why: &str| Err(format!("{text:?} {why}"));
    if text.contains('*') {
        return wrong("stands for all names: a certificate for it needs changes of the DNS");
    }
    match Host::parse(text) {
        Ok(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let is_allowed = |char: char| char.is_ascii_alphanumeric() || "-.".contains(char);
            match name.contains('.') && name.chars().all(is_allowed) {
                true => Ok(name.to_owned()),
                false => wrong("is not a full domain name"),
            }
        }
        Ok(_) => wrong("is an address, for which there is no certificate: use tls_self_signed"),
        Err(_) => wrong("is not a domain name"),
    }
}

/// An email address.
pub(super) fn email(text: &str) -> Result<Option<String>, String> {
    match text.parse::<Address>() {
        Ok(address) => Ok(Some(address.to_string())),
        Err(_) => Err(format!("{text:?} is not an email address")),
    }
}

/// The URL of an authority's directory.
pub(super) fn directory(text: &str) -> Result<Option<String>, String> {
    let url = Url::parse(text).map_err(|_| format!("{text:?} is not a URL"))?;
    let has_login = !url.username().is_empty() || url.password().is_some();
    match url.scheme() == "https" && url.has_host() && !has_login {
        true => Ok(Some(text.to_owned())),
        false => Err(format!("{text:?} is not an https URL without a login")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_full_names() {
        let good = [
            ("", vec![]),
            ("drop.example.org", vec!["drop.example.org"]),
            ("A.example, b.example,a.example.", vec!["a.example", "b.example"]),
            ("r\u{e4}ksm\u{f6}rg\u{e5}s.example", vec!["xn--rksmrgs-5wao1o.example"]),
        ];
        for (text, expected) in good {
            assert_eq!(domains(text).unwrap(), expected, "{text}");
        }
        let bad = [
            "localhost",
            "*.example.org",
            "192.0.2.1",
            "[::1]",
            "https://a.example",
            "a.example:443",
            "a b.example",
            "a_b.example",
            "a.example,",
            "..",
        ];
        for text in bad {
            assert!(domains(text).is_err(), "{text}");
        }
        let many: Vec<_> = (0..=MAX_DOMAINS).map(|number| format!("n{number}.example")).collect();
        assert!(domains(&many.join(",")).is_err());
    }

    #[test]
    fn the_authority_has_an_https_url() {
        assert!(directory("https://acme.example:14000/dir").unwrap().is_some());
        for text in ["", "acme.example", "http://acme.example/dir", "https://u:p@acme.example/dir"]
        {
            assert!(directory(text).is_err(), "{text}");
        }
        assert_eq!(email("a@example.org").unwrap().as_deref(), Some("a@example.org"));
        for text in ["", "a", "a@example.org, b@example.org", "mailto:a@example.org\n"] {
            assert!(email(text).is_err(), "{text}");
        }
    }
}
