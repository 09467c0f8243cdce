//! A file that is served: plain and compressed, with an entity tag.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap,
        HeaderValue, IF_NONE_MATCH, VARY,
    },
};

use super::{embedded::Embedded, header};
use crate::{
    crypto::{hex, sha256},
    http::response::{Body, empty},
};

/// How long browsers keep a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep {
    /// For files whose address contains the version.
    ForEver,
    /// Browsers ask each time whether it has changed.
    Ask,
}

/// A file that is served.
pub(super) struct File {
    content_type: &'static str,
    plain: Bytes,
    gzip: Option<Bytes>,
    tag: String,
    keep: Keep,
}

impl File {
    /// A file that was compressed when the program was built.
    pub(super) fn embedded(file: &Embedded, keep: Keep) -> Self {
        Self {
            gzip: Some(Bytes::from_static(file.gzip)),
            ..Self::plain(file.content_type, Bytes::from_static(file.plain), keep)
        }
    }

    /// A file that is compressed now.
    pub(super) fn compressed(content_type: &'static str, plain: Bytes, keep: Keep) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder.write_all(&plain).and_then(|()| encoder.finish());
        Self {
            gzip: Some(gzip.expect("memory takes all").into()),
            ..Self::plain(content_type, plain, keep)
        }
    }

    /// A file in a compressed format, or too small to compress.
    pub(super) fn plain(content_type: &'static str, plain: Bytes, keep: Keep) -> Self {
        let tag = hex(&sha256(&plain)[..8]);
        Self { content_type, plain, gzip: None, tag, keep }
    }

    /// The answer to a request with `headers`. `vary` names the headers that selected the file.
    pub(super) fn answer(&self, headers: &HeaderMap, vary: &'static str) -> Response<Body> {
        let gzip = self.gzip.as_ref().filter(|_| takes_gzip(&header(headers, &ACCEPT_ENCODING)));
        let tag = format!("\"{}{}\"", self.tag, if gzip.is_some() { "-gzip" } else { "" });
        let known = header(headers, &IF_NONE_MATCH);
        let is_known = known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
        let mut response = if is_known {
            empty(StatusCode::NOT_MODIFIED)
        } else {
            Response::new(gzip.unwrap_or(&self.plain).clone().into())
        };
        let headers = response.headers_mut();
        if !is_known {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
            if gzip.is_some() {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        headers.insert(VARY, HeaderValue::from_static(vary));
        headers.insert(ETAG, HeaderValue::from_str(&tag).expect("hexadecimal"));
        let keep = match self.keep {
            Keep::ForEver => "public, max-age=31536000, immutable",
            Keep::Ask => "no-cache",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        response
    }
}

/// Whether an `Accept-Encoding` (RFC 9110 12.5.3) accepts gzip.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            part.strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32))
        });
        name.eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_who_takes_it() {
        let cases = [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("identity", false),
            ("", false),
        ];
        for (accepted, expected) in cases {
            assert_eq!(takes_gzip(accepted), expected, "{accepted}");
        }
    }
}
