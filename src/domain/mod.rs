//! The rules: what accounts, API keys, secrets, boxes and their messages are, and what may become of
//! them.
//!
//! Plain functions over [`crate::store`] and [`crate::crypto`]; no HTTP, no clock, no randomness of
//! their own. Both APIs, the pages and the command line call the same ones. Start with [`secret`] or
//! [`drop_box`]; `keys` shows where everything lies.

pub mod account;
pub mod administration;
pub mod alike;
pub mod api_key;
pub mod attachment;
#[cfg(test)]
mod box_model_tests;
pub mod captcha;
pub mod ciphertext;
pub mod client_net;
pub mod drop_box;
pub mod event;
pub mod id;
mod keys;
pub mod language;
pub mod lease;
pub mod lifetime;
pub mod list;
pub mod mailbox;
pub mod manage;
pub mod message;
#[cfg(test)]
mod model_tests;
pub mod notice;
mod older;
pub mod outbox;
pub mod request;
pub mod secret;
pub mod self_destruct;
pub mod sweep;
pub mod text;
pub mod try_limit;
pub mod view;
pub mod viewing;
pub mod webhook;
