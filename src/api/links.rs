//! Where people find a secret or a request, as answers name it.

use serde::Serialize;

use super::App;

/// The address of a page, and the part of it that clients of password.link make links of. Neither is
/// there where the operator has not said where people reach the server (`--public-url`): the server
/// cannot know, and an address of its own network would be of no use to them.
#[derive(Default, Serialize)]
pub(super) struct PageLink {
    /// The page. Of a secret: up to the key, which the client puts behind it, as `#<key>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Host, port and path of the server: these clients put `https://` before it and `/<id>/#<key>`
    /// behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
}

impl PageLink {
    /// Of the secret with this id.
    pub(super) fn of_secret(app: &App, id: &str) -> Self {
        Self::new(app, &format!("/{id}/"))
    }

    /// Of the secret request with this id.
    pub(super) fn of_request(app: &App, id: &str) -> Self {
        Self::new(app, &format!("/req/{id}"))
    }

    fn new(app: &App, path: &str) -> Self {
        let Some(root) = &app.key_service.rules.public_url else { return Self::default() };
        let domain = root.split_once("://").map(|(_, rest)| rest.to_owned());
        Self { url: Some(format!("{root}{path}")), domain }
    }
}
