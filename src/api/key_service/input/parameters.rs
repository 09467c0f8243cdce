//! The parameters of a request. Headers take precedence over the body, and the body over the query.

use std::cmp::Ordering;

use hyper::header::HeaderMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    form,
    names::{NAMES, V},
};
use crate::{
    api::key_service::error::ServiceError,
    clock::UnixSeconds,
    crypto::SecretText,
    http::{
        body_budget::{BudgetShare, Payer},
        json_fields::{NO_NUMBER, whole_number},
    },
};

/// The place of a value, in order of precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ParameterSource {
    Header,
    Body,
    Query,
}

/// The known parameters of a request. Empty values count as absent. Values are wiped on drop and never
/// printed, because they can be passphrases.
#[derive(Default)]
pub struct Parameters {
    given: Vec<(&'static str, ParameterSource, SecretText)>,
    share: Option<BudgetShare>,
}

impl Parameters {
    /// The parameters in the headers and the query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Parameter`] for a value that is not UTF-8, and for two different values in one
    /// place.
    pub fn from_head(headers: &HeaderMap, query: Option<&str>) -> Result<Self, ServiceError> {
        Self::read_head(&NAMES, headers, query)
    }

    /// Only the parameter with this name in the headers and the query. Errors in others are ignored.
    pub(crate) fn only(
        name: &'static str,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Self, ServiceError> {
        Self::read_head(&[name], headers, query)
    }

    fn read_head(
        names: &[&'static str],
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Self, ServiceError> {
        let mut parameters = Self::default();
        for name in names {
            for value in headers.get_all(*name) {
                parameters.add_bytes(name, ParameterSource::Header, value.as_bytes().to_vec())?;
            }
        }
        let pairs = query.unwrap_or_default().as_bytes();
        form::add_urlencoded(&mut parameters, ParameterSource::Query, names, pairs)?;
        Ok(parameters)
    }

    /// A value; `None` if it is missing or empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().filter(|(given, ..)| *given == name);
        found.min_by_key(|(_, source, _)| *source).map(|(_, _, value)| value.expose_secret())
    }

    /// The value of a required parameter.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Missing`] if it is missing or empty.
    pub fn required(&self, name: &'static str) -> Result<&str, ServiceError> {
        self.text(name).ok_or(ServiceError::Missing(name))
    }

    /// A whole number that is not negative, as `whole_number` reads it.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Parameter`] for another value.
    pub fn number(&self, name: &'static str) -> Result<Option<u64>, ServiceError> {
        self.typed(name, NO_NUMBER, whole_number)
    }

    /// A boolean, in the words that forms and clients use.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Parameter`] for another value.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, ServiceError> {
        self.typed(name, "must be true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    /// A time in the format of RFC 3339. The default zone is UTC, the default time midnight. Fractions of a
    /// second are removed.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Parameter`] for another value.
    pub fn date(&self, name: &'static str) -> Result<Option<UnixSeconds>, ServiceError> {
        let wrong = "must be a date from 1970 on, such as 2026-11-22 or 2026-11-22T12:00:00+01:00";
        self.typed(name, wrong, date)
    }

    /// Checks the API version. Only version 1 exists.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Parameter`] for another version.
    pub fn check_version(&self) -> Result<(), ServiceError> {
        match self.text(V).map(|version| whole_number(version.trim())) {
            // Some clients send `1.0`.
            None | Some(Some(1)) => Ok(()),
            Some(_) => Err(ServiceError::parameter(V, "must be 1, the only version")),
        }
    }

    /// Adds a value, unless it is empty. The bytes are wiped either way.
    pub(super) fn add_bytes(
        &mut self,
        name: &'static str,
        source: ParameterSource,
        bytes: Vec<u8>,
    ) -> Result<(), ServiceError> {
        match String::from_utf8(bytes) {
            Ok(text) => self.add(name, source, SecretText::new(text)),
            Err(error) => {
                drop(crate::crypto::SecretBytes::new(error.into_bytes()));
                Err(ServiceError::parameter(name, "must be UTF-8"))
            }
        }
    }

    /// Adds a value, unless it is empty.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        source: ParameterSource,
        value: SecretText,
    ) -> Result<(), ServiceError> {
        if value.is_empty() {
            return Ok(());
        }
        let mut given = self.given.iter();
        match given.find(|(other, place, _)| (*other, *place) == (name, source)) {
            None => {
                self.given.push((name, source, value));
                Ok(())
            }
            Some((.., first)) if first.expose_secret() == value.expose_secret() => Ok(()),
            Some(_) => Err(ServiceError::parameter(name, "is given twice, with different values")),
        }
    }

    /// Takes a share of the memory for `bytes` of values. Returns whether they need one.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Busy`] if the memory is not free in time.
    pub(super) async fn hold(&mut self, payer: &Payer, bytes: usize) -> Result<bool, ServiceError> {
        let share = self.share.get_or_insert_with(|| payer.share());
        share.cover(bytes).await?;
        Ok(!share.is_empty())
    }

    /// Keeps a share of the memory for as long as the values.
    pub(super) fn keep(&mut self, share: BudgetShare) {
        self.share = Some(share);
    }

    fn typed<T>(
        &self,
        name: &'static str,
        wrong: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ServiceError> {
        let read =
            |text: &str| read(text.trim()).ok_or_else(|| ServiceError::parameter(name, wrong));
        self.text(name).map(read).transpose()
    }
}

fn date(text: &str) -> Option<UnixSeconds> {
    let (day, rest) = text.split_at_checked("2026-11-22".len())?;
    let time = rest.strip_prefix(['T', 't', ' ']);
    let time = if rest.is_empty() { "00:00" } else { time? };
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at_checked(at)?,
        None => (time, "Z"),
    };
    let seconds = match clock.len().cmp(&"12:00".len()) {
        Ordering::Equal => ":00",
        _ => "",
    };
    let moment = OffsetDateTime::parse(&format!("{day}T{clock}{seconds}{zone}"), &Rfc3339).ok()?;
    u64::try_from(moment.unix_timestamp()).ok().map(UnixSeconds)
}

#[cfg(test)]
mod tests {
    use super::{
        super::names::{LIMIT, MESSAGE, PASSPHRASE, PUBLIC_KEY, TOKEN},
        *,
    };

