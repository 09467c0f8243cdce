//! The right to read and delete a box: its passphrase, or the hash of its private key.

use std::sync::Arc;

use super::{
    error::ServiceError,
    input::{
        names::{PASSPHRASE, PRIVATE_KEY_HASH, TOKEN},
        parameters::Parameters,
    },
};
use crate::{
    api::{App, Client, load::work::blocking},
    crypto::{BoxKey, OpenKeyError, SecretText},
    domain::{
        drop_box::{self, DropBox, Keys},
        numbers::BoxId,
    },
    store::FoundPayload,
};

/// The way to read the messages of a box, which depends on the proof that the reader has given.
pub(super) enum BoxReader {
    /// The passphrase has decrypted the private key, so the server decrypts the messages.
    Open(Arc<BoxKey>),
    /// Only the hash of the private key was given, so messages are returned as they are stored.
    Sealed,
}

/// Finds the box of the token.
pub(super) async fn find(
    app: &App,
    parameters: &Parameters,
) -> Result<(BoxId, DropBox), ServiceError> {
    let token = parameters.required(TOKEN)?;
    // A token from a file or the clipboard can have white space around it.
    let id = app.ids.parse_token(token.trim()).ok_or(ServiceError::NoBox)?;
    Ok((id, read(app, id).await?))
}

/// The record of a box.
pub(super) async fn read(app: &App, id: BoxId) -> Result<DropBox, ServiceError> {
    let store = app.store.clone();
    Ok(blocking(move || drop_box::find(&store, id)).await??)
}

/// Checks the passphrase, or the hash of the private key if no passphrase is given.
pub(super) async fn authenticate(
    app: &Arc<App>,
    client: Client,
    (id, drop_box): (BoxId, &DropBox),
    parameters: &Parameters,
) -> Result<BoxReader, ServiceError> {
    if let Some(passphrase) = parameters.text(PASSPHRASE) {
        let passphrase = SecretText::new(passphrase.to_owned());
        return open(app, client, id, passphrase).await;
    }
    let Some(hash) = parameters.text(PRIVATE_KEY_HASH) else {
        return Err(ServiceError::Invalid("passphrase or privatekeyhash is missing".into()));
    };
    let guess = app.key_service.guesses.begin(client.net(), id.number, app.clock.monotonic())?;
    if !drop_box.is_authentic(hash) {
        return Err(ServiceError::WrongPassphrase);
    }
    guess.right();
    Ok(BoxReader::Sealed)
}

async fn open(
    app: &Arc<App>,
    client: Client,
    id: BoxId,
    passphrase: SecretText,
) -> Result<BoxReader, ServiceError> {
    // The turn comes first: a client rejected because the queue is full has not made an attempt.
    let turn = app.load.slow_work.passphrases.turn(client.net()).await?;
    let guess = app.key_service.guesses.begin(client.net(), id.number, app.clock.monotonic())?;
    let opened = match app.store.change(drop_box::keys_of(id)).await {
        Ok(found) => {
            let opened = turn.run(move || open_key(id, found, &passphrase)).await;
            opened.map_err(ServiceError::from).and_then(|opened| opened)
        }
        Err(error) => Err(error.into()),
    };
    // Other errors say nothing about the passphrase, so only a wrong one counts as an attempt.
    if !matches!(opened, Err(ServiceError::WrongPassphrase)) {
        guess.right();
    }
    Ok(BoxReader::Open(Arc::new(opened?)))
}

fn open_key(
    id: BoxId,
    found: FoundPayload,
    passphrase: &SecretText,
) -> Result<BoxKey, ServiceError> {
    let keys = stored_keys(id, found)?;
    let Some(pem) = keys.private_key else {
        return Err(ServiceError::Invalid(
            "This box has no private key here: read it with privatekeyhash instead of passphrase"
                .into(),
        ));
    };
    BoxKey::from_encrypted_pem(&pem, passphrase).map_err(|error| match error {
        OpenKeyError::WrongPassphrase => ServiceError::WrongPassphrase,
        OpenKeyError::Unreadable => ServiceError::Invalid(
            "The private key of this box is of no form that can be opened here: read it with \
             privatekeyhash instead of passphrase"
                .into(),
        ),
    })
}

/// Decrypts the stored keys of a box.
pub(super) fn stored_keys(id: BoxId, found: FoundPayload) -> Result<Keys, ServiceError> {
    Keys::from_payload(&found.open(&id.random)?).ok_or_else(|| {
        tracing::error!("the keys of a box have an unknown format");
        ServiceError::Internal
    })
}
