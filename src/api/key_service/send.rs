//! Sending: texts and files go into a box, sealed here or by their sender.

use std::{mem, ops::RangeInclusive, sync::Arc};

use hyper::{Response, body::Bytes};

use super::{
    access::find,
    error::ServiceError,
    input::{
        parameters::{
            ENCRYPTED_MESSAGE, ENCRYPTION_KEY, IDEMPOTENCY_KEY, MESSAGE, Parameters, TOKEN,
        },
        request::{FilePart, RequestReader},
    },
    output::format::Format,
};
use crate::{
    api::{
        App, Client,
        load::work::{blocking, start},
    },
    crypto::PublicKey,
    domain::{
        drop_box::{
            self, PublicKeyUse,
            message::{
                self, Sealed, SealedBy,
                sealing::{self, FileSealer, SealedFile},
            },
        },
        numbers::{BoxId, IdempotencyKey},
    },
    http::response::Body,
    store::StoreError,
};

/// Bytes that are sealed and written at once, while the next ones arrive.
const BATCH_BYTES: usize = 256 << 10;
/// The longest wrapped key, in bytes: twice what 8192 bits take in base64.
const MAX_ENCRYPTION_KEY_BYTES: usize = 2048;
/// The longest name of a file, in bytes: what file systems allow, and room for one in an envelope.
const MAX_FILE_NAME_BYTES: usize = 255;
const MAX_SEALED_NAME_BYTES: usize = 768;
const MAX_MEDIA_TYPE_BYTES: usize = 255;
/// The shortest and the longest idempotency key, in bytes. A short one could be another sender's, too, whose
/// message would then be taken for this one.
const IDEMPOTENCY_KEY_BYTES: RangeInclusive<usize> = 16..=255;

/// `PUT /Service`: what is sent becomes messages, all or none. What has come under the same idempotency key
/// before is answered as it was then, whether the box would take a message now or not.
///
/// # Errors
///
/// See [`ServiceError`].
pub(super) async fn send(
    app: &Arc<App>,
    client: Client,
    format: Format,
    mut request: RequestReader<'_>,
) -> Result<Response<Body>, ServiceError> {
    let mut files = Received::default();
    let mut place = None;
    while let Some(part) = request.next_file().await? {
        // Before a stranger has filled the disk.
        if part.parameters().text(TOKEN).is_none() {
            let text =
                "token is missing: it must come before the files, or in a header or the query";
            return Err(ServiceError::Invalid(text.into()));
        }
        // Read all the same: some proxies let the body come before anybody has asked for it, and an answer
        // that does not wait for its end would get lost like the first one.
        if has_come(app, part.parameters())? {
            continue;
        }
        let (id, key) = check(app, part.parameters())?;
        if !part.is_sealed() {
            key.read()?;
        }
        if place.is_none() {
            place = Some(app.key_service.uploads.place(client.net(), id.number).await?);
        }
        let room = key.room.map(|room| room.saturating_sub(files.stored_bytes()));
        files.0.push(receive(app, part, room).await?);
    }
    drop(place);
    let parameters = request.finish().await?;
    parameters.check_version()?;
    let format = format.or_given(&parameters)?;
    let name = idempotency_key(&parameters)?;
    if has_come(app, &parameters)? {
        return Ok(format.boolean(true));
    }
    let (id, public_key) = check(app, &parameters)?;
    let sealer = Arc::clone(app);
    let seal = move || seal(&sealer, id, &public_key, &parameters, files.take());
    let messages = blocking(seal).await??;
    let (limits, now) = (app.key_service.rules.limits, app.clock.now());
    app.store.change(message::send(id, messages, name, limits, now)).await?;
    app.deliveries.wake();
    Ok(format.boolean(true))
}

/// Files that have arrived and are in no box yet.
#[derive(Default)]
struct Received(Vec<SealedFile>);

impl Received {
    fn stored_bytes(&self) -> u64 {
        self.0.iter().map(SealedFile::stored_bytes).sum()
    }

    fn take(mut self) -> Vec<SealedFile> {
        mem::take(&mut self.0)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let files = mem::take(&mut self.0);
        if !files.is_empty() {
            // Deleting gigabytes takes a while.
            drop(start(move || drop(files)));
        }
    }
}

/// What the sender calls this message by.
fn idempotency_key(parameters: &Parameters) -> Result<Option<IdempotencyKey>, ServiceError> {
    let Some(text) = parameters.text(IDEMPOTENCY_KEY) else { return Ok(None) };
    if !IDEMPOTENCY_KEY_BYTES.contains(&text.len()) {
        let (least, most) = IDEMPOTENCY_KEY_BYTES.into_inner();
        let reason = format!("must have {least} to {most} bytes, such as a random UUID");
        return Err(ServiceError::parameter(IDEMPOTENCY_KEY, reason));
    }
    Ok(Some(IdempotencyKey::new(text)))
}

/// Whether this message came before.
fn has_come(app: &App, parameters: &Parameters) -> Result<bool, ServiceError> {
    let Some(key) = idempotency_key(parameters)? else { return Ok(false) };
    let (id, _) = find(app, parameters)?;
    Ok(message::has_come(&app.store, id, key, app.clock.now())?)
}

