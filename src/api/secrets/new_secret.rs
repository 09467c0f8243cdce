//! A sender's new secret, read from a JSON body, with or without an API key.

use std::{num::NonZeroU8, sync::Arc};

use hyper::{body::Incoming, header::HeaderMap};

use crate::{
    api::{
        ApiError, App, Client,
        attachments::{self, ATTACHMENTS},
        load::work::blocking,
    },
    clock::UnixSeconds,
    crypto::{AnswerKey, PasswordHash, SecretText, TypedPassword, random_array},
    domain::{
        lifetime::Lifetime,
        sealed_part::StoredAnswerKey,
        secret::{
            MessageShown, NewSecret,
            ciphertext::{self, Ciphertext, CiphertextError, PasswordPart},
        },
        text::Text,
    },
    http::{
        body::read_json,
        body_budget::Payer,
        json_fields::{BodyFields as JsonBody, Field, FieldKind, JsonFields},
    },
    store::{MAX_INLINE_BYTES, Payload},
};

pub(crate) const CIPHERTEXT: Field = Field::new("ciphertext", FieldKind::Named("Ciphertext"), "")
    .with_alias("chiffertext")
    .required();
pub(crate) const PASSWORD_PART_PRIVATE: Field = Field::new(
    "password_part_private",
    FieldKind::Named("PasswordPart"),
    "The private half in base64: the server stores it and returns it to viewers. The public half is never \
     sent to the server.",
)
.required();
const DESCRIPTION: Field =
    Field::text("description", "For yourself: only in the list.").with_max_chars(Text::MAX_CHARS);
const MESSAGE: Field =
    Field::text("message", "For viewers: shown with the secret, and in the list.")
        .with_max_chars(Text::MAX_CHARS);
const MESSAGE_SHOWN: Field = Field::text(
    "message_shown",
    "When viewers see the message: `with` the secret, after the view is spent, or `before` the view as well, \
     to each client with the link. `with` by default.",
)
.with_pattern("^(before|with)?$");
const EXPIRATION: Field = lifetime_field(
    "expiration",
    "How long the secret lives, in hours. 0 or nothing is the server's default (168, unless the operator \
     sets another one); otherwise 1 to 350, within the operator's limits.",
);
/// In place of a lifetime in hours.
pub(crate) const EXPIRES_AT: Field = Field::text(
    "expires_at",
    "The moment of expiry in RFC 3339, to the second, in place of `expiration`: in the future, and within the \
     operator's limits, for which an hour that has begun counts as one.",
)
.with_format("date-time");
const VIEW_BUTTON: Field = Field::new(
    "view_button",
    FieldKind::Boolean,
    "The page that shows the secret asks for a click first, so that programs which follow links spend no \
     view. `false` by default.",
);
const CAPTCHA: Field = Field::new(
    "captcha",
    FieldKind::Boolean,
    "Viewers without an API key must do a proof of work first. `false` by default.",
);
const PASSWORD: Field = password_field(
    "password",
    "Viewers must know it. It is compared in Unicode's form NFC, without blanks and invisible marks at its \
     ends; blanks alone are an error, and so are control characters. It is stored as a salted slow hash.",
);
const MAX_VIEWS: Field =
    max_views_field("max_views", "How often the secret can be viewed; 1 by default.")
        .with_alias("max_visningar");

const REPLY_KEY: Field = answer_key_field(
    "reply_key",
    "A public key of yours: a viewer can reply once, with a secret whose public half is encrypted for it. P-256, \
     the base64url of the uncompressed point. Without it there is no reply.",
);

/// The body of `POST /api/secrets` and `POST /api/public/secrets`.
pub(crate) const BODY: JsonBody = JsonBody {
    name: "NewSecret",
    meaning: "A secret to be created. `null` and an empty string count as absent; unknown fields are \
              ignored.",
    fields: &[
        CIPHERTEXT,
        PASSWORD_PART_PRIVATE,
        DESCRIPTION,
        MESSAGE,
        MESSAGE_SHOWN,
        EXPIRATION,
        EXPIRES_AT,
        MAX_VIEWS,
        VIEW_BUTTON,
        CAPTCHA,
        PASSWORD,
        ATTACHMENTS,
        REPLY_KEY,
    ],
};

/// The definition of a field with a lifetime. The operator's limits are checked later and cannot exceed
/// this one.
pub(crate) const fn lifetime_field(name: &'static str, meaning: &'static str) -> Field {
    Field::number(name, 0, 366 * 24, meaning)
}

/// The definition of a field with a public key for answers.
pub(crate) const fn answer_key_field(name: &'static str, meaning: &'static str) -> Field {
    let pattern = "^([A-Za-z0-9_-]{87})?$";
    Field::text(name, meaning).with_max_chars(AnswerKey::CHARS).with_pattern(pattern)
}

/// The definition of a field with a number of views.
pub(crate) const fn max_views_field(name: &'static str, meaning: &'static str) -> Field {
    Field::number(name, 1, 100, meaning)
}

