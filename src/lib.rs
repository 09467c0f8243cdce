//! sealdrop hands secrets over: one daemon, one data directory.

pub mod clock;
pub mod crypto;
pub mod domain;
pub mod store;
