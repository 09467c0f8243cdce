//! Reads parameters from a query, a form or a JSON object.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    names::{NAMES, PRIVATE_KEY, PUBLIC_KEY, find},
    parameters::{ParameterSource, Parameters},
};
use crate::{
    api::key_service::error::ServiceError,
    crypto::SecretText,
    http::json_fields::{whole_float, without_bom},
};

/// Adds the pairs of `application/x-www-form-urlencoded` (the URL standard) whose name is in `names`. A
/// query has the same format.
pub(super) fn add_urlencoded(
    parameters: &mut Parameters,
    source: ParameterSource,
    names: &[&'static str],
    pairs: &[u8],
) -> Result<(), ServiceError> {
    for pair in pairs.split(|byte| *byte == b'&') {
        let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(end).unwrap_or_default();
        if let Some(name) = find(names, &percent_decode(name, b' ')) {
            let value = value.strip_prefix(b"=").unwrap_or_default();
            parameters.add_bytes(name, source, percent_decode(value, b' '))?;
        }
    }
    Ok(())
}

/// Decodes percent-encoding; a `%` without two hexadecimal digits is kept (the URL standard). `+` becomes
/// `plus`. The buffer has the full size from the start, so that growing leaves no copy of a secret in
/// memory.
pub(crate) fn percent_decode(text: &[u8], plus: u8) -> Vec<u8> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match (byte, after) {
            (b'+', _) => plus,
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (byte, _) => *byte,
        });
    }
    decoded
}

/// Adds the fields of a JSON object.
pub(super) fn add_json(parameters: &mut Parameters, body: &[u8]) -> Result<(), ServiceError> {
    let text = std::str::from_utf8(without_bom(body))
        .map_err(|_| ServiceError::Malformed("The request's body must be UTF-8".into()))?;
    let mut refused = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = reader.deserialize_map(ParameterObject { parameters, refused: &mut refused });
    read.and_then(|()| reader.end()).map_err(|error| {
        // The parser's own text could repeat parts of the body, so the error has only the position.
        ServiceError::Malformed(match error.classify() {
            serde_json::error::Category::Data => "The request's body must be a JSON object".into(),
            _ => format!(
                "The request's body is not valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ),
        })
    })?;
    refused.map_or(Ok(()), Err)
}

/// The parameters that can be JSON objects: keys, in the format JSON Web Key.
const KEYS: [&str; 2] = [PUBLIC_KEY, PRIVATE_KEY];

/// The maximum number of members of an object that are kept, so that it uses no more memory than its text.
/// A key has fewer.
const MAX_MEMBERS: usize = 32;

/// Reads an object into the parameters. The first rejected parameter is kept, because JSON errors are
/// reported first.
struct ParameterObject<'p> {
    parameters: &'p mut Parameters,
    refused: &'p mut Option<ServiceError>,
}

impl<'de> Visitor<'de> for ParameterObject<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        #[derive(Deserialize)]
        struct ParameterName<'a>(#[serde(borrow)] Cow<'a, str>);
        while let Some(ParameterName(name)) = map.next_key()? {
            let Some(name) = find(&NAMES, name.as_bytes()) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let added = match map.next_value()? {
                ParameterValue::Null => Ok(()),
                ParameterValue::Text(text) => {
                    self.parameters.add(name, ParameterSource::Body, text)
                }
                // A JSON Web Key.
                ParameterValue::Object(text) if KEYS.contains(&name) => {
                    self.parameters.add(name, ParameterSource::Body, text)
                }
                ParameterValue::Object(_) | ParameterValue::Other => {
                    let reason = "must be a string, a whole number, or true or false";
                    Err(ServiceError::parameter(name, reason))
                }
            };
            if let Err(error) = added {
                self.refused.get_or_insert(error);
            }
        }
        Ok(())
    }
}

enum ParameterValue {
    Null,
    Text(SecretText),
    /// An object as JSON text: its strings, and `true` for members of other types.
    Object(SecretText),
    /// An array, or a fraction, whose digits would not be kept exactly.
    Other,
}

impl ParameterValue {
    fn text(text: String) -> Self {
        Self::Text(SecretText::new(text))
    }
}

