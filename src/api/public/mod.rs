//! `/api/public`: the operations for people with a link and without an API key.

pub(super) mod captcha;
pub(super) mod claims;
pub(super) mod open_requests;
pub(super) mod replies;
pub(super) mod requests;
pub(super) mod secrets;
pub(super) mod unsubscribe;
pub(super) mod viewing;

use serde::Serialize;

/// The request headers that these operations use, besides those that every request may have.
pub const HEADERS: [&str; 2] = ["Content-Type", "Manage-Token"];

/// `{"data": …}`, without `metadata`, because the request has no account.
#[derive(Serialize)]
struct PublicData<D> {
    data: D,
}
