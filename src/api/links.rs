//! The addresses of secrets and requests in answers.

use serde::Serialize;

use super::App;

/// The address of a page, and the part of it that clients of password.link make links from. Both are
/// missing if the operator has not set `--public-url`: the server does not know its public address, and an
/// address in its own network is of no use to clients.
#[derive(Default, Serialize)]
pub(super) struct PageLink {
    /// The address of the page. For a secret, clients append the key as `#<key>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Host, port and path of the server: these clients put `https://` before it and `/<id>/#<key>` after
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
}

impl PageLink {
    /// The link of the secret with this id.
    pub(super) fn of_secret(app: &App, id: &str) -> Self {
        Self::new(app, &format!("/{id}/"))
    }

    /// The link of the secret request with this id.
    pub(super) fn of_request(app: &App, id: &str) -> Self {
        Self::new(app, &format!("/req/{id}"))
    }

    fn new(app: &App, path: &str) -> Self {
        let Some(root) = &app.key_service.rules.public_url else { return Self::default() };
        let domain = root.split_once("://").map(|(_, rest)| rest.to_owned());
        Self { url: Some(format!("{root}{path}")), domain }
    }
}
