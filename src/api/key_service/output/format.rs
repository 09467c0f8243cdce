//! The format of answers, JSON or XML, and small answers.

use hyper::{
    Response,
    body::Bytes,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{
    item::{KeyItem, TermsItem},
    json, xml,
};
use crate::http::response::Body;

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, the default.
    Json,
    /// XML.
    Xml,
}

impl Format {
    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Xml => "text/xml; charset=utf-8",
        })
    }

    /// `true` or `false`.
    #[must_use]
    pub fn boolean(self, flag: bool) -> Response<Body> {
        self.answer(match self {
            Self::Json => flag.to_string().into_bytes(),
            Self::Xml => format!("{}{flag}{}", xml::BEGIN_PLAIN, xml::END).into_bytes(),
        })
    }

    /// A text: a result or an error.
    #[must_use]
    pub fn string(self, text: &str) -> Response<Body> {
        let mut out = Vec::new();
        match self {
            Self::Json => json::string(text, &mut out),
            Self::Xml => {
                out.extend_from_slice(xml::BEGIN_PLAIN.as_bytes());
                xml::push_text(text, &mut out);
                out.extend_from_slice(xml::END.as_bytes());
            }
        }
        self.answer(out)
    }

    /// A key.
    #[must_use]
    pub fn key(self, key: &KeyItem<'_>) -> Response<Body> {
        let mut out = Vec::new();
        match self {
            Self::Json => {
                out.push(b'{');
                json::push_fields(&key.fields(), &mut out);
                out.push(b'}');
            }
            Self::Xml => {
                out.extend_from_slice(xml::BEGIN.as_bytes());
                xml::push_fields(&key.fields(), &mut out);
                out.extend_from_slice(xml::END.as_bytes());
            }
        }
        self.answer(out)
    }

    /// The terms of a box, always as JSON: the document has no XML type for them.
    #[must_use]
    pub fn terms(terms: &TermsItem) -> Response<Body> {
        let mut out = vec![b'{'];
        json::push_fields(&terms.fields(), &mut out);
        out.push(b'}');
        Self::Json.answer(out)
    }

    fn answer(self, body: Vec<u8>) -> Response<Body> {
        let mut response = Response::new(Body::from(Bytes::from(body)));
        response.headers_mut().insert(CONTENT_TYPE, self.content_type());
        response
    }

    /// The format that `Accept` asks for.
    ///
    /// XML is chosen only if `Accept` names it with a higher weight than JSON and does not contain
    /// `text/html`: browsers always accept XML, but their users have not asked for it.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let (mut json, mut xml) = (0, 0);
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for range in values.flat_map(|value| value.split(',')) {
            let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
            let liked = match name.trim().to_ascii_lowercase().as_str() {
                "application/xml" | "text/xml" => &mut xml,
                "application/json" | "application/*" | "*/*" => &mut json,
                "text/html" => return Self::Json,
                _ => continue,
            };
            *liked = quality(parameters).max(*liked);
        }
        if xml > json { Self::Xml } else { Self::Json }
    }
}

/// The weight of a media range (RFC 9110 12.4.2) in thousandths: 1000 if missing, 0 if invalid.
fn quality(parameters: &str) -> u16 {
    let mut pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
    let Some((_, weight)) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) else {
        return 1000;
    };
    let (whole, fraction) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    match (whole, fraction.len(), format!("{fraction:0<3}").parse()) {
        ("0", 0..=3, Ok(thousandths)) => thousandths,
        ("1", 0..=3, Ok(0)) => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::clock::UnixSeconds;

    fn text(response: Response<Body>) -> String {
        let body = response.into_body().collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        String::from_utf8(runtime.block_on(body).unwrap().to_bytes().to_vec()).unwrap()
    }

    #[test]
    fn small_answers_are_what_the_document_says() {
        let xml = |rest: &str| format!(r#"<?xml version="1.0" encoding="utf-8"?>{rest}"#);
        assert_eq!(text(Format::Json.boolean(true)), "true");
        assert_eq!(text(Format::Xml.boolean(true)), xml("<response>true</response>"));
        assert_eq!(text(Format::Json.string("Deleted.")), "\"Deleted.\"");
        assert_eq!(
            text(Format::Xml.string("a<\u{1}\r")),
            xml("<response>a&lt;\u{fffd}&#xD;</response>")
        );
        assert_eq!(Format::Json.boolean(true).headers()[CONTENT_TYPE], "application/json");
        assert_eq!(Format::Xml.boolean(true).headers()[CONTENT_TYPE], "text/xml; charset=utf-8");
    }

    #[test]
    fn a_key_has_its_fields_in_order() {
        let key = KeyItem {
            key_id: 7,
            key_token: "t",
            public_key: "p\r\n",
            private_key: None,
            private_key_hash: "h",
            is_private_key_encrypted: true,
            is_public_key_only: false,
            request_date: UnixSeconds(0),
            release_date: UnixSeconds(0),
            lock_date: Some(UnixSeconds(1)),
            delete_messages_after_reading: false,
            delete_key_after_reading: true,
            uri: "https://x/?a&b",
        };
        assert_eq!(
            text(Format::Json.key(&key)),
            concat!(
                r#"{"KeyId":7,"KeyToken":"t","PublicKey":"p\r\n","PrivateKey":null,"PrivateKeyHash":"h","#,
                r#""IsPrivateKeyEncrypted":true,"IsPublicKeyOnly":false,"#,
                r#""RequestDate":"1970-01-01T00:00:00Z","ReleaseDate":"1970-01-01T00:00:00Z","#,
                r#""LockDate":"1970-01-01T00:00:01Z","DeleteMessagesAfterReading":false,"#,
                r#""DeleteKeyAfterReading":true,"URI":"https://x/?a&b","Messages":[]}"#
            )
        );
        assert_eq!(
            text(Format::Xml.key(&key)),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?>"#,
                r#"<response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
                r#" xmlns:xsd="http://www.w3.org/2001/XMLSchema">"#,
                "<KeyId>7</KeyId><KeyToken>t</KeyToken><PublicKey>p&#xD;\n</PublicKey>",
                "<PrivateKeyHash>h</PrivateKeyHash>",
                "<IsPrivateKeyEncrypted>true</IsPrivateKeyEncrypted>",
                "<IsPublicKeyOnly>false</IsPublicKeyOnly>",
                "<RequestDate>1970-01-01T00:00:00Z</RequestDate>",
                "<ReleaseDate>1970-01-01T00:00:00Z</ReleaseDate>",
                "<LockDate>1970-01-01T00:00:01Z</LockDate>",
                "<DeleteMessagesAfterReading>false</DeleteMessagesAfterReading>",
                "<DeleteKeyAfterReading>true</DeleteKeyAfterReading>",
                "<URI>https://x/?a&amp;b</URI></response>"
            )
        );
        let xml = text(Format::Xml.key(&KeyItem { lock_date: None, ..key }));
        assert!(xml.contains(r#"<LockDate xsi:nil="true" />"#), "{xml}");
    }
}
