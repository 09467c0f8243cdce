//! sealdrop hands secrets over: one daemon, one data directory.
//!
//! It speaks the Secrets API (one-time secrets whose password comes in two halves) and the Key Service
//! (boxes that anybody drops messages into), and keeps what it promises through `kill -9` and a pulled
//! plug. This crate is the daemon as a library; the binary only starts it, and tests run it in their own
//! process.
//!
//! # Flow
//!
//! One way; a module uses only what stands to its right (and what is passed in: the clock, randomness,
//! settings).
//!
//! ```text
//! main -> daemon -> cli -> admin ----------------> domain -> store
//!               \-> server -> router -> api ---/      |        |
//!                                          \---------\--------\-> crypto
//!                         \           \-> web
//! cli -> client (over the network) --------------------> crypto
//!                         \-> delivery -> mail, webhook
//! ```
//!
//! # Where to start
//!
//! - [`router`]: every path of the API on one screen.
//! - [`domain::secret`]: what a secret is and what becomes of it; [`domain::drop_box`] and
//!   [`domain::message`]: the same for boxes; `domain::keys`: where everything lies.
//! - [`crypto::envelope`], [`crypto::box_key`]: how messages are sealed.
//! - [`domain::outbox`], [`delivery`], [`mail`], [`webhook`]: what goes out by itself.
//! - [`web`]: the pages. [`client`]: what the command line does instead of a page.
//! - [`store`]: how a change becomes durable before it is answered, and how what is burned stays so.
//! - [`daemon`]: how it all is put together.

pub mod admin;
pub mod api;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod daemon;
pub mod delivery;
pub mod domain;
pub mod http;
mod locales;
pub mod router;
mod secret_file;
pub mod server;
mod size;
pub mod store;
mod tls;
mod user_agent;
pub mod web;
