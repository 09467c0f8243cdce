//! The name, logo, colour and links of the pages.

use std::fmt;

use url::Url;

/// The longest name of a site, in characters: it is in the head of every page, also on phones.
const MAX_NAME_CHARS: usize = 40;

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

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// A name of 1 to 40 characters, in one line.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let chars = name.chars().count();
    if name.is_empty() || chars > MAX_NAME_CHARS || name.contains(char::is_control) {
        return Err(format!(
            "{text:?} is empty, longer than {MAX_NAME_CHARS} characters, or has control characters"
        ));
    }
    Ok(name.to_owned())
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