/// Whether the box takes messages, and what they are sealed with.
fn check(app: &App, parameters: &Parameters) -> Result<(BoxId, SealingKey), ServiceError> {
    let (id, drop_box) = find(app, parameters)?;
    drop_box.check_sending(app.clock.now())?;
    if !app.store.space().is_ok_and(|space| space.allows_creation()) {
        return Err(StoreError::Full.into());
    }
    let der = drop_box::public_key_der(&app.store, id)?;
    let room = drop_box.room(app.key_service.rules.limits);
    Ok((id, SealingKey { der, public_key: drop_box.public_key, room }))
}

/// The public key of a box, as far as it can be used here, and the room in it.
struct SealingKey {
    der: Option<Vec<u8>>,
    public_key: PublicKeyUse,
    /// How many bytes more may lie in the box; `None` for no limit.
    room: Option<u64>,
}

impl SealingKey {
    fn read(&self) -> Result<PublicKey, ServiceError> {
        match (self.public_key, &self.der) {
            (PublicKeyUse::Sealing, Some(der)) => PublicKey::from_der(der).map_err(|_| {
                tracing::error!("a stored public key can not be read");
                ServiceError::Internal
            }),
            (PublicKeyUse::TooSmall(bits), _) => Err(ServiceError::Invalid(format!(
                "The public key of this box has {bits} bits, which is too few: encrypt yourself and \
                 send encryptedmessage and encryptionkey"
            ))),
            (PublicKeyUse::Unreadable | PublicKeyUse::Sealing, _) => Err(ServiceError::Invalid(
                "The public key of this box is of no form that is known here: encrypt yourself and \
                 send encryptedmessage and encryptionkey"
                    .into(),
            )),
        }
    }
}

/// Takes a file in: what has arrived is sealed while the rest is on its way.
async fn receive(
    app: &Arc<App>,
    mut part: FilePart<'_, '_>,
    room: Option<u64>,
) -> Result<SealedFile, ServiceError> {
    let (sealed_by, most) = match part.is_sealed() {
        true => (SealedBy::Sender, MAX_SEALED_NAME_BYTES),
        false => (SealedBy::Server, MAX_FILE_NAME_BYTES),
    };
    let file_name = part.file_name().to_owned();
    if file_name.len() > most {
        let reason = format!("The name of a file is too long: {most} bytes are allowed");
        return Err(ServiceError::Invalid(reason));
    }
    let media_type = part.content_type().map(str::to_owned);
    let media_type = media_type.filter(|text| text.len() <= MAX_MEDIA_TYPE_BYTES);
    let beginner = Arc::clone(app);
    let mut sealing = start(move || {
        let file = beginner.store.new_file(&*beginner.random)?.limited_to(room);
        Ok::<_, ServiceError>(FileSealer::new(sealed_by, file, &*beginner.random)?)
    });
    loop {
        let (batch, is_last) = next_batch(&mut part).await?;
        let mut sealer = sealing.outcome().await??;
        if is_last {
            let ender = Arc::clone(app);
            let end = move || {
                batch.iter().try_for_each(|bytes| sealer.write(bytes))?;
                sealer.finish(file_name, media_type, &*ender.random)
            };
            return Ok(blocking(end).await??);
        }
        sealing = start(move || {
            batch.iter().try_for_each(|bytes| sealer.write(bytes))?;
            Ok(sealer)
        });
    }
}

/// The next bytes of a file, and whether they are the last.
async fn next_batch(part: &mut FilePart<'_, '_>) -> Result<(Vec<Bytes>, bool), ServiceError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES {
        let Some(chunk) = part.chunk().await? else { return Ok((batch, true)) };
        bytes += chunk.len();
        batch.push(chunk);
    }
    Ok((batch, false))
}

/// Seals everything that was sent. Blocks.
fn seal(
    app: &App,
    id: BoxId,
    key: &SealingKey,
    parameters: &Parameters,
    files: Vec<SealedFile>,
) -> Result<Vec<Sealed>, ServiceError> {
    let message = parameters.text(MESSAGE);
    let encrypted_message = parameters.text(ENCRYPTED_MESSAGE);
    let mut parts = Vec::with_capacity(files.len() + 2);
    if message.is_none() && encrypted_message.is_none() && files.is_empty() {
        return Err(ServiceError::Invalid(
            "message is missing, or files, or encryptedmessage and encryptionkey".into(),
        ));
    }
    let (ours, theirs): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.sealed_by() == SealedBy::Server);
    let random = &*app.random;
    if message.is_some() || !ours.is_empty() {
        let public_key = key.read()?;
        parts.extend(message.map(|message| sealing::text(message.as_bytes(), &public_key, random)));
        parts.extend(ours.into_iter().filter_map(|file| file.wrapped(&public_key, random)));
    }
    if encrypted_message.is_some() || !theirs.is_empty() {
        let encryption_key = parameters.required(ENCRYPTION_KEY)?;
        if encryption_key.len() > MAX_ENCRYPTION_KEY_BYTES {
            let reason = format!("is too long: {MAX_ENCRYPTION_KEY_BYTES} bytes are allowed");
            return Err(ServiceError::parameter(ENCRYPTION_KEY, reason));
        }
        parts.extend(encrypted_message.map(|text| sealing::sealed_text(text, encryption_key)));
        parts.extend(theirs.into_iter().filter_map(|file| file.with_key(encryption_key)));
    }
    let seal = |parts| Sealed::new(&app.store, random, id, parts);
    let sealed: Result<Vec<_>, _> = parts.into_iter().map(seal).collect();
    Ok(sealed?)
}
