//! Limits on what requests cost: threads for slow work, places for uploads, each shared fairly by client.

pub mod fair_queue;
pub(crate) mod places;
pub mod work;