impl<'de> Deserialize<'de> for ParameterValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyParameter;
        impl<'de> Visitor<'de> for AnyParameter {
            type Value = ParameterValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<ParameterValue, E> {
                Ok(ParameterValue::text(flag.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<ParameterValue, E> {
                Ok(ParameterValue::text(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<ParameterValue, E> {
                Ok(ParameterValue::text(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<ParameterValue, E> {
                Ok(whole_float(number).map_or(ParameterValue::Other, |whole| {
                    ParameterValue::text(format!("{whole}.0"))
                }))
            }

            fn visit_str<E>(self, text: &str) -> Result<ParameterValue, E> {
                Ok(ParameterValue::text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<ParameterValue, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(ParameterValue::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ParameterValue, A::Error> {
                let mut members = serde_json::Map::new();
                while let Some(name) = map.next_key::<String>()? {
                    if members.len() == MAX_MEMBERS {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let value = match map.next_value()? {
                        ParameterValue::Null => serde_json::Value::Null,
                        ParameterValue::Text(text) => text.expose_secret().into(),
                        // Only the existence of this member matters.
                        ParameterValue::Object(_) | ParameterValue::Other => true.into(),
                    };
                    members.insert(name, value);
                }
                Ok(ParameterValue::Object(SecretText::new(
                    serde_json::Value::from(members).to_string(),
                )))
            }
        }
        deserializer.deserialize_any(AnyParameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::key_service::input::names::{LIMIT, MESSAGE, TOKEN};

    fn json(body: &str) -> Result<Parameters, ServiceError> {
        let mut parameters = Parameters::default();
        add_json(&mut parameters, body.as_bytes()).map(|()| parameters)
    }

    #[test]
    fn percents_are_decoded() {
        let cases = [
            ("a+b", "a b"),
            ("%41%e5%9f", "A\u{fffd}"),
            ("%", "%"),
            ("%4", "%4"),
            ("%4g%2B", "%4g+"),
        ];
        for (text, expected) in cases {
            let decoded = percent_decode(text.as_bytes(), b' ');
            assert_eq!(String::from_utf8_lossy(&decoded), expected, "{text}");
        }
        assert_eq!(percent_decode(b"a+b", b'+'), b"a+b");
    }

    #[test]
    fn an_object_holds_parameters() {
        let body = r#" {"Token":"\u00e5 b","limit":7,"message":true,"x":[1,{}],"offset":null} "#;
        let found = json(body).unwrap();
        assert_eq!(found.text(TOKEN), Some("å b"));
        assert_eq!(found.text(LIMIT), Some("7"));
        assert_eq!(found.text(MESSAGE), Some("true"));
        assert_eq!(found.text("offset"), None);
        assert!(json(r#"{"token":"a","TOKEN":"a"}"#).is_ok());
        let found = json(r#"{"publickey": {"kty": "RSA", "n": "AQ"}}"#).unwrap();
        assert_eq!(found.text(PUBLIC_KEY), Some(r#"{"kty":"RSA","n":"AQ"}"#));
        let found = json(r#"{"publickey": {"d": [1], "e": {"f": {}}, "n": null}}"#).unwrap();
        assert_eq!(found.text(PUBLIC_KEY), Some(r#"{"d":true,"e":true,"n":null}"#));
        let many: String = (0..1000).map(|n| format!("\"{n}\":[],")).collect();
        let found = json(&format!("{{\"publickey\": {{{many}\"x\":0}}}}")).unwrap();
        assert!(found.text(PUBLIC_KEY).unwrap().len() < 1000);
        let found = json("\u{feff}{\"limit\":24.0}").unwrap();
        assert_eq!(found.number(LIMIT).unwrap(), Some(24));
    }

    #[test]
    fn what_is_no_parameter_is_refused_by_name() {
        for body in
            [r#"{"limit":[1]}"#, r#"{"limit":{}}"#, r#"{"limit":1.5}"#, r#"{"limit":1,"Limit":2}"#]
        {
            let outcome = json(body);
            assert!(matches!(outcome, Err(ServiceError::Parameter { name: LIMIT, .. })), "{body}");
        }
        for body in ["", "[]", "1", "{", "{} {}", r#"{"limit":[1],}"#] {
            assert!(matches!(json(body), Err(ServiceError::Malformed(_))), "{body}");
        }
    }
}
