//! `/api/public`: what a person does who has a link and no API key.

mod captcha;
mod requests;
mod secrets;
mod unsubscribe;
mod viewing;

use std::sync::Arc;

use hyper::{Method, Response, body::Incoming, header::HeaderMap};
use serde::Serialize;

pub(super) use self::viewing::lease_token;
use super::{ApiError, App, Client, mail::preferred_language};
use crate::http::response::Body;

/// The request headers that these calls know what to do with, besides those that any request may have.
pub const HEADERS: [&str; 2] = ["Content-Type", "Manage-Token"];

/// What a path below `/api/public` names.
#[derive(Clone, Copy, Debug)]
pub enum PublicResource<'a> {
    /// `captcha`.
    Captcha,
    /// `secrets`.
    Secrets,
    /// `secrets/<id>`.
    Secret(&'a str),
    /// `secrets/<id>/view`.
    View(&'a str),
    /// `secrets/<id>/burn`.
    Burn(&'a str),
    /// `secrets/<id>/status`.
    Status(&'a str),
    /// `secret_requests/<id>`.
    Request(&'a str),
    /// `secret_requests/<id>/secrets`.
    RequestSecrets(&'a str),
    /// `unsubscribe/<token>`.
    Unsubscribe(&'a str),
}

impl<'a> PublicResource<'a> {
    /// What a path without its last slash names.
    #[must_use]
    pub fn find(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/api/public/")?.splitn(4, '/').collect();
        match segments[..] {
            ["captcha"] => Some(Self::Captcha),
            ["secrets"] => Some(Self::Secrets),
            [_, "", ..] => None,
            ["secrets", id] => Some(Self::Secret(id)),
            ["secrets", id, "view"] => Some(Self::View(id)),
            ["secrets", id, "burn"] => Some(Self::Burn(id)),
            ["secrets", id, "status"] => Some(Self::Status(id)),
            ["secret_requests", id] => Some(Self::Request(id)),
            ["secret_requests", id, "secrets"] => Some(Self::RequestSecrets(id)),
            ["unsubscribe", token] => Some(Self::Unsubscribe(token)),
            _ => None,
        }
    }

    /// The methods that it allows. No HEAD of what is logged.
    #[must_use]
    pub fn methods(self) -> &'static [Method] {
        match self {
            Self::Captcha | Self::Status(_) => &[Method::GET, Method::OPTIONS],
            Self::Secrets | Self::View(_) | Self::Burn(_) | Self::RequestSecrets(_) => {
                &[Method::POST, Method::OPTIONS]
            }
            Self::Request(_) => &[Method::GET, Method::HEAD, Method::OPTIONS],
            Self::Unsubscribe(_) => &[Method::GET, Method::HEAD, Method::POST, Method::OPTIONS],
            Self::Secret(_) => &[Method::GET, Method::DELETE, Method::OPTIONS],
        }
    }
}

/// Answers a request that is no preflight, by a method that is allowed.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn answer(
    app: &Arc<App>,
    client: Client,
    resource: PublicResource<'_>,
    (method, headers): (&Method, &HeaderMap),
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    match resource {
        PublicResource::Captcha => Ok(captcha::challenge(app)),
        PublicResource::Secrets => secrets::create(app, client, headers, body).await,
        PublicResource::Secret(id) if method == Method::DELETE => {
            secrets::delete(app, id, headers).await
        }
        PublicResource::Secret(id) => viewing::look(app, id, client, headers).await,
        PublicResource::View(id) => viewing::view(app, id, client, headers, body).await,
        PublicResource::Burn(id) => viewing::burn(app, id, client, headers, body).await,
        PublicResource::Status(id) => secrets::status(app, id, headers).await,
        PublicResource::Unsubscribe(token) if method == Method::POST => {
            unsubscribe::end(app, token, preferred_language(headers)).await
        }
        PublicResource::Unsubscribe(token) => {
            unsubscribe::ask(app, token, preferred_language(headers))
        }
        PublicResource::Request(id) => requests::look(app, id).await,
        PublicResource::RequestSecrets(id) => {
            requests::answer(app, id, client, headers, body).await
        }
    }
}

/// `{"data": …}`: there is no account whose figures would stand beside it.
#[derive(Serialize)]
struct Data<D> {
    data: D,
}
