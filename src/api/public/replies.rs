//! `POST /api/public/secrets/<id>/reply`: a viewer answers a secret with a secret.

use std::{num::NonZeroU8, sync::Arc};

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    PublicData,
    requests::{SEALED_PART, sealed_part},
    viewing::GIVEN_LEASE,
};
use crate::{
    api::{
        ApiError, App, Client,
        json_time::JsonTime,
        load::work::blocking,
        secrets::{
            new_secret::{CIPHERTEXT, OTHER_FIELDS_BYTES, PASSWORD_PART_PRIVATE, SecretContent},
            showing::lease_token,
        },
    },
    domain::{
        numbers::{LeaseToken, SecretId},
        sealed_part::SealedHalf,
        secret::{MessageShown, NewSecret, SecretError, reply},
    },
    http::{
        body::read_json,
        json_fields::{BodyFields as JsonBody, Field, JsonFields},
        response::{Body, json},
    },
};

const SEALED_REPLY: Field = Field::text(
    SEALED_PART.name,
    "The public half, encrypted for the `reply_key` of the secret, in base64url.",
)
.with_max_chars(SealedHalf::MAX_CHARS)
.with_pattern("^[A-Za-z0-9_-]+$")
.required();
/// The body of the call.
pub(in crate::api) const BODY: JsonBody = JsonBody {
    name: "NewReply",
    meaning: "The secret sets everything else about the reply.",
    fields: &[GIVEN_LEASE, CIPHERTEXT, PASSWORD_PART_PRIVATE, SEALED_REPLY],
};

/// A reply that was just created.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct ReplyCreated {
    /// Null if the reply does not expire.
    #[schemars(example = &"2026-11-29T12:00:00Z")]
    expires_at: Option<JsonTime>,
}

/// A reply that was read, and the lease of its sender.
struct ReadReply {
    token: LeaseToken,
    new: NewSecret,
    sealed_part: SealedHalf,
}

/// `POST /api/public/secrets/<id>/reply`.
pub(in crate::api) async fn create(
    app: &Arc<App>,
    id: &str,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let answer = app.attempts.answers.begin(client.net(), app.clock.monotonic())?;
    let made = create_one(app, id, client, headers, body).await;
    match made {
        // On drop, the attempt is counted.
        Ok(_) => drop(answer),
        Err(_) => answer.undone(),
    }
    made
}

async fn create_one(
    app: &Arc<App>,
    id: SecretId,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let max_bytes = app.rules.max_ciphertext + OTHER_FIELDS_BYTES;
    let body = read_json(headers, body, max_bytes, &app.load.body_budget.anybody(client)).await?;
    let reader = Arc::clone(app);
    let ReadReply { token, new, sealed_part } =
        blocking(move || read(&reader, id, body.bytes())).await??;
    let change = reply::reply(id, token, new, sealed_part, app.clock.now());
    let made = app.store.change(change).await.map_err(|error| match error {
        SecretError::OverAllowance(_) => ApiError::ReceiverOverAllowance,
        error => error.into(),
    })?;
    let made = made.ok_or(ApiError::Conflict("There is a reply to this secret already"))?;
    let data = ReplyCreated { expires_at: made.expires_at.map(JsonTime) };
    Ok(json(StatusCode::CREATED, &PublicData { data }))
}

/// Checks and seals the reply. Blocks.
fn read(app: &App, id: SecretId, body: &[u8]) -> Result<ReadReply, ApiError> {
    let fields = JsonFields::parse(body, BODY.fields)?;
    let required = |field: &'static str| ApiError::field(field, "is required");
    let token = fields.string(&GIVEN_LEASE)?.ok_or_else(|| required(GIVEN_LEASE.name))?;
    let token = lease_token(token)?;
    let lifetime = reply::lifetime(&app.store, id, token)?;
    let content = SecretContent::new(app, &fields)?;
    let sealed_part = sealed_part(&fields)?.ok_or_else(|| required(SEALED_PART.name))?;
    // All fields are valid, so the expensive work can start.
    let (random, payload) = content.seal(app)?;
    let new = NewSecret {
        random,
        payload,
        description: None,
        message: None,
        message_shown: MessageShown::With,
        is_from_owner: false,
        lifetime,
        view_button: false,
        captcha: false,
        password: None,
        max_views: NonZeroU8::MIN,
        attachments: None,
        reply_key: None,
    };
    Ok(ReadReply { token, new, sealed_part })
}
