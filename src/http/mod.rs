//! HTTP without the domain: bodies, answers, ranges, cross-origin requests, JSON fields.

pub(crate) mod api_key;
pub mod body;
pub mod body_budget;
pub mod cors;
pub mod error;
pub mod json_fields;
pub(crate) mod range;
pub mod request_head;
pub mod response;
pub(crate) mod upload_headers;
