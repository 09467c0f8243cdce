//! `/api/public/claims`: signs a browser in with the link that `sealdrop claim` prints.

use std::sync::Arc;

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::PublicData;
use crate::{
    api::{ApiError, App, Client, load::work::blocking},
    domain::{
        account::api_key::{KeyKind, generate},
        claim::{self, ClaimError},
    },
    http::{
        body::read_json,
        body_budget::SMALL_BYTES,
        json_fields::{BodyFields as JsonBody, Field, JsonFields},
        response::{Body, json},
    },
};

const TOKEN: Field = Field::text("token", "The part of the link after `#`.")
    .with_pattern("^[0-9a-f]{64}$")
    .required();
/// The body of `POST /api/public/claims`.
pub(in crate::api) const BODY: JsonBody =
    JsonBody { name: "ClaimRequest", meaning: "", fields: &[TOKEN] };

/// The account that a browser is signed in to.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Claimed {
    /// The name of the account.
    #[schemars(example = &"default")]
    account: String,
    /// A new private API key. Only this answer contains it.
    #[schemars(
        example = &"private_key_3b1d5c8e0f6a7294d3c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a098765432"
    )]
    private_key: String,
}

/// `POST /api/public/claims`: uses a claim, and returns a new private API key of its account.
///
/// # Errors
///
/// [`ApiError::NotFound`] for a token that is unknown, used or expired.
pub(in crate::api) async fn redeem(
    app: &Arc<App>,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let body = read_json(headers, body, SMALL_BYTES, &app.load.body_budget.anybody(client)).await?;
    let fields = JsonFields::parse(body.bytes(), BODY.fields)?;
    let token = fields.string(&TOKEN)?.filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| ApiError::field(TOKEN.name, "is required"))?.to_owned();
    let now = app.clock.now();
    let (store, asked) = (app.store.clone(), token.clone());
    // A wrong token costs a read. A change, with its syncs, is for a valid one.
    if !blocking(move || claim::is_valid(&store, &asked, now)).await?? {
        return Err(ApiError::NotFound);
    }
    let (key, hash) = generate(KeyKind::Private, &*app.random);
    let (account, stored) = app.store.change(claim::redeem(&token, hash, now)).await?;
    let known = Arc::clone(app);
    blocking(move || known.api_keys.learn(&known.store, &stored)).await?;
    let data = Claimed { account, private_key: key.expose_secret().to_owned() };
    Ok(json(StatusCode::CREATED, &PublicData { data }))
}

impl From<ClaimError> for ApiError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::NotFound => Self::NotFound,
            ClaimError::Store(error) => error.into(),
        }
    }
}
