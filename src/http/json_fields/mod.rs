//! Reads the fields of a JSON body by name and type. Errors name the field.

mod field;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use self::field::MAX_STRINGS;
pub use self::field::{BodyFields, Field, FieldKind, TextLimits};
use super::error::HttpError;

/// The fields of a JSON object. Strings are borrowed from the body, so that a long ciphertext is read only
/// once.
pub struct JsonFields<'a>(Vec<(Cow<'a, str>, FieldValue<'a>)>);

enum FieldValue<'a> {
    Null,
    Boolean(bool),
    Integer(u64),
    Text(Cow<'a, str>),
    /// An array of strings and nulls.
    List(Vec<Option<Cow<'a, str>>>),
    /// A fraction, a list of other values, or an object: no field has these types.
    Other,
}

impl<'a> JsonFields<'a> {
    /// Reads the `wanted` fields of a body. All other fields must be valid JSON and are ignored.
    ///
    /// # Errors
    ///
    /// [`HttpError::Malformed`] if the body is not a JSON object.
    pub fn parse(body: &'a [u8], wanted: &[Field]) -> Result<Self, HttpError> {
        let malformed = |what: String| HttpError::Malformed(what);
        let text = std::str::from_utf8(without_bom(body))
            .map_err(|_| malformed("The request's body must be UTF-8".into()))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let fields = reader.deserialize_map(WantedFields { wanted });
        fields.and_then(|fields| reader.end().map(|()| Self(fields))).map_err(|error| {
            // The parser's own text could repeat parts of the body, so the error has only the position.
            malformed(match error.classify() {
                serde_json::error::Category::Data => {
                    "The request's body must be a JSON object".into()
                }
                _ => format!(
                    "The request's body is not valid JSON (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            })
        })
    }

    /// A string; `None` if the field is missing, null or empty.
    ///
    /// # Errors
    ///
    /// [`HttpError::Field`] for another type.
    pub fn string(&self, field: &Field) -> Result<Option<&str>, HttpError> {
        self.value(field, "must be a string", |value| match value {
            FieldValue::Text(text) => Some(&**text),
            _ => None,
        })
    }

    /// A whole number that is not negative, as a number or a string that `whole_number` accepts; `None` if
    /// the field is missing, null or empty.
    ///
    /// # Errors
    ///
    /// [`HttpError::Field`] for another value.
    pub fn number(&self, field: &Field) -> Result<Option<u64>, HttpError> {
        self.value(field, NO_NUMBER, FieldValue::number)
    }

    /// A number as for [`JsonFields::number`], within the limits of the field.
    ///
    /// # Errors
    ///
    /// [`HttpError::Field`] for another value, or one outside the limits.
    pub fn number_in_range<T: TryFrom<u64>>(&self, field: &Field) -> Result<Option<T>, HttpError> {
        let Some(number) = self.number(field)? else { return Ok(None) };
        let (min, max) = match field.kind {
            FieldKind::Number { min, max } => (min, max),
            _ => (0, u64::MAX),
        };
        let is_inside = (min..=max).contains(&number);
        let number = T::try_from(number).ok().filter(|_| is_inside);
        let wrong = || HttpError::field(field.name, format!("must be between {min} and {max}"));
        number.map(Some).ok_or_else(wrong)
    }

    /// A number as for [`JsonFields::number`], or an array of strings and nulls; `None` if the field is
    /// missing, null or empty.
    ///
    /// # Errors
    ///
    /// [`HttpError::Field`] for another value.
    pub fn count_or_list(&self, field: &Field) -> Result<Option<CountOrList<'_>>, HttpError> {
        let wrong = "must be a whole number, or a list of strings and nulls";
        self.value(field, wrong, |value| match value {
            FieldValue::List(items) => {
                Some(CountOrList::List(items.iter().map(Option::as_deref).collect()))
            }
            value => value.number().map(CountOrList::Count),
        })
    }

    /// `true` or `false`, also as a string, for clients that send only strings; `false` if the field is
    /// missing, null or empty.
    ///
    /// # Errors
    ///
    /// [`HttpError::Field`] for another value.
    pub fn boolean(&self, field: &Field) -> Result<bool, HttpError> {
        let found = self.value(field, "must be true or false", |value| match value {
            FieldValue::Boolean(flag) => Some(*flag),
            FieldValue::Text(text) => text.parse().ok(),
            _ => None,
        })?;
        Ok(found.unwrap_or(false))
    }

    /// A list of strings; `None` if the field is missing, null or empty.
    ///
    /// # Errors
    ///
    /// [`HttpError::Field`] for another value.
    pub fn strings(&self, field: &Field) -> Result<Option<Vec<&str>>, HttpError> {
        self.value(field, "must be a list of strings", |value| match value {
            FieldValue::List(items) if items.len() <= MAX_STRINGS => {
                items.iter().map(Option::as_deref).collect()
            }
            _ => None,
        })
    }

    /// Whether the field exists, even if it is null.
    #[must_use]
    pub fn has(&self, field: &Field) -> bool {
        self.0.iter().any(|(name, _)| field.is_called(name))
    }

    fn value<'s, T>(
        &'s self,
        field: &Field,
        wrong: &str,
        read: impl FnOnce(&'s FieldValue<'a>) -> Option<T>,
    ) -> Result<Option<T>, HttpError> {
        let mut found = self.0.iter().filter(|(name, _)| field.is_called(name));
        let Some((_, value)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(HttpError::field(field.name, "is given more than once"));
        }
        match value {
            FieldValue::Null => Ok(None),
            // HTML forms send all their fields, also the empty ones.
            FieldValue::Text(text) if text.is_empty() => Ok(None),
            value => read(value).map(Some).ok_or_else(|| HttpError::field(field.name, wrong)),
        }
    }
}

impl FieldValue<'_> {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => whole_number(text),
            _ => None,
        }
    }
}

