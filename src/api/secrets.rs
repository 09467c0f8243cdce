//! `/api/secrets`: the calls of the Secrets API about secrets.

use std::{net::IpAddr, num::NonZeroU8, sync::Arc};

use hyper::{
    Response, StatusCode,
    body::Incoming,
    header::{HeaderMap, RANGE, USER_AGENT},
};
use serde::Serialize;

use super::{
    ApiError, App, Client, auth,
    body::read_json,
    params::{Field, Fields},
    response::{Answer, Body, json},
    secret_item::Item,
    work::blocking,
};
use crate::{
    config::ViewerIp,
    crypto::{PasswordHash, SecretText, random_array},
    domain::{
        account::AccountNumber,
        ciphertext::{self, Ciphertext, CiphertextError, PasswordPart},
        lifetime::Lifetime,
        list::{self, Listed},
        secret::{self, NewSecret, SecretError, SecretId, Viewed},
        text::Text,
        try_limit::{Try, customer},
        view::View,
    },
    store::MAX_INLINE_BYTES,
};

const CIPHERTEXT: Field = Field::with_alias("ciphertext", "chiffertext");
const PASSWORD_PART_PRIVATE: Field = Field::new("password_part_private");
const DESCRIPTION: Field = Field::new("description");
const MESSAGE: Field = Field::new("message");
const EXPIRATION: Field = Field::new("expiration");
const VIEW_BUTTON: Field = Field::new("view_button");
const CAPTCHA: Field = Field::new("captcha");
const PASSWORD: Field = Field::new("password");
const MAX_VIEWS: Field = Field::with_alias("max_views", "max_visningar");
/// The fields of `POST /api/secrets`.
const FIELDS: [Field; 9] = [
    CIPHERTEXT,
    PASSWORD_PART_PRIVATE,
    DESCRIPTION,
    MESSAGE,
    EXPIRATION,
    VIEW_BUTTON,
    CAPTCHA,
    PASSWORD,
    MAX_VIEWS,
];

/// The header with the password of a secret that has one, in UTF-8.
const SECRET_PASSWORD: &str = "secret-password";
/// The most characters of such a password: hashing a longer one buys nothing.
const MAX_PASSWORD_CHARS: usize = 1000;
const MOST_VIEWS: u64 = 100;
/// What a body may hold besides the ciphertext.
const OTHER_FIELDS_BYTES: usize = 64 << 10;

/// `POST /api/secrets`.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn create(
    app: &Arc<App>,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let account = auth::private_key(app, headers)?;
    // Asks the kernel's memory, not the disk: no reason for another thread.
    if !app.store.space().is_ok_and(|space| space.allows_creation()) {
        return Err(ApiError::Full);
    }
    let max_bytes = app.rules.max_ciphertext + OTHER_FIELDS_BYTES;
    let body = read_json(headers, body, max_bytes, &app.body_budget).await?;
    // A payload is shorter than the body that it came in. One that becomes no file takes microseconds.
    let (mut new, password) = if body.bytes().len() <= MAX_INLINE_BYTES {
        prepare(app, body.bytes())?
    } else {
        let app = Arc::clone(app);
        blocking(move || prepare(&app, body.bytes())).await??
    };
    if let Some(password) = password {
        let random = Arc::clone(&app.random);
        let hash = move || PasswordHash::new(&password, PasswordHash::ITERATIONS, &*random);
        new.password = Some(app.slow_work.turn().await?.run(hash).await?);
    }
    let texts = [&new.description, &new.message].map(|text| text.clone().map(Text::into_string));
    let now = app.clock.now();
    let (number, secret, metadata) = app.store.change(secret::create(account, new, now)).await?;
    let [description, message] = texts;
    let listed = Listed { number, secret, description, message, views: Vec::new() };
    let data = Item::new(app, listed, now);
    Ok(json(StatusCode::CREATED, &Answer { data, metadata }))
}

