//! HTTP without the domain: bodies, answers, ranges, cross-origin requests, fields of JSON.

pub mod body;
pub mod body_budget;
pub mod cors;
pub mod json_fields;
pub(crate) mod range;
pub mod request_head;
pub mod response;
