//! From a request to parameters and files, wherever they stand.

pub(crate) mod form;
pub(crate) mod intake;
pub mod parameters;
pub(crate) mod parts;
pub mod request;
#[cfg(test)]
mod request_tests;
