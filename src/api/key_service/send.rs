//! Sends texts and files to a box, sealed by the server or by the sender.

use std::{mem, ops::RangeInclusive, sync::Arc};

use hyper::{Response, body::Bytes};

use super::{
    access::find,
    error::ServiceError,
    input::{
        names::{ENCRYPTED_MESSAGE, ENCRYPTION_KEY, IDEMPOTENCY_KEY, MESSAGE, TOKEN},
        parameters::Parameters,
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
                self, SealedBy, SealedMessage,
                sealing::{self, MessageFileSealer, SealedFile},
            },
        },
        numbers::{BoxId, IdempotencyKey},
    },
    http::response::Body,
};

/// How many bytes are sealed and written at once, while the next ones arrive.
const BATCH_BYTES: usize = 256 << 10;
/// The maximum length of a wrapped key, in bytes: twice that of 8192 bits in base64.
const MAX_ENCRYPTION_KEY_BYTES: usize = 2048;
/// The maximum length of a file name, in bytes: the limit of file systems, and that of a sealed name, which
/// has room for such a name in an envelope.
const MAX_FILE_NAME_BYTES: usize = 255;
const MAX_SEALED_NAME_BYTES: usize = 768;
const MAX_MEDIA_TYPE_BYTES: usize = 255;
/// The allowed lengths of an idempotency key, in bytes. Two senders could choose the same short key, and
/// the second message would be taken for the first.
const IDEMPOTENCY_KEY_BYTES: RangeInclusive<usize> = 16..=255;

/// `PUT /Service`: stores all messages of the request, or none. A request with a known idempotency key gets
/// the same answer as the first one, even if the box would reject a message now.
pub(super) async fn send(
    app: &Arc<App>,
    client: Client,
    format: Format,
    mut request: RequestReader<'_>,
) -> Result<Response<Body>, ServiceError> {
    let mut files = ReceivedFiles::default();
    let mut place = None;
    while let Some(part) = request.next_file().await? {
        // This check comes first, so that a client without a token cannot fill the disk.
        if part.parameters().text(TOKEN).is_none() {
            let text =
                "token is missing: it must come before the files, or in a header or the query";
            return Err(ServiceError::Invalid(text.into()));
        }
        // The body is still read: some proxies send it without waiting for `100 Continue`, and would lose an
        // answer that is sent before its end, as the answer to the first request was lost.
        if has_come(app, part.parameters()).await? {
            continue;
        }
        let (id, key) = check(app, part.parameters()).await?;
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
    if has_come(app, &parameters).await? {
        return Ok(format.boolean(true));
    }
    let (id, public_key) = check(app, &parameters).await?;
    let sealer = Arc::clone(app);
    let seal = move || seal(&sealer, id, &public_key, &parameters, files.take());
    let messages = blocking(seal).await??;
    let (limits, now) = (app.key_service.rules.limits, app.clock.now());
    app.store.change(message::send(id, messages, name, limits, now)).await?;
    app.deliveries.wake();
    Ok(format.boolean(true))
}

/// Received files that are not in a box yet.
#[derive(Default)]
struct ReceivedFiles(Vec<SealedFile>);

impl ReceivedFiles {
    fn stored_bytes(&self) -> u64 {
        self.0.iter().map(SealedFile::stored_bytes).sum()
    }

    fn take(mut self) -> Vec<SealedFile> {
        mem::take(&mut self.0)
    }
}

impl Drop for ReceivedFiles {
    fn drop(&mut self) {
        let files = mem::take(&mut self.0);
        if !files.is_empty() {
            // The deletion of gigabytes takes time.
            drop(start(move || drop(files)));
        }
    }
}

/// The idempotency key of the request.
fn idempotency_key(parameters: &Parameters) -> Result<Option<IdempotencyKey>, ServiceError> {
    let Some(text) = parameters.text(IDEMPOTENCY_KEY) else { return Ok(None) };
    if !IDEMPOTENCY_KEY_BYTES.contains(&text.len()) {
        let (least, most) = IDEMPOTENCY_KEY_BYTES.into_inner();
        let reason = format!("must have {least} to {most} bytes, such as a random UUID");
        return Err(ServiceError::parameter(IDEMPOTENCY_KEY, reason));
    }
    Ok(Some(IdempotencyKey::new(text)))
}

/// Whether a message with this idempotency key was stored before.
async fn has_come(app: &App, parameters: &Parameters) -> Result<bool, ServiceError> {
    let Some(key) = idempotency_key(parameters)? else { return Ok(false) };
    let (id, _) = find(app, parameters).await?;
    let (store, now) = (app.store.clone(), app.clock.now());
    Ok(blocking(move || message::has_come(&store, id, key, now)).await??)
}

/// Checks that the box accepts messages, and returns the key to seal them with.
async fn check(app: &App, parameters: &Parameters) -> Result<(BoxId, SealingKey), ServiceError> {
    let (id, drop_box) = find(app, parameters).await?;
    drop_box.check_sending(app.clock.now())?;
    let store = app.store.clone();
    let der = blocking(move || drop_box::public_key_der(&store, id)).await??;
    let room = drop_box.room(app.key_service.rules.limits);
    Ok((id, SealingKey { der, public_key: drop_box.public_key, room }))
}

/// The public key of a box, if the server can use it, and the free space in the box.
struct SealingKey {
    der: Option<Vec<u8>>,
    public_key: PublicKeyUse,
    /// The number of bytes that still fit in the box; `None` for no limit.
    room: Option<u64>,
}

impl SealingKey {
    fn read(&self) -> Result<PublicKey, ServiceError> {
        match (self.public_key, &self.der) {
            (PublicKeyUse::Sealing, Some(der)) => PublicKey::from_der(der).map_err(|_| {
                tracing::error!("cannot read a stored public key");
                ServiceError::Internal
            }),
            (PublicKeyUse::TooSmall(bits), _) => Err(ServiceError::Invalid(format!(
                "The public key of this box has {bits} bits, which is too few: encrypt the message \
                 yourself, and send encryptedmessage and encryptionkey"
            ))),
            (PublicKeyUse::Unreadable | PublicKeyUse::Sealing, _) => Err(ServiceError::Invalid(
                "The public key of this box has an unknown form: encrypt the message yourself, and send \
                 encryptedmessage and encryptionkey"
                    .into(),
            )),
        }
    }
}

/// Receives a file: data is sealed while more arrives.
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
        Ok::<_, ServiceError>(MessageFileSealer::new(sealed_by, file, &*beginner.random)?)
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

/// Seals all messages of the request. Blocks.
fn seal(
    app: &App,
    id: BoxId,
    key: &SealingKey,
    parameters: &Parameters,
    files: Vec<SealedFile>,
) -> Result<Vec<SealedMessage>, ServiceError> {
    let message = parameters.text(MESSAGE);
    let encrypted_message = parameters.text(ENCRYPTED_MESSAGE);
    let mut parts = Vec::with_capacity(files.len() + 2);
    if message.is_none() && encrypted_message.is_none() && files.is_empty() {
        return Err(ServiceError::Invalid(
            "message, files, or encryptedmessage and encryptionkey are missing".into(),
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
    let seal = |parts| SealedMessage::new(&app.store, random, id, parts);
    let sealed: Result<Vec<_>, _> = parts.into_iter().map(seal).collect();
    Ok(sealed?)
}
