//! Which web pages may call the APIs from another origin.

use super::PublicUrl;

/// Whose pages may call the APIs, besides our own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CrossOrigin {
    /// Pages of any origin.
    #[default]
    Any,
    /// None.
    Off,
    /// Pages of these origins, each as a browser writes it in `Origin`.
    Listed(Vec<String>),
}

impl CrossOrigin {
    /// Parses `any`, `off`, or origins that are separated by commas.
    ///
    /// # Errors
    ///
    /// The problem with the value, or with one of the origins.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "any" | "*" => Ok(Self::Any),
            "off" => Ok(Self::Off),
            list => list
                .split(',')
                .map(|item| origin(item.trim()))
                .collect::<Result<_, _>>()
                .map(Self::Listed),
        }
    }
}

/// An origin as a browser writes it (RFC 6454, 6.2): in lower case, without the scheme's own port.
fn origin(text: &str) -> Result<String, String> {
    if ["any", "*", "off"].contains(&text) {
        return Err(format!("{text:?} cannot be combined with other values"));
    }
    let url = PublicUrl::parse(text)?;
    if url.as_str() != url.origin() {
        return Err(format!("{text:?} has a path, which an origin cannot have"));
    }
    let origin = url.origin().to_ascii_lowercase();
    let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
    Ok(origin.strip_suffix(default_port).unwrap_or(&origin).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_do() {
        let listed = |text| match CrossOrigin::parse(text) {
            Ok(CrossOrigin::Listed(origins)) => origins.join(" "),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(CrossOrigin::parse("any"), Ok(CrossOrigin::Any));
        assert_eq!(CrossOrigin::parse(" off "), Ok(CrossOrigin::Off));
        let cases = [
            ("https://a.example", "https://a.example"),
            ("HTTPS://A.Example:443/", "https://a.example"),
            (
                "http://a:80, https://b:80,http://[::1]:3000",
                "http://a https://b:80 http://[::1]:3000",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(listed(text), expected);
        }
        for wrong in [
            "",
            "null",
            "a.example",
            "https://",
            "https://*.a.example",
            "https://a.example/path",
            "https://user@a.example",
            "https://a.example,",
            "https://a.example,any",
            "off,https://a.example",
            "ftp://a.example",
            "https://a.example?x",
        ] {
            assert!(CrossOrigin::parse(wrong).is_err(), "{wrong}");
        }
    }
}
