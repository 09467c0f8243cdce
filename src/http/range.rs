//! The range of a file that a request asks for (`Range`).

use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use hyper::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};

/// A range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start: u64,
    /// The position after the last byte; `None` for the end of a file of unknown length.
    pub(crate) end: Option<u64>,
    total: Option<u64>,
    pub(crate) is_range: bool,
}

/// The range begins after the end of the file, or is invalid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotSatisfiable;

impl ByteRange {
    /// Reads `Range` (RFC 9110 14.2): one range of a file whose length is known. For several ranges the
    /// whole file is sent, which the RFC allows.
    pub(crate) fn asked(headers: &HeaderMap, total: Option<u64>) -> Result<Self, NotSatisfiable> {
        let whole = Self { start: 0, end: total, total, is_range: false };
        // If-Range needs an ETag or a date; answers have neither, so it never matches (13.1.5).
        let range = headers.get(RANGE).filter(|_| !headers.contains_key(IF_RANGE));
        let (Some(range), Some(total)) = (range.and_then(|range| range.to_str().ok()), total)
        else {
            return Ok(whole);
        };
        let Ok(ranges) = parse_range_header(range) else { return Ok(whole) };
        let part = |start, end| Self { start, end: Some(end), total: Some(total), is_range: true };
        match ranges.validate(total).as_deref() {
            // The crate finds a satisfiable range in an empty file.
            _ if total == 0 => Err(NotSatisfiable),
            Ok([range]) => Ok(part(*range.start(), range.end() + 1)),
            Ok(_) => Ok(whole),
            // A suffix range longer than the file means the whole file (14.1.2).
            Err(RangeUnsatisfiableError::FileSuffixOutOfBounds) => Ok(part(0, total)),
            Err(_) => Err(NotSatisfiable),
        }
    }

    pub(crate) fn bytes(self) -> Option<u64> {
        self.end.map(|end| end.saturating_sub(self.start))
    }

    /// Whether a client with this range and all bytes before it has the whole file.
    pub(crate) fn reaches_the_end(self) -> bool {
        self.end == self.total
    }

    pub(crate) fn content_range(self) -> Option<HeaderValue> {
        let (end, total) = (self.end?.checked_sub(1)?, self.total?);
        let text = format!("bytes {}-{end}/{total}", self.start);
        HeaderValue::from_str(&text).ok().filter(|_| self.is_range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood() {
        let part = |range: &str, total| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            ByteRange::asked(&headers, total).map(|part| (part.start, part.end, part.is_range))
        };
        let cases = [
            ("bytes=0-", Ok((0, Some(100), true))),
            ("bytes=10-19", Ok((10, Some(20), true))),
            ("bytes=90-200", Ok((90, Some(100), true))),
            ("bytes=-10", Ok((90, Some(100), true))),
            ("bytes=-101", Ok((0, Some(100), true))),
            ("bytes=100-", Err(NotSatisfiable)),
            ("bytes=0-1,5-6", Ok((0, Some(100), false))),
            ("lines=1-2", Ok((0, Some(100), false))),
        ];
        for (range, expected) in cases {
            assert_eq!(part(range, Some(100)), expected, "{range}");
        }
        assert_eq!(part("bytes=10-", None), Ok((0, None, false)));
        assert_eq!(part("bytes=0-", Some(0)), Err(NotSatisfiable));
        assert_eq!(part("bytes=-1", Some(0)), Err(NotSatisfiable));
        assert_eq!(part("lines=0-", Some(0)), Ok((0, Some(0), false)));
    }
}
