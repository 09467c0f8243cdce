//! Writes results as JSON or XML.

pub(crate) mod escape;
pub mod format;
pub mod item;
pub(crate) mod json;
pub mod message_list;
pub(in crate::api) mod schema;
pub(crate) mod xml;