/// `GET /api/secrets/<id>`: spends a view.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn view(
    app: &Arc<App>,
    id: &str,
    client: Client,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let account = auth::any_key(app, headers)?;
    if headers.contains_key(RANGE) {
        return Err(ApiError::NoRanges);
    }
    let secret_id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let password = headers.get(SECRET_PASSWORD).map(|value| value.as_bytes());
    let now = app.clock.now();
    let agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let entry = View::new(now, kept_address(app.rules.viewer_ip, client.address), agent.as_deref());
    let spend = |proof| {
        let keep_log = app.rules.keep_log_seconds;
        app.store.change(secret::view(account, secret_id, entry.clone(), proof, keep_log))
    };
    let viewed = match (spend(None).await, password) {
        (Err(SecretError::PasswordNeeded(needed)), Some(password)) => {
            let right =
                check_password(app, account, secret_id, client, needed.clone(), password).await?;
            let viewed = spend(Some(needed)).await;
            right.right();
            viewed?
        }
        (outcome, _) => outcome?,
    };
    open(id, secret_id, viewed.ok_or(ApiError::NotFound)?).await
}

/// `GET /api/secrets`.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn list(
    app: &Arc<App>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let account = auth::private_key(app, headers)?;
    let offset = offset(query)?;
    let now = app.clock.now();
    let reader = Arc::clone(app);
    let (listed, metadata) =
        blocking(move || list::list(&reader.store, account, offset, now)).await??;
    let data: Vec<Item> = listed.into_iter().map(|listed| Item::new(app, listed, now)).collect();
    Ok(json(StatusCode::OK, &Answer { data, metadata }))
}

/// `DELETE /api/secrets/<id>`.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn delete(app: &App, id: &str, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let account = auth::private_key(app, headers)?;
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let metadata = app.store.change(secret::delete(account, id, app.clock.now())).await?;
    Ok(json(StatusCode::OK, &Answer { data: (), metadata }))
}

/// Checks and seals what a sender wants to hand over. The password is hashed elsewhere.
fn prepare(app: &App, body: &[u8]) -> Result<(NewSecret, Option<SecretText>), ApiError> {
    let fields = Fields::parse(body, &FIELDS)?;
    let ciphertext = fields.string(&CIPHERTEXT)?.unwrap_or_default();
    let max = app.rules.max_ciphertext;
    let ciphertext = Ciphertext::new(ciphertext, max).map_err(|error| match error {
        CiphertextError::TooLong(_) => ApiError::TooLarge {
            field: Some(CIPHERTEXT.name),
            message: format!("Ciphertext {error}"),
        },
        _ => ApiError::field(CIPHERTEXT.name, error),
    })?;
    let part = fields.string(&PASSWORD_PART_PRIVATE)?.unwrap_or_default();
    let part = PasswordPart::new(part.to_owned())
        .map_err(|error| ApiError::field(PASSWORD_PART_PRIVATE.name, error))?;
    let description = text(&fields, &DESCRIPTION)?;
    let message = text(&fields, &MESSAGE)?;
    let lifetime = Lifetime::new(fields.integer(&EXPIRATION)?, app.rules.lifetime)
        .map_err(|error| ApiError::field(EXPIRATION.name, error))?;
    let view_button = fields.boolean(&VIEW_BUTTON)?;
    let captcha = fields.boolean(&CAPTCHA)?;
    let password = fields.string(&PASSWORD)?.filter(|password| !password.is_empty());
    if password.as_ref().is_some_and(|password| password.chars().count() > MAX_PASSWORD_CHARS) {
        let reason = format!("is too long: {MAX_PASSWORD_CHARS} characters are allowed");
        return Err(ApiError::field(PASSWORD.name, reason));
    }
    // A header carries it back: HTTP strips spaces around it and knows no control characters.
    if password
        .is_some_and(|password| password.trim() != password || password.contains(char::is_control))
    {
        let reason = "must not begin or end with a space, nor hold control characters";
        return Err(ApiError::field(PASSWORD.name, reason));
    }
    let max_views = fields
        .integer(&MAX_VIEWS)?
        .map_or(Some(NonZeroU8::MIN), |views| {
            u8::try_from(views).ok().filter(|_| views <= MOST_VIEWS).and_then(NonZeroU8::new)
        })
        .ok_or_else(|| ApiError::field(MAX_VIEWS.name, "must be between 1 and 100"))?;

    // Everything is right, so now it may cost something.
    let random: [u8; 15] = random_array(&*app.random);
    let payload = ciphertext::to_payload(&ciphertext, &part);
    let new = NewSecret {
        random,
        payload: app.store.seal(&*app.random, &random, payload)?,
        description,
        message,
        lifetime,
        view_button,
        captcha,
        password: None,
        max_views,
    };
    Ok((new, password.map(|password| SecretText::new(password.to_owned()))))
}

