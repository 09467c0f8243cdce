//! sealdrop transfers secrets: one daemon, one data directory.
//!
//! It serves the Secrets API (one-time secrets whose password has two halves) and the Key Service (boxes
//! that receive messages from anyone with the token). Committed data survives `kill -9` and a power
//! failure. This crate is the daemon as a library; the binary only starts it, and tests run it in their own
//! process.
//!
//! # Layers
//!
//! A module imports only modules below it.
//!
//! ```text
//! main
//! daemon                       settings, log, store, server, socket: wiring only
//! cli        server            commands; connections
//! client     router            the command line's half of the APIs; paths -> handlers and pages
//! admin      api               administration socket; handlers
//!            web, delivery     pages; mails and webhook calls
//!            http              bodies, answers, ranges, cross-origin requests
//! domain                       the rules
//! store                        transactions and payloads; store::local: sled and files
//! certificates                 of the listener: from files, or an ACME authority
//! crypto, config, clock, tls, metrics
//! ```
//!
//! # Where do I change X?
//!
//! - a path or method: [`router`]; what a call does: the folder in [`api`] with the path's name
//! - what a secret may do: [`domain::secret`]; how a view is spent: [`domain::secret::viewing`]
//! - boxes: [`domain::drop_box`]; requests: [`domain::request`]
//! - the key of a record: `domain::schema`; the stored form of a record: `store::record`
//! - durability, wiping, opening: [`store`], `store::local`
//! - backups: [`store::backup`], `cli::operator::backup`
//! - encryption: [`crypto::envelope`], [`crypto::box_key`]
//! - mails and webhooks: what is queued in [`domain::notify`], how it is sent in [`delivery`]
//! - HTTPS: [`certificates`]; connections and HTTP versions: [`server`]
//! - pages: [`web`]; their texts: `locales`
//! - a metric: [`metrics::definitions`]
//! - a setting: [`config`]; a command: [`cli`]

pub mod admin;
pub mod api;
pub mod certificates;
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
pub mod master_key;
mod memory;
pub mod metrics;
mod private_file;
pub mod router;
mod secret_file;
pub mod server;
mod size;
pub mod store;
mod tls;
mod user_agent;
pub mod web;
