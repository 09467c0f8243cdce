//! sealdrop hands secrets over: one daemon, one data directory.

pub mod admin;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
