//! Reads the parameters and files of a request from its headers, query and body.

mod chosen_format;
pub(crate) mod form;
pub(in crate::api) mod forms;
pub(crate) mod intake;
pub mod names;
pub mod parameters;
pub(crate) mod parts;
pub mod request;
#[cfg(test)]
mod request_tests;
