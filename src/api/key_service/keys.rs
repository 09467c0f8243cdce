//! Creates, uploads, returns and deletes the keys of boxes.

use std::sync::Arc;

use hyper::{
    Response,
    body::Bytes,
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue},
};

use super::{
    access::{self, authenticate, find, stored_keys},
    error::ServiceError,
    input::{
        forms::{MAX_HASH_BYTES, MAX_KEY_BYTES, MAX_PASSPHRASE_BYTES},
        names::{
            DELETE_KEY_AFTER_READING, DELETE_MESSAGES_AFTER_READING, LOCK_DATE, NOTIFY_EMAIL,
            PASSPHRASE, PRIVATE_KEY, PRIVATE_KEY_HASH, PUBLIC_KEY, RELEASE_DATE, TOKEN,
        },
        parameters::Parameters,
    },
    output::{
        format::Format,
        item::{KeyItem, TermsItem},
    },
};
use crate::{
    api::{App, Client, auth, load::work::blocking},
    config::Boxes,
    crypto::{BoxKey, KeyFormError, PublicKey, PublicKeyError, SecretText, random_array, sha256},
    domain::{
        account::api_key::with_key,
        drop_box::{self, Keys, NewBox, PublicKeyUse, Terms},
        notify::{BoxNotify, mailbox::Mailbox},
        numbers::AccountNumber,
    },
    http::response::Body,
};

/// A new box, and the data for its creator.
struct BoxCreated {
    new: NewBox,
    keys: Keys,
    private_key_hash: String,
}

