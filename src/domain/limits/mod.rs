//! Limits per client: attempts, proofs of work.

pub mod captcha;
pub mod client_net;
pub mod try_limit;
