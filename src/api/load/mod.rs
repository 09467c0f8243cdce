//! Limits on the cost of requests: threads for slow work and places for uploads, shared fairly by client.

pub mod fair_queue;
pub(crate) mod places;
pub mod work;