/// `POST /Service`.
pub(super) async fn create(
    app: &Arc<App>,
    format: Format,
    client: Client,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response<Body>, ServiceError> {
    may_create(app, headers)?;
    let terms = terms(parameters)?;
    let notify = notify(app, headers, parameters)?;
    let made = match (parameters.text(PASSPHRASE), parameters.text(PUBLIC_KEY)) {
        (Some(_), Some(_)) => Err(ServiceError::Invalid(
            "Send passphrase to create a key, or publickey and privatekeyhash to upload one, not both"
                .into(),
        )),
        (None, None) if parameters.text(TOKEN).is_some() => Err(ServiceError::Invalid(
            "passphrase is missing: POST creates a key, messages are sent with PUT".into(),
        )),
        (None, None) => Err(ServiceError::Invalid(
            "passphrase is missing, or publickey and privatekeyhash to upload a key".into(),
        )),
        (Some(passphrase), None) => make(app, client, passphrase, terms).await,
        (None, Some(public_key)) => upload(app, public_key, parameters, terms).await,
    }?;
    let now = app.clock.now();
    let BoxCreated { mut new, keys, private_key_hash } = made;
    new.notify = notify;
    let is_keyed = app.key_service.rules.creation == Boxes::Account || new.notify.is_some();
    let key = auth::key_hash(headers).ok().filter(|_| is_keyed);
    let create = with_key(key, drop_box::create(new, now));
    let id = auth::allowed(app.store.change(create).await)??;
    let token = app.ids.token(&id);
    let uri = format!("{}/#{token}", base(app, headers));
    let key = KeyItem {
        key_id: key_id(&token),
        key_token: &token,
        public_key: &keys.public_key,
        private_key: keys.private_key.as_deref(),
        private_key_hash: &private_key_hash,
        is_private_key_encrypted: keys.private_key.is_some(),
        is_public_key_only: keys.private_key.is_none(),
        request_date: now,
        release_date: terms.release_at.unwrap_or(now),
        lock_date: terms.lock_at,
        delete_messages_after_reading: terms.delete_messages_after_reading,
        delete_key_after_reading: terms.delete_box_after_reading,
        uri: &uri,
    };
    Ok(format.key(&key))
}

/// A positive number that fits .NET's `int` and is constant for a box. It is derived from the token,
/// because the box's internal number would reveal how many boxes exist.
fn key_id(token: &str) -> u32 {
    const MOST: u32 = i32::MAX.unsigned_abs();
    let [a, b, c, d, ..] = sha256(token.as_bytes());
    u32::from_be_bytes([a, b, c, d]) % MOST + 1
}

/// `GET /Service/<token>/publickey`.
pub(super) async fn public_key(
    app: &Arc<App>,
    token: &str,
    form: Option<&str>,
) -> Result<Response<Body>, ServiceError> {
    let id = app.ids.parse_token(token).ok_or(ServiceError::NoBox)?;
    let store = app.store.clone();
    let read = move || {
        drop_box::find(&store, id)?;
        Ok::<_, ServiceError>(drop_box::public_key_der(&store, id)?)
    };
    let Some(der) = blocking(read).await?? else {
        if form.is_some() {
            return Err(ServiceError::Invalid(
                "The public key of this box has an unknown form: request it without format to get it as \
                 it was uploaded"
                    .into(),
            ));
        }
        let found = app.store.change(drop_box::keys_of(id)).await?;
        let keys = blocking(move || stored_keys(id, found)).await??;
        return Ok(typed("text/plain; charset=utf-8", keys.public_key.into_bytes()));
    };
    let key = PublicKey::from_der(&der).map_err(|_| {
        tracing::error!("cannot read a stored public key");
        ServiceError::Internal
    })?;
    match form.map(str::to_ascii_lowercase).as_deref() {
        None | Some("pem") => Ok(typed("application/x-pem-file", key.to_pem().into_bytes())),
        Some("jwk") => Ok(typed("application/jwk+json", key.to_jwk().into_bytes())),
        Some("xml") => Ok(typed("application/xml; charset=utf-8", key.to_xml().into_bytes())),
        Some("der") => Ok(typed("application/octet-stream", der)),
        Some(_) => Err(ServiceError::Invalid("format must be pem, jwk, xml or der".into())),
    }
}

/// `GET /Service/<token>/terms`: what senders and readers should know before they start. All holders of the
/// token may read it. The answer is always JSON.
pub(super) async fn terms_of(app: &App, token: &str) -> Result<Response<Body>, ServiceError> {
    let id = app.ids.parse_token(token).ok_or(ServiceError::NoBox)?;
    let drop_box = access::read(app, id).await?;
    let found = app.store.change(drop_box::keys_of(id)).await?;
    // Clients send a passphrase only if this field says that the server has a private key to open with it.
    let opens = move || {
        let keys = stored_keys(id, found)?;
        Ok::<_, ServiceError>(keys.private_key.is_some_and(|pem| BoxKey::takes_passphrase(&pem)))
    };
    let has_private_key = blocking(opens).await??;
    let (terms, now) = (drop_box.terms, app.clock.now());
    Ok(Format::terms(&TermsItem {
        lock_date: terms.lock_at,
        // The server compares the times, because clients' clocks are wrong more often.
        is_locked: terms.lock_at.is_some_and(|lock| lock <= now),
        delete_messages_after_reading: terms.delete_messages_after_reading,
        delete_key_after_reading: terms.delete_box_after_reading,
        has_private_key,
    }))
}

/// `DELETE /Service`.
pub(super) async fn delete(
    app: &Arc<App>,
    format: Format,
    client: Client,
    parameters: &Parameters,
) -> Result<Response<Body>, ServiceError> {
    let (id, drop_box) = find(app, parameters).await?;
    authenticate(app, client, (id, &drop_box), parameters).await?;
    let deleter = Arc::clone(app);
    blocking(move || drop_box::delete(&deleter.store, id)).await??;
    app.key_service.tickets.void(id.number);
    Ok(format.string("Deleted."))
}

/// Checks the right to create a box. Returns the account of the API key, if any.
pub(super) fn may_create(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<AccountNumber>, ServiceError> {
    let account = auth::private_key(app, headers);
    match app.key_service.rules.creation {
        Boxes::Open => Ok(account.ok()),
        Boxes::Off => Err(ServiceError::Invalid("No boxes can be created on this server".into())),
        Boxes::Account => account.map(Some).map_err(|error| {
            let why = ServiceError::from(error).message();
            ServiceError::Invalid(format!("Boxes are created with an API key only: {why}"))
        }),
    }
}

/// The settings for notifications. Only clients with an API key may set an address, so that others cannot
/// make the server send mail to arbitrary people.
fn notify(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Option<BoxNotify>, ServiceError> {
    let Some(email) = parameters.text(NOTIFY_EMAIL) else { return Ok(None) };
    let account = auth::private_key(app, headers).map_err(|error| {
        let why = ServiceError::from(error).message();
        ServiceError::parameter(NOTIFY_EMAIL, format!("can be set with an API key only: {why}"))
    })?;
    let email = mail_address(app, NOTIFY_EMAIL, email)?;
    Ok(Some(BoxNotify::new(account, email, random_array(&*app.random))))
}

/// Reads a mail address for outgoing mail.
pub(super) fn mail_address(
    app: &App,
    name: &'static str,
    text: &str,
) -> Result<Mailbox, ServiceError> {
    if !app.mail_ready() {
        let reason = "needs mail, which is not set up on this server";
        return Err(ServiceError::parameter(name, reason));
    }
    Mailbox::new(text).map_err(|error| ServiceError::parameter(name, error))
}

fn terms(parameters: &Parameters) -> Result<Terms, ServiceError> {
    let flag = |name| Ok::<_, ServiceError>(parameters.flag(name)?.unwrap_or(false));
    Ok(Terms {
        release_at: parameters.date(RELEASE_DATE)?,
        lock_at: parameters.date(LOCK_DATE)?,
        delete_messages_after_reading: flag(DELETE_MESSAGES_AFTER_READING)?,
        delete_box_after_reading: flag(DELETE_KEY_AFTER_READING)?,
    })
}

/// Generates the key pair of a box on the server.
async fn make(
    app: &Arc<App>,
    client: Client,
    passphrase: &str,
    terms: Terms,
) -> Result<BoxCreated, ServiceError> {
    bounded(PASSPHRASE, passphrase, MAX_PASSPHRASE_BYTES)?;
    let passphrase = SecretText::new(passphrase.to_owned());
    let turn = app.load.slow_work.key_pairs.turn(client.net()).await?;
    let maker = Arc::clone(app);
    turn.run(move || {
        let App { key_service, random, .. } = &*maker;
        let key = key_service.pool.take();
        let iterations = key_service.rules.iterations;
        let private_key = key.to_encrypted_pem(&passphrase, iterations, &**random);
        let public = key.public();
        let keys = Keys { public_key: public.to_pem(), private_key: Some(private_key) };
        let der = Some(public.to_der());
        sealed(&maker, keys, key.hash(), (PublicKeyUse::Sealing, der), terms)
    })
    .await?
}

/// Stores a key pair that the client has generated.
async fn upload(
    app: &Arc<App>,
    public_key: &str,
    parameters: &Parameters,
    terms: Terms,
) -> Result<BoxCreated, ServiceError> {
    bounded(PUBLIC_KEY, public_key, MAX_KEY_BYTES)?;
    let hash = parameters.required(PRIVATE_KEY_HASH)?;
    bounded(PRIVATE_KEY_HASH, hash, MAX_HASH_BYTES)?;
    let private_key = parameters.text(PRIVATE_KEY);
    bounded(PRIVATE_KEY, private_key.unwrap_or_default(), MAX_KEY_BYTES)?;
    private_key.map_or(Ok(()), check_private_key)?;
    let public = PublicKey::parse(public_key)
        .map_err(|error| ServiceError::parameter(PUBLIC_KEY, format!("cannot be used: {error}")))?;
    let public = (PublicKeyUse::Sealing, Some(public.to_der()));
    let keys =
        Keys { public_key: public_key.to_owned(), private_key: private_key.map(str::to_owned) };
    let (maker, hash) = (Arc::clone(app), hash.to_owned());
    blocking(move || sealed(&maker, keys, hash, public, terms)).await?
}

/// Rejects a private key that is not encrypted, or that this server cannot open with any passphrase.
fn check_private_key(private_key: &str) -> Result<(), ServiceError> {
    let form = BoxKey::check_encrypted_pem(private_key);
    let is_bare = matches!(PublicKey::parse(private_key), Err(PublicKeyError::Private));
    // For the OpenSSH format, the parser does not tell whether a key is encrypted.
    if is_bare && form != Err(KeyFormError::OpenSsh) {
        let reason = "is not encrypted: encrypt it with a passphrase, or leave it out";
        return Err(ServiceError::parameter(PRIVATE_KEY, reason));
    }
    form.map_err(|error| ServiceError::parameter(PRIVATE_KEY, format!("{error}; or leave it out")))
}

/// Seals the keys of a new box. Blocks.
fn sealed(
    app: &App,
    keys: Keys,
    private_key_hash: String,
    (public_key, public_key_der): (PublicKeyUse, Option<Vec<u8>>),
    terms: Terms,
) -> Result<BoxCreated, ServiceError> {
    let random: [u8; 15] = random_array(&*app.random);
    let payload = app.store.seal(&*app.random, &random, keys.to_payload())?;
    let hash = private_key_hash.clone();
    let new = NewBox {
        random,
        payload,
        private_key_hash: hash,
        public_key,
        public_key_der,
        terms,
        notify: None,
    };
    Ok(BoxCreated { new, keys, private_key_hash })
}

fn bounded(name: &'static str, text: &str, most: usize) -> Result<(), ServiceError> {
    if text.len() > most {
        let reason = format!("is too long: {most} bytes are allowed");
        return Err(ServiceError::parameter(name, reason));
    }
    Ok(())
}

/// The base URL of this server: the configured one, otherwise that of the request.
fn base(app: &App, headers: &HeaderMap) -> String {
    let rules = &app.key_service.rules;
    let scheme = if rules.is_https { "https" } else { "http" };
    rules.public_url.clone().unwrap_or_else(|| {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.map(|host| format!("{scheme}://{host}")).unwrap_or_default()
    })
}

fn typed(content_type: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(bytes)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