    fn parameters(headers: &[(&'static str, &[u8])], query: &str) -> Result<Parameters, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, hyper::header::HeaderValue::from_bytes(value).unwrap());
        }
        Parameters::from_head(&map, Some(query)).map_err(|error| told(&error))
    }

    fn told(error: &ServiceError) -> String {
        match error {
            ServiceError::Parameter { name, reason } => format!("{name} {reason}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn headers_come_before_the_query() {
        let found = parameters(&[("Token", b"h")], "token=q&PublicKey=p%20%C3%A5+x&passphrase=");
        let found = found.unwrap();
        assert_eq!(found.text(TOKEN), Some("h"));
        assert_eq!(found.text(PUBLIC_KEY), Some("p å x"));
        assert_eq!(found.text(PASSPHRASE), None);
        assert!(matches!(found.required(PASSPHRASE), Err(ServiceError::Missing(PASSPHRASE))));
    }

    #[test]
    fn a_body_comes_between_headers_and_query() {
        let mut found = parameters(&[("token", b"h")], "token=q&message=q").unwrap();
        found.add(TOKEN, ParameterSource::Body, SecretText::new("b".into())).unwrap();
        found.add(MESSAGE, ParameterSource::Body, SecretText::new("b".into())).unwrap();
        assert_eq!((found.text(TOKEN), found.text(MESSAGE)), (Some("h"), Some("b")));
    }

    #[test]
    fn two_values_in_one_place_are_an_error() {
        assert!(parameters(&[], "token=a&Token=a&x=1&x=2").is_ok());
        assert!(parameters(&[], "token=&token=a").is_ok());
        let twice = "token is given twice, with different values";
        assert_eq!(parameters(&[], "token=a&TOKEN=b").err().unwrap(), twice);
        let headers: [(_, &[u8]); 2] = [("token", b"a"), ("token", b"b")];
        assert_eq!(parameters(&headers, "").err().unwrap(), twice);
        assert_eq!(parameters(&[("token", b"\xe5")], "").err().unwrap(), "token must be UTF-8");
        assert_eq!(parameters(&[], "token=%e5").err().unwrap(), "token must be UTF-8");
    }

    #[test]
    fn numbers_and_flags_are_typed() {
        let number = |text| parameters(&[], &format!("limit={text}")).unwrap().number(LIMIT);
        assert_eq!(number("007").unwrap(), Some(7));
        assert_eq!(number("").unwrap(), None);
        assert_eq!(number("24.0").unwrap(), Some(24));
        for wrong in ["-1", "%2B1", "1.5", "x", "99999999999999999999"] {
            assert_eq!(told(&number(wrong).unwrap_err()), "limit must be a whole number");
        }
        let flag = |text| parameters(&[], &format!("limit={text}")).unwrap().flag(LIMIT);
        assert_eq!(flag("True").unwrap(), Some(true));
        assert_eq!(flag("off").unwrap(), Some(false));
        assert_eq!(told(&flag("2").unwrap_err()), "limit must be true or false");
    }

    #[test]
    fn there_is_one_version() {
        let cases = [
            ("", true),
            ("v=1", true),
            ("V=", true),
            ("v=1.0", true),
            ("v=1.00", true),
            ("v=2", false),
            ("v=2.0", false),
            ("v=1.1", false),
            ("v=0", false),
            ("v=v1", false),
            ("v=-1", false),
            ("v=1.", false),
        ];
        for (query, right) in cases {
            assert_eq!(parameters(&[], query).unwrap().check_version().is_ok(), right, "{query}");
        }
    }

    #[test]
    fn dates_are_rfc_3339_or_shorter() {
        let cases = [
            ("2026-11-22T12:00:00Z", Some(1_795_348_800)),
            ("2026-11-22 12:00:00.999z", Some(1_795_348_800)),
            ("2026-11-22T13:00:00+01:00", Some(1_795_348_800)),
            ("2026-11-22T12:00", Some(1_795_348_800)),
            ("2026-11-22t12:00Z", Some(1_795_348_800)),
            ("2026-11-22", Some(1_795_305_600)),
            ("1970-01-01", Some(0)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-02-29", None),
            ("2026-11-22T", None),
            ("2026-11-22T24:00", None),
            ("2026-11-22x12:00", None),
            ("2026-11-22T12:00:00Zjunk", None),
            ("22.11.2026", None),
            ("2026-11-2é", None),
            ("tomorrow", None),
        ];
        for (text, expected) in cases {
            assert_eq!(date(text), expected.map(UnixSeconds), "{text}");
        }
    }
}
