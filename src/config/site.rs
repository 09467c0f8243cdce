//! The name, logo, colour, links and text of the pages.

use std::fmt;

use url::Url;

/// The longest name of a site, in characters: it is in the head of every page, also on phones.
const MAX_NAME_CHARS: usize = 40;
/// The longest text below each page, in characters.
const MAX_TEXT_CHARS: usize = 500;
/// The largest number of links below each page, besides imprint and privacy.
const MAX_LINKS: usize = 10;

/// An sRGB colour, written `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

/// An http, https or mailto link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Parses `text`; the error names the problem.
    ///
    /// # Errors
    ///
    /// Anything but an absolute http, https or mailto URL without a user name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https" | "mailto") {
            return Err(format!("{text:?} is not an http, https or mailto URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{text:?} contains a user name"));
        }
        Ok(Self(url.into()))
    }

    /// The link.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A link with the name that readers see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLink {
    /// The name, in the operator's language.
    pub name: String,
    /// The target.
    pub link: Link,
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A name of 1 to 40 characters, in one line.
pub(super) fn name(text: &str) -> Result<String, String> {
    line(text, MAX_NAME_CHARS)
}

/// A text of 1 to 500 characters, in one line.
pub(super) fn text(text: &str) -> Result<String, String> {
    line(text, MAX_TEXT_CHARS)
}

fn line(text: &str, max_chars: usize) -> Result<String, String> {
    let line = text.trim();
    let chars = line.chars().count();
    if line.is_empty() || chars > max_chars || line.contains(char::is_control) {
        return Err(format!(
            "{text:?} is empty, longer than {max_chars} characters, or has control characters"
        ));
    }
    Ok(line.to_owned())
}

/// Links as `NAME=URL`, separated by commas.
pub(super) fn links(text: &str) -> Result<Vec<NamedLink>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let links: Vec<_> = text.split(',').map(named_link).collect::<Result<_, _>>()?;
    match links.len() > MAX_LINKS {
        true => Err(format!("more than {MAX_LINKS} links are given")),
        false => Ok(links),
    }
}

fn named_link(text: &str) -> Result<NamedLink, String> {
    let (before, url) =
        text.split_once('=').ok_or_else(|| format!("{text:?} has no = after a name"))?;
    Ok(NamedLink { name: name(before)?, link: Link::parse(url.trim())? })
}

/// `#rrggbb`.
pub(super) fn color(text: &str) -> Result<Color, String> {
    let problem = || format!("{text:?} is not a colour");
    let digits = text.strip_prefix('#').ok_or_else(problem)?;
    if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(problem());
    }
    let value = u32::from_str_radix(digits, 16).map_err(|_| problem())?;
    let [_, red, green, blue] = value.to_be_bytes();
    Ok(Color([red, green, blue]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_names() {
        let names = |text: &str| -> Vec<(String, String)> {
            let links = links(text).unwrap().into_iter();
            links.map(|NamedLink { name, link }| (name, link.as_str().to_owned())).collect()
        };
        let pair = |name: &str, url: &str| (name.to_owned(), url.to_owned());
        assert_eq!(names(""), []);
        assert_eq!(
            names("Contact = mailto:help@example.org ,Status=https://example.org/?a=1%2C2"),
            [
                pair("Contact", "mailto:help@example.org"),
                pair("Status", "https://example.org/?a=1%2C2"),
            ]
        );
        let long = format!("{}=https://example.org", "x".repeat(41));
        let bad = [
            ("https://example.org/", "has no ="),
            ("=https://example.org/", "is empty"),
            (&long, "longer than 40"),
            ("Contact=javascript:alert(1)", "is not an http, https or mailto URL"),
            ("Contact=/contact", "is not a URL"),
            ("Contact=https://example.org/a,b", "\"b\" has no ="),
            ("Contact=https://example.org/,", "\"\" has no ="),
        ];
        for (text, problem) in bad {
            let error = links(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        let many = ["a=https://example.org"; 11].join(",");
        assert!(links(&many).unwrap_err().contains("more than 10"));
    }

    #[test]
    fn a_text_is_one_line() {
        assert_eq!(text(" Example Ltd. ").unwrap(), "Example Ltd.");
        for bad in ["", " ", "a\nb", &"x".repeat(501)] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}
