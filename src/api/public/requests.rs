//! `/api/public/secret_requests`: the operations for holders of the link of a secret request.

use std::{num::NonZeroU8, sync::Arc};

use hyper::{Response, StatusCode, body::Incoming, header::HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::PublicData;
use crate::{
    api::{
        ApiError, App, Client,
        attachments::{self, ATTACHMENTS},
        json_time::JsonTime,
        links::PageLink,
        load::work::blocking,
        secrets::{
            new_secret::{
                CIPHERTEXT, OTHER_FIELDS_BYTES, PASSWORD_PART_PRIVATE, SecretContent, is_quick,
                password_part,
            },
            shown,
        },
    },
    domain::{
        notify::mailbox::Mailbox,
        request::{self, Handed, Receiver, UsableRequest},
        request_id::RequestId,
        sealed_part::{SealedHalf, StoredAnswerKey},
        secret::ciphertext::PasswordPart,
        text::Text,
    },
    http::{
        body::read_json,
        json_fields::{BodyFields as JsonBody, Field, JsonFields},
        response::{Body, json},
    },
};

const PASSWORD_PART_PUBLIC: Field = Field::text(
    "password_part_public",
    "The public half in base64. Required if the request has `send_to_email`, refused otherwise.",
)
.with_max_chars(PasswordPart::MAX_CHARS)
.with_format("password-part");
pub(in crate::api) const SEALED_PART: Field = Field::text(
    "sealed_part",
    "The public half, encrypted for the `answer_key` of the request, in base64url. The requester then needs \
     no link from you. Refused if the request has no `answer_key`.",
)
.with_max_chars(SealedHalf::MAX_CHARS)
.with_pattern("^[A-Za-z0-9_-]*$");
/// The body of `POST /api/public/secret_requests/<id>/secrets`.
pub(in crate::api) const BODY: JsonBody = JsonBody {
    name: "HandedSecret",
    meaning: "The request sets everything else about the secret.",
    fields: &[CIPHERTEXT, PASSWORD_PART_PRIVATE, PASSWORD_PART_PUBLIC, SEALED_PART, ATTACHMENTS],
};

/// `GET /api/public/secret_requests/<id>`.
pub(in crate::api) async fn look(app: &Arc<App>, id: &str) -> Result<Response<Body>, ApiError> {
    let found = find(app, id).await?;
    Ok(json(StatusCode::OK, &PublicData { data: RequestForSender::new(found) }))
}

/// `POST /api/public/secret_requests/<id>/secrets`: creates a secret in the requester's account.
pub(in crate::api) async fn answer(
    app: &Arc<App>,
    id: &str,
    client: Client,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let found = find(app, id).await?;
    let answer = app.attempts.answers.begin(client.net(), app.clock.monotonic())?;
    let made = async {
        let max_bytes = app.rules.max_ciphertext + OTHER_FIELDS_BYTES;
        let body =
            read_json(headers, body, max_bytes, &app.load.body_budget.anybody(client)).await?;
        let (receiver, now) = (found.receiver(), app.clock.now());
        let takes_sealed = found.answer_key.is_some();
        let mut handed = if is_quick(body.bytes()) {
            prepare(app, body.bytes(), receiver, takes_sealed)?
        } else {
            let app = Arc::clone(app);
            blocking(move || prepare(&app, body.bytes(), receiver, takes_sealed)).await??
        };
        let token = attachments::upload_token(app, &mut handed.attachments);
        let keep_log = app.rules.keep_log_seconds;
        let answer = request::answer(found, handed, now, keep_log);
        Ok((app.store.change(answer).await?, token))
    };
    match made.await {
        Ok(((id, secret), token)) => {
            // On drop, the attempt is counted. That also happens if the client disconnects while the secret
            // is created.
            drop(answer);
            app.deliveries.wake();
            let expires_at = secret.expires_at.map(JsonTime);
            let (id, draft) = (app.ids.text(&id), secret.is_draft);
            let link = PageLink::of_secret(app, &id);
            let data =
                HandedSecretCreated { id, link, expires_at, draft, upload_token: token.map(shown) };
            Ok(json(StatusCode::CREATED, &PublicData { data }))
        }
        Err(error) => {
            answer.undone();
            Err(error)
        }
    }
}

async fn find(app: &Arc<App>, id: &str) -> Result<UsableRequest, ApiError> {
    let id = RequestId::parse(id).ok_or(ApiError::NotFound)?;
    let (reader, now) = (Arc::clone(app), app.clock.now());
    Ok(blocking(move || request::look(&reader.store, &id, now)).await??)
}

/// Checks and seals the sender's secret. Its complete link is mailed to `receiver`, if there is one.
fn prepare(
    app: &App,
    body: &[u8],
    receiver: Option<Receiver>,
    takes_sealed: bool,
) -> Result<Handed, ApiError> {
    let fields = JsonFields::parse(body, BODY.fields)?;
    let content = SecretContent::new(app, &fields)?;
    let part = public_part(app, &fields, receiver.is_some())?;
    let sealed_part = sealed_part(&fields)?;
    if sealed_part.is_some() && !takes_sealed {
        return Err(ApiError::field(
            SEALED_PART.name,
            "must not be sent: this request has no answer_key",
        ));
    }
    let given = attachments::given(app, &fields)?;
    // All fields are valid, so the expensive work can start.
    let (random, payload) = content.seal(app)?;
    let attachments = attachments::seal(app, &random, given)?;
    let mail = match (receiver, part) {
        (Some(Receiver { account, to, language }), Some(part)) => {
            Some(app.mail_link(Some(account), to, language, part.expose_secret().to_owned())?)
        }
        _ => None,
    };
    Ok(Handed { random, payload, mail, attachments, sealed_part })
}

/// The public half of the password. The server gets it only if it must mail the link.
fn public_part(
    app: &App,
    fields: &JsonFields<'_>,
    has_receiver: bool,
) -> Result<Option<PasswordPart>, ApiError> {
    let field = PASSWORD_PART_PUBLIC;
    if has_receiver {
        app.need_mail(field.name)?;
        return password_part(fields, &field).map(Some);
    }
    match fields.string(&field)?.filter(|part| !part.is_empty()) {
        None => Ok(None),
        Some(_) => Err(ApiError::field(
            field.name,
            "must not be sent: this request has no send_to_email, so only the link contains it",
        )),
    }
}

/// The public half, sealed for a key for answers.
pub(in crate::api) fn sealed_part(fields: &JsonFields<'_>) -> Result<Option<SealedHalf>, ApiError> {
    let Some(given) = fields.string(&SEALED_PART)?.filter(|part| !part.is_empty()) else {
        return Ok(None);
    };
    let part = SealedHalf::new(given.to_owned());
    part.map(Some).map_err(|error| ApiError::field(SEALED_PART.name, error))
}

/// A secret request, for holders of its link.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RequestPage")]
pub(in crate::api) struct RequestForSender {
    #[schemars(extend("format" = "uuid"), example = &"7d1cf6a5-5dd4-4b0c-9c0e-0b0c6a2f9d11")]
    id: String,
    /// The requester's text.
    #[schemars(example = &"The password of the printer, please.")]
    message: Option<String>,
    /// The number of secrets that can still be created.
    #[schemars(example = 1)]
    uses_left: u16,
    /// The expiry of the request. Null if it does not expire.
    #[schemars(example = &"2026-11-23T12:00:00Z")]
    expires_at: Option<JsonTime>,
    /// The address that the finished link is mailed to. If there is one, `password_part_public` is required;
    /// otherwise it is refused.
    send_to_email: Option<Mailbox>,
    /// The public key of the requester. The public half, encrypted for it, can be sent as `sealed_part`.
    answer_key: Option<String>,
    secret: SecretSettings,
}

/// The settings of the secret to be created.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct SecretSettings {
    /// The lifetime in hours; 0 for no end.
    #[schemars(example = 168)]
    expiration: u64,
    max_views: NonZeroU8,
    /// Whether viewers need a password, which the requester has set.
    password: bool,
    /// The text that viewers see with the secret.
    message: Option<String>,
}

impl RequestForSender {
    fn new(found: UsableRequest) -> Self {
        let UsableRequest { request, texts, answer_key, .. } = found;
        Self {
            id: request.id().to_string(),
            message: texts.message.map(Text::into_string),
            uses_left: request.uses_left(),
            expires_at: request.expires_at.map(JsonTime),
            answer_key: answer_key.map(StoredAnswerKey::into_text),
            secret: SecretSettings {
                expiration: request.secret_lifetime.hours(),
                max_views: request.secret_max_views,
                password: request.has_secret_password,
                message: texts.secret_message.map(Text::into_string),
            },
            send_to_email: request.send_to,
        }
    }
}

/// A secret that was just created through a request.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct HandedSecretCreated {
    #[schemars(example = &"3vQB7B6MrGQZaxCuFg4oh1qX8Zy9Kd2")]
    id: String,
    #[serde(flatten)]
    link: PageLink,
    /// Null if the secret does not expire.
    #[schemars(example = &"2026-11-29T12:00:00Z")]
    expires_at: Option<JsonTime>,
    /// Whether attachments are missing. A draft cannot be viewed.
    draft: bool,
    /// The token for uploading the attachments, if the secret is a draft. Only this answer contains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    upload_token: Option<String>,
}