/// The definition of a field with a password for viewers.
pub(crate) const fn password_field(name: &'static str, meaning: &'static str) -> Field {
    // No control characters, and no white space at the start or end.
    let pattern = r"^(?!\s)[^\u0000-\u001f\u007f-\u009f]*(?<!\s)$";
    Field::text(name, meaning)
        .with_max_chars(MAX_PASSWORD_CHARS)
        .with_format("password")
        .with_pattern(pattern)
}

/// The maximum length of a password in characters. A longer one is not safer.
const MAX_PASSWORD_CHARS: usize = 1000;
/// The maximum size of the other fields of a body with a ciphertext.
pub(crate) const OTHER_FIELDS_BYTES: usize = 64 << 10;

/// Reads a new secret, seals its ciphertext and hashes its password.
pub(crate) async fn read(
    app: &Arc<App>,
    client: Client,
    payer: &Payer,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<NewSecret, ApiError> {
    let max_bytes = app.rules.max_ciphertext + OTHER_FIELDS_BYTES;
    let body = read_json(headers, body, max_bytes, payer).await?;
    let (mut new, password) = if is_quick(body.bytes()) {
        prepare(app, body.bytes())?
    } else {
        let app = Arc::clone(app);
        blocking(move || prepare(&app, body.bytes())).await??
    };
    if let Some(password) = password {
        new.password = Some(hash(app, client, password).await?);
    }
    Ok(new)
}

/// Whether the content of a body is sealed in microseconds and without a file. A payload is shorter than
/// its body, and a body with attachments contains the name of their field.
pub(crate) fn is_quick(body: &[u8]) -> bool {
    let contains = |text: &[u8]| body.windows(text.len()).any(|part| part == text);
    // An escape sequence can encode a letter of the name.
    let names_attachments = contains(ATTACHMENTS.name.as_bytes()) || contains(b"\\u");
    body.len() <= MAX_INLINE_BYTES && !names_attachments
}

/// Checks and seals the sender's secret. The password is hashed later.
fn prepare(app: &App, body: &[u8]) -> Result<(NewSecret, Option<SecretText>), ApiError> {
    let fields = JsonFields::parse(body, BODY.fields)?;
    let content = SecretContent::new(app, &fields)?;
    let description = text(&fields, &DESCRIPTION)?;
    let message = text(&fields, &MESSAGE)?;
    let message_shown = message_shown(&fields, &MESSAGE_SHOWN)?;
    let lifetime = own_lifetime(app, &fields, &EXPIRATION)?;
    let view_button = fields.boolean(&VIEW_BUTTON)?;
    let captcha = fields.boolean(&CAPTCHA)?;
    let password = password(&fields, &PASSWORD)?;
    let max_views = max_views(&fields, &MAX_VIEWS)?;
    let reply_key = answer_key(&fields, &REPLY_KEY)?;

    let given = attachments::given(app, &fields)?;
    // All fields are valid, so the expensive work can start.
    let (random, payload) = content.seal(app)?;
    let attachments = attachments::seal(app, &random, given)?;
    let new = NewSecret {
        random,
        payload,
        description,
        message,
        message_shown,
        is_from_owner: false,
        lifetime,
        view_button,
        captcha,
        password: None,
        max_views,
        attachments,
        reply_key,
    };
    Ok((new, password))
}

/// The validated ciphertext and private half of its password.
pub(crate) struct SecretContent {
    ciphertext: Ciphertext,
    part: PasswordPart,
}

impl SecretContent {
    pub(crate) fn new(app: &App, fields: &JsonFields<'_>) -> Result<Self, ApiError> {
        let ciphertext = fields.string(&CIPHERTEXT)?.unwrap_or_default();
        let max = app.rules.max_ciphertext;
        let ciphertext = Ciphertext::new(ciphertext, max).map_err(|error| match error {
            CiphertextError::TooLong(_) => ApiError::TooLarge {
                field: Some(CIPHERTEXT.name),
                message: format!("Ciphertext {error}"),
            },
            _ => ApiError::field(CIPHERTEXT.name, error),
        })?;
        Ok(Self { ciphertext, part: password_part(fields, &PASSWORD_PART_PRIVATE)? })
    }

    /// Seals the content for a secret with the returned random bits. Blocks if it is large.
    pub(crate) fn seal(&self, app: &App) -> Result<([u8; 15], Payload), ApiError> {
        let random: [u8; 15] = random_array(&*app.random);
        Ok((random, self.seal_for(app, &random)?))
    }

    /// Does the same for a secret whose id has these random bits.
    pub(crate) fn seal_for(&self, app: &App, random: &[u8; 15]) -> Result<Payload, ApiError> {
        let payload = ciphertext::to_payload(&self.ciphertext, &self.part);
        Ok(app.store.seal(&*app.random, random, payload)?)
    }
}

pub(crate) fn password_part(
    fields: &JsonFields<'_>,
    field: &Field,
) -> Result<PasswordPart, ApiError> {
    let part = fields.string(field)?.unwrap_or_default();
    PasswordPart::new(part.to_owned()).map_err(|error| ApiError::field(field.name, error))
}

/// The lifetime in hours.
pub(crate) fn lifetime(app: &App, hours: Option<u64>, field: &Field) -> Result<Lifetime, ApiError> {
    Lifetime::new(hours, app.rules.lifetime).map_err(|error| ApiError::field(field.name, error))
}

/// The lifetime of a new secret or request: in hours, until a moment, or the server's default.
pub(crate) fn own_lifetime(
    app: &App,
    fields: &JsonFields<'_>,
    expiration: &Field,
) -> Result<Lifetime, ApiError> {
    let given = lifetime_or_end(app, fields, expiration)?;
    given.map_or_else(|| lifetime(app, None, expiration), Ok)
}

/// The lifetime in hours or until a moment, whichever field is there; `None` without both.
pub(crate) fn lifetime_or_end(
    app: &App,
    fields: &JsonFields<'_>,
    expiration: &Field,
) -> Result<Option<Lifetime>, ApiError> {
    let hours = fields.number(expiration)?;
    let end = fields.string(&EXPIRES_AT)?.filter(|end| !end.is_empty());
    let wrong = |reason: &dyn std::fmt::Display| ApiError::field(EXPIRES_AT.name, reason);
    match (hours, end) {
        (None, None) => Ok(None),
        (hours, None) => lifetime(app, hours, expiration).map(Some),
        (Some(1..), Some(_)) => Err(wrong(&"must not be sent together with expiration")),
        (_, Some(end)) => {
            let end = UnixSeconds::parse(end);
            let end = end.ok_or_else(|| wrong(&"must be a time such as 2026-12-24T18:00:00Z"))?;
            let lifetime = Lifetime::until(end, app.clock.now(), app.rules.lifetime);
            lifetime.map(Some).map_err(|error| wrong(&error))
        }
    }
}

/// Reads a password for viewers, which is hashed later.
pub(crate) fn password(
    fields: &JsonFields<'_>,
    field: &Field,
) -> Result<Option<SecretText>, ApiError> {
    let Some(password) = fields.string(field)?.filter(|password| !password.is_empty()) else {
        return Ok(None);
    };
    let Some(password) = TypedPassword::new(password) else {
        return Err(ApiError::field(field.name, "must not consist of blanks only"));
    };
    let password = password.plain().expose_secret();
    if password.chars().count() > MAX_PASSWORD_CHARS {
        let reason = format!("is too long: {MAX_PASSWORD_CHARS} characters are allowed");
        return Err(ApiError::field(field.name, reason));
    }
    // Viewers send the password in a header, which cannot contain control characters.
    if password.contains(char::is_control) {
        return Err(ApiError::field(field.name, "must not contain control characters"));
    }
    Ok(Some(SecretText::new(password.to_owned())))
}

/// Reads a public key for answers.
pub(crate) fn answer_key(
    fields: &JsonFields<'_>,
    field: &Field,
) -> Result<Option<StoredAnswerKey>, ApiError> {
    let Some(given) = fields.string(field)?.filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    let key = AnswerKey::parse(given).map_err(|error| ApiError::field(field.name, error))?;
    Ok(Some(StoredAnswerKey::from(&key)))
}

/// Waits for a turn and hashes a new password.
pub(crate) async fn hash(
    app: &App,
    client: Client,
    password: SecretText,
) -> Result<PasswordHash, ApiError> {
    let random = Arc::clone(&app.random);
    let hash = move || PasswordHash::new(&password, PasswordHash::ITERATIONS, &*random);
    app.load.slow_work.passwords.turn(client.net()).await?.run(hash).await
}

/// How often a secret can be viewed; the default is once.
pub(crate) fn max_views(fields: &JsonFields<'_>, field: &Field) -> Result<NonZeroU8, ApiError> {
    let views = fields.number_in_range(field)?;
    Ok(views.and_then(NonZeroU8::new).unwrap_or(NonZeroU8::MIN))
}

/// When viewers see the message; with the secret by default.
fn message_shown(fields: &JsonFields<'_>, field: &Field) -> Result<MessageShown, ApiError> {
    match fields.string(field)? {
        None | Some("" | "with") => Ok(MessageShown::With),
        Some("before") => Ok(MessageShown::Before),
        Some(_) => Err(ApiError::field(field.name, "must be \"before\" or \"with\"")),
    }
}

pub(crate) fn text(fields: &JsonFields<'_>, field: &Field) -> Result<Option<Text>, ApiError> {
    let Some(given) = fields.string(field)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let reason = format!("is too long: {} characters are allowed", Text::MAX_CHARS);
    Text::new(given.to_owned()).map(Some).ok_or_else(|| ApiError::field(field.name, reason))
}
