//! The rules of accounts, API keys, secrets, secret requests and boxes.
//!
//! Plain functions over [`crate::store`] and [`crate::crypto`]. They contain no HTTP and take the time and
//! randomness as arguments. Both APIs, the pages and the command line call the same functions. Start with
//! [`secret`] or [`drop_box`]; `schema` lists the keys of all records.

pub mod account;
pub mod alike;
pub mod census;
pub mod claim;
#[cfg(test)]
mod contention_tests;
pub mod drop_box;
pub mod history;
pub mod id;
pub mod lifetime;
pub mod limits;
pub mod notify;
pub mod numbers;
pub mod operator;
pub mod page;
pub mod request;
pub mod request_id;
pub(crate) mod request_record;
pub(crate) mod schema;
pub mod sealed_part;
pub mod secret;
pub mod server_status;
pub mod stand_ins;
pub mod sweep;
pub mod text;
pub mod unreadable;
pub mod view;
