//! The header fields with the progress of an upload.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

/// Sets the headers with the progress of an upload.
pub(crate) fn upload_headers(headers: &mut HeaderMap, received: u64, is_complete: bool) {
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(received));
    let complete = if is_complete { "true" } else { "false" };
    headers.insert(UPLOAD_COMPLETE, HeaderValue::from_static(complete));
}
