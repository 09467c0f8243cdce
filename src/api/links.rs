//! The addresses of secrets and requests in answers.

use schemars::JsonSchema;
use serde::Serialize;

use super::App;

/// The address of a page, and the part of it that clients of password.link make links from. Both are
/// missing if the operator has not set `--public-url`: the server does not know its public address, and an
/// address in its own network is of no use to clients.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct PageLink {
    /// The address of the page. The link of a secret is this address, `#` and the public half of the
    /// password in base64. Present if the operator has set `--public-url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "uri"))]
    url: Option<String>,
    /// Host, port and path of the server. The link of a secret is `https://`, this text and
    /// `/<id>/#<key>`; the link of a request is `https://`, this text and `/req/<id>`. Present if the
    /// operator has set `--public-url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
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