/// The error text for a value that is not a whole number.
pub(crate) const NO_NUMBER: &str = "must be a whole number";

/// Parses a non-negative whole number, with or without a fraction of zeros: `24`, `24.0`. Signs and exponents
/// are rejected.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_whole = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    // The standard library's parser would accept a plus sign.
    let has_digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    (is_whole && has_digits).then(|| whole.parse().ok())?
}

/// The same for a number that JSON has as a fraction, up to the largest exact integer.
pub(crate) fn whole_float(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.fract() == 0.0 && (0.0..=EXACT).contains(&number);
    is_whole.then(|| whole_number(&number.abs().to_string()))?
}

/// The body without the byte order mark that some editors and .NET write.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The result of [`JsonFields::count_or_list`].
pub enum CountOrList<'a> {
    /// A number.
    Count(u64),
    /// A list.
    List(Vec<Option<&'a str>>),
}

/// How many items of a list are kept: more than any field allows.
const MAX_ITEMS: usize = 256;

/// Reads an object and keeps only the wanted fields, so that other fields use no memory.
struct WantedFields<'w> {
    wanted: &'w [Field],
}

impl<'de> Visitor<'de> for WantedFields<'_> {
    type Value = Vec<(Cow<'de, str>, FieldValue<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct FieldName<'a>(#[serde(borrow)] Cow<'a, str>);
        let mut fields: Self::Value = Vec::new();
        while let Some(FieldName(name)) = map.next_key()? {
            let field = self.wanted.iter().find(|field| field.is_called(&name));
            // A second occurrence is an error already, so later ones are not kept.
            let is_kept = field.is_some_and(|field| {
                fields.iter().filter(|(seen, _)| field.is_called(seen)).count() < 2
            });
            if is_kept {
                fields.push((name, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(fields)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FieldValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyJson;
        impl<'de> Visitor<'de> for AnyJson {
            type Value = FieldValue<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(FieldValue::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(FieldValue::Boolean(flag))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(FieldValue::Integer(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(FieldValue::Other)
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(whole_float(number).map_or(FieldValue::Other, FieldValue::Integer))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(FieldValue::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(FieldValue::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut list = Some(Vec::new());
                while let Some(item) = items.next_element::<FieldValue<'de>>()? {
                    let item = match item {
                        FieldValue::Null => Some(None),
                        FieldValue::Text(text) => Some(Some(text)),
                        _ => None,
                    };
                    let is_short = |list: &Vec<_>| list.len() < MAX_ITEMS;
                    list = list.filter(is_short).zip(item).map(|(mut list, item)| {
                        list.push(item);
                        list
                    });
                }
                Ok(list.map_or(FieldValue::Other, FieldValue::List))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(FieldValue::Other)
            }
        }
        deserializer.deserialize_any(AnyJson)
    }
}
