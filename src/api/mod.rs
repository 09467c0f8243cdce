//! The APIs: handlers turn requests into calls of [`crate::domain`], and the results into answers.
//!
//! The domain has neither HTTP nor async. A handler reads top-down: the client, the parameters, the change,
//! the answer.

pub mod account;
mod app;
pub mod attachments;
pub mod auth;
pub(crate) mod error;
pub mod health;
mod json_time;
pub mod key_service;
mod limits;
mod links;
pub mod load;
mod mail;
pub mod metrics;
pub mod openapi;
mod paging;
pub mod public;
pub mod requests;
pub mod routed_request;
pub mod routes;
pub mod secrets;
pub mod status;

pub use self::{
    app::{App, AttemptLimits, Load, Rules},
    attachments::Transfers,
    error::ApiError,
    routed_request::RoutedRequest,
};
pub use crate::domain::limits::client_net::Client;