fn text(fields: &Fields<'_>, field: &Field) -> Result<Option<Text>, ApiError> {
    let Some(given) = fields.string(field)?.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let reason = format!("is too long: {} characters are allowed", Text::MAX_CHARS);
    Text::new(given.to_owned()).map(Some).ok_or_else(|| ApiError::field(field.name, reason))
}

/// Checks a password against `needed`, having counted the try first, on disk and for the address.
async fn check_password<'a>(
    app: &'a App,
    account: AccountNumber,
    id: SecretId,
    client: Client,
    needed: Box<PasswordHash>,
    password: &[u8],
) -> Result<Try<'a, IpAddr>, ApiError> {
    let Ok(password) = std::str::from_utf8(password) else {
        return Err(ApiError::field("password", "must be UTF-8 in the header Secret-Password"));
    };
    // First the turn: who is sent away because others wait has not tried.
    let turn = app.slow_work.turn().await?;
    let now = app.clock.now();
    let tried = app.wrong_passwords.begin(customer(client.address), now)?;
    app.store.change(secret::charge_password(account, id, now)).await?;
    let password = SecretText::new(password.to_owned());
    match turn.run(move || needed.verify(&password)).await? {
        true => Ok(tried),
        false => Err(ApiError::Password("Password is wrong")),
    }
}

/// Decrypts what a spent view has found, and answers it.
async fn open(id: &str, secret_id: SecretId, viewed: Viewed) -> Result<Response<Body>, ApiError> {
    let Viewed { payload, message, metadata } = viewed;
    let id = id.to_owned();
    let is_large = payload.is_large();
    let answer = move || {
        let payload = payload.open(&secret_id.random)?;
        let Some(opened) = ciphertext::from_payload(&payload) else {
            tracing::error!("a payload is not of a known form");
            return Err(ApiError::Internal);
        };
        let data = Seen {
            id,
            ciphertext: opened.ciphertext,
            password_part_private: opened.password_part_private,
            message,
        };
        Ok(json(StatusCode::OK, &Answer { data, metadata }))
    };
    if is_large { blocking(answer).await? } else { answer() }
}

/// As much of a viewer's address as the operator wants to keep.
fn kept_address(kept: ViewerIp, address: IpAddr) -> Option<IpAddr> {
    match (kept, address) {
        (ViewerIp::Full, _) => Some(address),
        (ViewerIp::Off, _) => None,
        (ViewerIp::Truncated, IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            Some(IpAddr::from([a, b, c, 0]))
        }
        (ViewerIp::Truncated, IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            Some(IpAddr::from([a, b, c, 0, 0, 0, 0, 0]))
        }
    }
}

fn offset(query: Option<&str>) -> Result<usize, ApiError> {
    let pairs = query.unwrap_or_default().split('&').map(|pair| pair.split_once('='));
    let mut given = pairs.flatten().filter(|(name, _)| *name == "offset");
    let wrong = || ApiError::field("offset", "must be one whole number from 0 on");
    match (given.next(), given.next()) {
        (None, _) => Ok(0),
        (Some((_, value)), None) => value.parse().map_err(|_| wrong()),
        (Some(_), Some(_)) => Err(wrong()),
    }
}

/// What a viewer sees.
#[derive(Serialize)]
struct Seen {
    id: String,
    ciphertext: String,
    password_part_private: String,
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_as_the_operator_wants() {
        let cases = [
            (ViewerIp::Full, "192.0.2.77", Some("192.0.2.77")),
            (ViewerIp::Truncated, "192.0.2.77", Some("192.0.2.0")),
            (ViewerIp::Truncated, "2001:db8:1:2:3::4", Some("2001:db8:1::")),
            (ViewerIp::Off, "192.0.2.77", None),
        ];
        for (kept, address, expected) in cases {
            let expected = expected.map(|text: &str| text.parse().unwrap());
            assert_eq!(
                kept_address(kept, address.parse().unwrap()),
                expected,
                "{kept:?} {address}"
            );
        }
    }

    #[test]
    fn offsets_are_whole_numbers() {
        for (query, expected) in [
            (None, Some(0)),
            (Some("x=1"), Some(0)),
            (Some("offset=50"), Some(50)),
            (Some("offset="), None),
            (Some("offset=-1"), None),
            (Some("offset=1&offset=2"), None),
        ] {
            assert_eq!(offset(query).ok(), expected, "{query:?}");
        }
    }
}
