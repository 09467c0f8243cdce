//! The settings of a secret: lifetime and password; and the error for calls that a server does not have.

use std::time::Duration;

use crate::{
    cli::{Failure, prompt},
    client::Dialect,
    clock::UnixSeconds,
    crypto::SecretText,
};

/// When something expires: hours, or a moment in RFC 3339.
#[derive(Default)]
pub(crate) struct ExpiryTerms {
    pub(crate) hours: Option<u64>,
    pub(crate) moment: Option<String>,
}

/// A time such as `3d`, or a moment such as `2026-12-24T18:00Z`; `flag` is for the error.
pub(crate) fn expiry(
    flag: &str,
    text: Option<&str>,
    dialect: Dialect,
) -> Result<ExpiryTerms, Failure> {
    let Some(text) = text else { return Ok(ExpiryTerms::default()) };
    if !text.contains(':') {
        return Ok(ExpiryTerms { hours: Some(whole_hours(flag, text)?), moment: None });
    }
    if dialect == Dialect::PasswordLink {
        return Err(not_in_password_link("a date and time of expiry"));
    }
    if UnixSeconds::parse(text).is_none() {
        return Err(Failure::usage(format!(
            "{flag} {text}: give a time such as 12h or 3d, or a moment with its time zone, such as \
             2026-12-24T18:00:00Z or 2026-12-24T19:00:00+01:00"
        )));
    }
    Ok(ExpiryTerms { hours: None, moment: Some(text.to_owned()) })
}

/// The whole hours of a time such as `3d`; `flag` is for the error.
pub(crate) fn whole_hours(flag: &str, text: &str) -> Result<u64, Failure> {
    const HOUR: u64 = 3600;
    let wrong = |why: String| Failure::usage(format!("{flag} {text}: {why}"));
    let time = humantime::parse_duration(text)
        .map_err(|error| wrong(format!("{error}; give a time such as 12h or 3d")))?;
    if time.is_zero() || time != Duration::from_secs(time.as_secs() / HOUR * HOUR) {
        return Err(wrong("give whole hours, such as 1h, 12h or 3d".into()));
    }
    Ok(time.as_secs() / HOUR)
}

/// The password from the flags: normalized, or as it was typed for servers of password.link, which compare
/// exactly.
pub(crate) fn password(
    ask: bool,
    file: Option<&str>,
    dialect: Dialect,
) -> Result<Option<SecretText>, Failure> {
    let password = match (ask, file) {
        (_, Some(path)) => prompt::password_in(path, "--password-file")?,
        (true, None) => prompt::new_password("Password", "--password-file")?,
        (false, None) => return Ok(None),
    };
    let typed = prompt::not_blank(&password, file)?;
    Ok(Some(match dialect {
        Dialect::PasswordLink => password,
        Dialect::Sealdrop => SecretText::new(typed.plain().expose_secret().to_owned()),
    }))
}

/// The failure for `what`, which the published API of password.link does not have.
pub(crate) fn not_in_password_link(what: &str) -> Failure {
    Failure::usage(format!("the published API of password.link does not have {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_password_link_get_a_password_as_it_was_typed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "cre\u{301}me").unwrap();
        let sent = |dialect| password(false, file.path().to_str(), dialect).unwrap().unwrap();
        assert_eq!(sent(Dialect::Sealdrop).expose_secret(), "cr\u{e9}me");
        assert_eq!(sent(Dialect::PasswordLink).expose_secret(), "cre\u{301}me");
    }

    #[test]
    fn times_are_whole_hours() {
        for (text, count) in [("1h", 1), ("3d", 72), ("1week", 168), ("1d 12h", 36), ("120m", 2)] {
            assert_eq!(whole_hours("--expires", text).unwrap(), count, "{text}");
        }
        for text in ["", "3", "90m", "0h", "-1h", "soon", "1h 1s"] {
            let failure = whole_hours("--expires", text).unwrap_err();
            assert!(failure.message.starts_with(&format!("--expires {text}: ")), "{text}");
        }
    }
}
