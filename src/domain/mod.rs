//! The rules: what accounts, API keys and secrets are, and what may become of them.
//!
//! Plain functions over [`crate::store`] and [`crate::crypto`]; no HTTP, no clock, no randomness of
//! their own. Both APIs, the pages and the command line call the same ones. Start with [`secret`];
//! `keys` shows where everything lies.

pub mod account;
pub mod administration;
pub mod api_key;
pub mod ciphertext;
pub mod id;
mod keys;
pub mod lifetime;
pub mod list;
#[cfg(test)]
mod model_tests;
pub mod password_guard;
pub mod secret;
pub mod sweep;
pub mod text;
pub mod view;
