//! sealdrop hands secrets over: one daemon, one data directory.

pub mod clock;
pub mod crypto;
