//! Opening a secret for a viewer: checks the password, then makes the answer.

use hyper::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    api::{ApiError, App, Client, load::work::blocking},
    clock::UnixSeconds,
    crypto::{PasswordHash, TypedPassword, proof_of_work::Solved},
    domain::{
        limits::{client_net::ClientNet, try_limit::Try},
        numbers::{LeaseToken, SecretId},
        secret::{self, ciphertext},
    },
    http::response::{Body, json},
    store::FoundPayload,
};

/// A secret, for its viewer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SecretForViewer {
    #[schemars(example = &"3vQB7B6MrGQZaxCuFg4oh1qX8Zy9Kd2")]
    id: String,
    /// The ciphertext, unchanged.
    #[schemars(example = CIPHERTEXT)]
    ciphertext: String,
    /// The private half of the password, unchanged.
    #[schemars(example = &"TFNFQ1RBbENZNUNyYVhLSnlo")]
    password_part_private: String,
    /// The sender's text for viewers.
    message: Option<String>,
}

/// The ciphertext in the API description.
const CIPHERTEXT: &str = "eyJpdiI6ImtXelh1MXo0VEIxN1Vxb01MNmovd3c9PSIsInYiOjEsIml0ZXIiOjEwMDAwLCJrcyI6MjU\
2LCJ0cyI6NjQsIm1vZGUiOiJnY20iLCJhZGF0YSI6IiIsImNpcGhlciI6ImFlcyIsInNhbHQiOiI1YzVPbXhoNHdMND0iLCJjdCI6ImJxZ0t\
XZUR3ZWNRcHN4Szd1RncrIn0=";

/// A lease: for a short time its holder can fetch the same secret again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LeaseInfo")]
pub(crate) struct LeaseShown {
    #[schemars(example = &"q83vEjRWeJCrze8SNFZ4kA")]
    token: String,
    #[schemars(example = 60)]
    seconds_left: u64,
}

impl LeaseShown {
    pub(crate) fn new(token: String, ends_at: UnixSeconds, now: UnixSeconds) -> Self {
        Self { token, seconds_left: ends_at.0.saturating_sub(now.0) }
    }
}

/// Parses the token of a lease.
pub(crate) fn lease_token(text: &str) -> Result<LeaseToken, ApiError> {
    const REASON: &str = "must have 22 to 64 letters, digits, - and _";
    LeaseToken::new(text).ok_or_else(|| ApiError::field("lease", REASON))
}

/// Checks a password against `needed`. The attempt is counted before, on disk and for the client. The
/// `captcha` is used up at that point even if the password is wrong, so that one captcha does not serve for
/// all guesses.
pub(crate) async fn check_password<'a>(
    app: &'a App,
    id: SecretId,
    client: Client,
    needed: Box<PasswordHash>,
    password: &str,
    captcha: Option<Solved>,
) -> Result<Try<'a, ClientNet>, ApiError> {
    let password =
        TypedPassword::new(password).ok_or(ApiError::Password("Password is required"))?;
    // The turn comes first: a client rejected because the queue is full has not made an attempt.
    let turn = app.load.slow_work.passwords.turn(client.net()).await?;
    let now = app.clock.now();
    let tried = app
        .attempts
        .wrong_passwords
        .begin(client.net(), app.clock.monotonic())
        .map_err(|counted| ApiError::TooMany { field: Some("password"), counted })?;
    let charge = secret::viewing::charge_password(id.number.account, id, captcha, now);
    if let Err(error) = app.store.change(charge).await {
        // The secret has ended or was locked after the first check, or another attempt has used the captcha, so
        // no password is checked.
        tried.right();
        return Err(error.into());
    }
    match turn.run(move || password.matches(&needed)).await {
        Ok(true) => Ok(tried),
        Ok(false) => Err(ApiError::Password("Password is wrong")),
        Err(error) => {
            tried.right();
            Err(error)
        }
    }
}

/// Decrypts the payload of a spent view and makes the answer with `answer`.
pub(crate) async fn open<T: Serialize>(
    id: &str,
    secret_id: SecretId,
    payload: FoundPayload,
    message: Option<String>,
    answer: impl FnOnce(SecretForViewer) -> T + Send + 'static,
) -> Result<Response<Body>, ApiError> {
    let id = id.to_owned();
    let is_large = payload.is_large();
    let opened = move || {
        let payload = payload.open(&secret_id.random)?;
        let Some(opened) = ciphertext::from_payload(&payload) else {
            tracing::error!("a payload has an unknown format");
            return Err(ApiError::Internal);
        };
        let seen = SecretForViewer {
            id,
            ciphertext: opened.ciphertext,
            password_part_private: opened.password_part_private,
            message,
        };
        Ok(json(StatusCode::OK, &answer(seen)))
    };
    if is_large { blocking(opened).await? } else { opened() }
}
