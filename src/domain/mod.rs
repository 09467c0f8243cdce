//! The rules: what accounts, API keys, secrets, boxes and their messages are, and what may become of
//! them.
//!
//! Plain functions over [`crate::store`] and [`crate::crypto`]; no HTTP, no clock, no randomness of
//! their own. Both APIs, the pages and the command line call the same ones. Start with [`secret`] or
//! [`drop_box`]; `keys` shows where everything lies.

pub mod account;
pub mod alike;
pub mod drop_box;
pub mod id;
pub mod limits;
pub mod notify;
pub mod numbers;
pub mod operator;
pub mod request;
pub(crate) mod schema;
pub mod secret;
pub mod sweep;
pub mod text;
