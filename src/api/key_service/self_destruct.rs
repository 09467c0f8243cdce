//! `/Service/SelfDestruct`: a message that can be opened once; its link is mailed to the recipient.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{Response, header::HeaderMap};
use zeroize::Zeroizing;

use super::{
    error::ServiceError,
    input::{
        forms::MAX_NAME_BYTES,
        names::{ATTACHMENT, ATTACHMENT_NAME, EMAIL, MESSAGE},
        parameters::Parameters,
    },
    keys::{mail_address, may_create},
    output::format::Format,
};
use crate::{
    api::{App, Client, auth, mail::preferred_language},
    crypto::contents::{Packed, PackedPlace, pack},
    domain::{
        account::api_key::with_key,
        lifetime::Lifetime,
        notify::{language::Language, mailbox::Mailbox, outbox::NewMail},
        numbers::AccountNumber,
        secret::{NewSecret, sealed_here, self_destruct},
    },
    http::response::Body,
};

/// The name for an attachment that is sent without one.
const UNNAMED: &str = "attachment";

/// `POST /Service/SelfDestruct`.
pub(super) async fn create(
    app: &Arc<App>,
    format: Format,
    client: Client,
    headers: &HeaderMap,
    parameters: Parameters,
) -> Result<Response<Body>, ServiceError> {
    let account = may_create(app, headers)?;
    let key = account.and_then(|_| auth::key_hash(headers).ok());
    check(&parameters)?;
    let to = mail_address(app, EMAIL, parameters.required(EMAIL)?)?;
    let language = preferred_language(headers);
    let now = app.clock.now();
    let mailing = app.key_service.mailings.begin(client.net(), app.clock.monotonic())?;
    let sealer = Arc::clone(app);
    let seal = move || seal(&sealer, &contents(&parameters)?, (account, to), language);
    let sealed = async { app.load.slow_work.passwords.turn(client.net()).await?.run(seal).await? };
    let (new, mail) = match sealed.await {
        Ok(sealed) => sealed,
        Err(error) => {
            mailing.undone();
            return Err(error);
        }
    };
    let create = with_key(key, self_destruct::create(new, mail, now));
    let created = auth::allowed(app.store.change(create).await).map_err(ServiceError::from);
    match created.and_then(|created| created.map_err(ServiceError::from)) {
        // On drop, the attempt is counted: the expensive work is done.
        Ok(()) => drop(mailing),
        Err(error) => {
            // A full disk is not the client's doing.
            if matches!(error, ServiceError::Full(_)) {
                mailing.undone();
            }
            return Err(error);
        }
    }
    app.deliveries.wake();
    Ok(format.boolean(true))
}

/// Checks that the required parameters exist, and the length of the name.
fn check(parameters: &Parameters) -> Result<(), ServiceError> {
    parameters.required(MESSAGE)?;
    let name = parameters.text(ATTACHMENT_NAME).unwrap_or_default();
    if !name.is_empty() {
        parameters.required(ATTACHMENT)?;
    }
    if name.len() > MAX_NAME_BYTES {
        let reason = format!("is too long: {MAX_NAME_BYTES} bytes are allowed");
        return Err(ServiceError::parameter(ATTACHMENT_NAME, reason));
    }
    Ok(())
}

/// The plaintext of the secret: the message, with the attachment if there is one. Blocks if it is large.
fn contents(parameters: &Parameters) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    let text = parameters.required(MESSAGE)?;
    let Some(data) = parameters.text(ATTACHMENT) else {
        return Ok(pack(text, &[]));
    };
    let mut data = Zeroizing::new(data.trim().to_owned());
    data.retain(|char| !matches!(char, '\r' | '\n'));
    let name = parameters.text(ATTACHMENT_NAME).unwrap_or(UNNAMED);
    let wrong = || ServiceError::parameter(ATTACHMENT, "must be base64");
    let bytes = Zeroizing::new(STANDARD.decode(&*data).map_err(|_| wrong())?);
    Ok(pack(
        text,
        &[Packed { name, size: bytes.len() as u64, place: PackedPlace::Here { data: &data } }],
    ))
}

/// Encrypts the contents with a new password. Its private half is stored in the secret, its public half in
/// the mail. Blocks.
fn seal(
    app: &App,
    contents: &[u8],
    (account, to): (Option<AccountNumber>, Mailbox),
    language: Option<Language>,
) -> Result<(NewSecret, NewMail), ServiceError> {
    let lifetime = Lifetime::new(None, app.rules.lifetime).map_err(|_| ServiceError::Internal)?;
    let (new, public) = sealed_here::seal(&app.store, &*app.random, contents, lifetime)?;
    Ok((new, app.mail_link(account, to, language, public.expose_secret().to_owned())?))
}
