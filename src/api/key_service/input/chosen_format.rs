//! The format of the answer that a request asks for.

use hyper::header::HeaderMap;

use super::{names::FORMAT, parameters::Parameters};
use crate::api::key_service::{error::ServiceError, output::format::Format};

impl Format {
    /// The format that the client asks for: the header `format`, `format=` in the query, or `Accept`. The
    /// body is not needed, so errors in it have this format too. An error of this function has the format
    /// of `Accept`.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Parameter`] for another `format`, or several.
    pub fn choose(headers: &HeaderMap, query: Option<&str>) -> Result<Self, ServiceError> {
        let given = Parameters::only(FORMAT, headers, query)?;
        Self::accepted(headers).or_given(&given)
    }

    /// The format in the parameters, including those of the body, otherwise this one.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Parameter`] for another `format`.
    pub fn or_given(self, parameters: &Parameters) -> Result<Self, ServiceError> {
        match parameters.text(FORMAT) {
            None => Ok(self),
            Some(format) if format.eq_ignore_ascii_case("json") => Ok(Self::Json),
            Some(format) if format.eq_ignore_ascii_case("xml") => Ok(Self::Xml),
            Some(_) => Err(ServiceError::parameter(FORMAT, "must be json or xml")),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{ACCEPT, HeaderValue};

    use super::*;
    use crate::api::key_service::input::names::TOKEN;

    #[test]
    fn the_client_chooses_the_format() {
        // (Accept, query, is XML)
        let cases = [
            ("", "", Some(false)),
            ("*/*", "", Some(false)),
            ("application/xml", "", Some(true)),
            ("Text/XML; charset=utf-8", "", Some(true)),
            ("application/xml;q=0.5, application/json;q=0.4", "", Some(true)),
            ("application/xml;q=0.5, application/json", "", Some(false)),
            ("application/json, text/xml", "", Some(false)),
            ("application/xml, text/xml, */*; q=0.01", "", Some(true)),
            ("application/xml;q=0", "", Some(false)),
            ("application/xml;q=7", "", Some(false)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", Some(false)),
            ("application/xml", "format=json", Some(false)),
            ("", "a=b&Format=XML", Some(true)),
            ("application/xml", "format=", Some(true)),
            ("", "format=yaml", None),
            ("", "format=xml&format=json", None),
            ("", "token=a&token=b&format=xml", Some(true)),
        ];
        for (accept, query, is_xml) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            let chosen = Format::choose(&headers, Some(query)).ok();
            assert_eq!(chosen.map(|format| format == Format::Xml), is_xml, "{accept} {query}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(FORMAT, HeaderValue::from_static("xml"));
        assert_eq!(Format::choose(&headers, Some("format=json")).unwrap(), Format::Xml);
        assert!(Parameters::only(FORMAT, &headers, Some("token=a")).unwrap().text(TOKEN).is_none());
    }
}
