//! `/api/public`: what a person does who has a link and no API key.

pub(super) mod captcha;
pub(super) mod requests;
pub(super) mod secrets;
pub(super) mod unsubscribe;
pub(super) mod viewing;

use serde::Serialize;

pub(super) use self::viewing::lease_token;

/// The request headers that these calls know what to do with, besides those that any request may have.
pub const HEADERS: [&str; 2] = ["Content-Type", "Manage-Token"];

/// `{"data": …}`: there is no account whose figures would stand beside it.
#[derive(Serialize)]
struct Data<D> {
    data: D,
}
