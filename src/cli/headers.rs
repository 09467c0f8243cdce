//! Headers for a proxy in front of a server, such as a login. They are sent with every call to the server.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use super::{
    Context, Failure,
    connection::{read_text, warn_of_readers},
};

/// Headers that calls set themselves: those of HTTP, and those that the server reads.
const OURS: [&str; 30] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "content-range",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "range",
    "accept",
    "accept-encoding",
    "x-api-key",
    "secret-password",
    "lease",
    "upload-token",
    "token",
    "passphrase",
    "privatekeyhash",
    "idempotency-key",
    "message",
    "encryptedmessage",
    "encryptionkey",
    "since",
    "limit",
    "offset",
    "format",
];

/// Adds the header `text` (`NAME: VALUE`), or for `@FILE` the headers in a file below `dir`, one per line.
///
/// Errors contain the name at most, because values may be secret.
pub(crate) fn add(
    headers: &mut HeaderMap,
    text: &str,
    origin: &str,
    dir: &Path,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let Some(path) = text.strip_prefix('@') else { return add_line(headers, text, origin) };
    let path = dir.join(path);
    let lines = read_text(&path).map_err(|error| {
        Failure::usage(format!("{origin}: {} cannot be read: {error}", path.display()))
    })?;
    warn_of_readers(&path, context)?;
    let mut lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines.try_for_each(|line| add_line(headers, line, origin))
}

fn add_line(headers: &mut HeaderMap, text: &str, origin: &str) -> Result<(), Failure> {
    let wrong = |why: &str| Failure::usage(format!("{origin}: {why}"));
    let Some((name, value)) = text.split_once(':') else {
        return Err(wrong("give a header as NAME: VALUE, or @FILE for the headers in a file"));
    };
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| wrong("the text before the colon is not the name of a header"))?;
    if OURS.contains(&name.as_str()) {
        return Err(wrong(&format!("sealdrop sets the header {name} itself")));
    }
    let mut value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
        wrong(&format!("the value of {name} has characters that a header cannot contain"))
    })?;
    value.set_sensitive(true);
    headers.append(name, value);
    Ok(())
}

/// The address without its user name and password, and the header made from these (RFC 7617).
pub(crate) fn without_login(mut url: Url) -> (Url, Option<HeaderValue>) {
    if url.username().is_empty() && url.password().is_none() {
        return (url, None);
    }
    let decoded = |text: &str| Zeroizing::new(percent_decode_str(text).collect::<Vec<u8>>());
    let (name, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
    let login = Zeroizing::new([&**name, b":", &**password].concat());
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*login)));
    let login = HeaderValue::from_str(&value).ok().map(|mut value| {
        value.set_sensitive(true);
        value
    });
    // A URL that has them allows removing them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (url, login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_name_and_a_value() {
        let mut headers = HeaderMap::new();
        for good in ["X-A: b", "x-a:c:d", "Cookie: a=b; c=d", "Authorization: Bearer x", "X-Empty:"]
        {
            add_line(&mut headers, good, "--header").unwrap();
        }
        let values: Vec<_> = headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["b", "c:d"]);
        assert_eq!(headers.get("x-empty").unwrap(), "");
        assert!(!format!("{headers:?}").contains("c=d"));
        for bad in [
            "sesame",
            "",
            ": sesame",
            "a b: sesame",
            "Host: sesame",
            "TOKEN: sesame",
            "X: s\nesame",
        ] {
            let failure = add_line(&mut headers, bad, "--header").unwrap_err();
            assert!(failure.message.starts_with("--header: "), "{bad}");
            assert!(!failure.message.contains("sesame"), "{bad}");
        }
    }

    #[test]
    fn a_login_leaves_the_address() {
        let login = |text: &str| {
            let (url, login) = without_login(text.parse().unwrap());
            (url.to_string(), login.map(|login| login.to_str().unwrap().to_owned()))
        };
        assert_eq!(login("https://x.org/a/"), ("https://x.org/a/".into(), None));
        let basic = |text: &str| Some(format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(login("https://u:p@x.org:1/a/"), ("https://x.org:1/a/".into(), basic("u:p")));
        assert_eq!(
            login("http://u%40v:p%3A%2F@x.org/"),
            ("http://x.org/".into(), basic("u@v:p:/"))
        );
        assert_eq!(login("http://u@x.org/").1, basic("u:"));
        assert_eq!(login("http://:p@x.org/").1, basic(":p"));
    }
}
