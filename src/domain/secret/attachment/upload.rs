//! Upload of an attachment, in any number of parts: [`begin`], then [`AttachmentUpload::store`] from time to
//! time, which records the bytes on disk so far. Recorded bytes survive a crash of the client or the daemon.

use std::{io::ErrorKind, num::NonZeroU8};

use super::{
    Attachment, AttachmentError, AttachmentLimits, Tail, check_room, context, count_in,
    draft::{self, Published},
    find_intact, open_head, remove, seal,
    turn::{LeaseUse, UploadRight, Uploader},
};
use crate::{
    clock::UnixSeconds,
    crypto::{ChunkWriter, MessageKey, Random, chunks::number_at},
    domain::{
        numbers::{SecretId, SecretNumber},
        schema,
    },
    store::{
        FoundPayload, GrowingFile, Growth, Payload, Store, StoreError, Transaction, Unfinished,
    },
};

/// The attachment to upload, and the proof of the right to upload it.
#[derive(Clone, Copy)]
pub struct UploadTarget {
    /// The id of the secret.
    pub id: SecretId,
    /// The number of the attachment, from 1 on.
    pub n: NonZeroU8,
    /// SHA-256 of the upload token.
    pub token_hash: [u8; 32],
}

/// The kind of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The whole attachment, which replaces earlier bytes; with its size, if known.
    Whole(Option<u64>),
    /// A part of the attachment.
    Part {
        /// The offset of the part.
        from: u64,
        /// The size of the whole attachment.
        total: u64,
    },
}

impl Incoming {
    /// The size of the whole attachment, if known.
    #[must_use]
    pub fn total(self) -> Option<u64> {
        match self {
            Self::Whole(total) => total,
            Self::Part { total, .. } => Some(total),
        }
    }
}

/// An attachment that can be uploaded.
pub struct Begun {
    so_far: Attachment,
    /// Its payload and its file.
    found: Option<(FoundPayload, Unfinished)>,
    tail: Option<FoundPayload>,
}

/// How many of the received bytes are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceivedCount {
    /// Full chunks only. The rest is recorded when more bytes have arrived, or is sent again.
    Chunks,
    /// All received bytes.
    All,
}

/// The progress of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadProgress {
    /// The number of received bytes that are durable.
    pub received: u64,
    /// Whether the attachment is complete.
    pub is_complete: bool,
    /// The result of the publication, if the secret is published.
    pub published: Option<Published>,
    /// The secret is complete, but its mail cannot be queued for this many seconds.
    pub mail_waits: Option<u64>,
}

/// The progress of an attachment, for its uploader.
pub fn state(
    target: UploadTarget,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<UploadProgress, AttachmentError> + Send + 'static {
    move |transaction| {
        let UploadTarget { id, n, token_hash } = target;
        let (secret, _) = draft::find(transaction, id, &token_hash, now)?;
        if n.get() > secret.attachments {
            return Err(AttachmentError::NotFound);
        }
        let Attachment { received, is_complete, .. } = match find_intact(transaction, id.number, n)?
        {
            Some(found) => found,
            None if secret.is_draft => Attachment::default(),
            None => return Err(AttachmentError::NotFound),
        };
        let published = (!secret.is_draft).then_some(Published { expires_at: secret.expires_at });
        Ok(UploadProgress { received, is_complete, published, mail_waits: None })
    }
}

/// Checks that an upload fits the stored state, and finds the file to continue. The caller makes sure that no
/// other upload of the same attachment runs in this process; `uploader` takes the lease that other processes
/// respect.
pub fn begin(
    target: UploadTarget,
    incoming: Incoming,
    uploader: Uploader,
    limits: AttachmentLimits,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Begun, AttachmentError> + Send + 'static {
    move |transaction| {
        let UploadTarget { id, n, token_hash } = target;
        let (secret, _) = draft::find(transaction, id, &token_hash, now)?;
        if n.get() > secret.attachments {
            return Err(AttachmentError::NotFound);
        }
        let key = schema::attachment(id.number, n);
        let mut so_far = match find_intact(transaction, id.number, n)? {
            Some(found) => found,
            None if secret.is_draft => Attachment::default(),
            None => return Err(AttachmentError::NotFound),
        };
        if !uploader.take(transaction, (id.number, n), now)? {
            return Err(AttachmentError::UnderWay { received: so_far.received });
        }
        let elsewhere = AttachmentError::Elsewhere {
            received: so_far.received,
            is_complete: so_far.is_complete,
        };
        match incoming {
            _ if so_far.is_complete || !secret.is_draft => return Err(elsewhere),
            Incoming::Whole(total) => {
                remove(transaction, id.number, n)?;
                so_far = Attachment { total, ..Attachment::default() };
            }
            Incoming::Part { from, .. } if from != so_far.received => return Err(elsewhere),
            Incoming::Part { total, .. } if so_far.total.unwrap_or(total) != total => {
                return Err(AttachmentError::OtherTotal);
            }
            Incoming::Part { total, .. } => so_far.total = Some(total),
        }
        let missing = so_far.total.unwrap_or(0).saturating_sub(so_far.received);
        transaction.check_room()?;
        check_room(transaction, id.number.account, missing, limits)?;
        let found = match so_far.received {
            0 => None,
            _ => Some(transaction.unfinished(&key)?.ok_or(AttachmentError::NotFound)?),
        };
        let tail = match so_far.tail {
            0 => None,
            _ => transaction.payload(&schema::attachment_tail(id.number, n))?,
        };
        if tail.is_none() && so_far.tail > 0 {
            return Err(AttachmentError::NotFound);
        }
        Ok(Begun { so_far, found, tail })
    }
}

/// An upload in progress: received bytes are sealed in chunks and written to the file.
pub struct AttachmentUpload {
    target: UploadTarget,
    right: UploadRight,
    store: Store,
    writer: ChunkWriter<GrowingFile>,
    key: MessageKey,
    total: Option<u64>,
    /// The number of bytes that the record counts.
    counted: u64,
    /// The number of received bytes.
    received: u64,
    is_new: bool,
}

impl AttachmentUpload {
    /// Continues at the end of the recorded bytes. Blocks.
    pub fn open(
        store: &Store,
        random: &dyn Random,
        target: UploadTarget,
        right: UploadRight,
        begun: Begun,
    ) -> Result<Self, StoreError> {
        let Begun { so_far: Attachment { received, total, tail, .. }, found, tail: tail_payload } =
            begun;
        let is_new = found.is_none();
        let (key, file) = match found {
            Some((head, unfinished)) => {
                let (key, _) = open_head(head, &target.id, target.n)?;
                (key, store.reopen(unfinished)?)
            }
            None => (MessageKey::new(random), store.growing_file(random)?),
        };
        let chunks = number_at(received.saturating_sub(u64::from(tail)));
        let mut writer = ChunkWriter::new(file, &key, chunks, random);
        if let Some(payload) = tail_payload {
            let opened = payload.open(&context(&target.id.random, target.n))?;
            writer.write(opened.expose_secret())?;
        }
        let store = store.clone();
        Ok(Self { target, right, store, writer, key, total, counted: received, received, is_new })
    }

    /// The number of received bytes.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The number of bytes that a record counts.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Writes the next bytes. Blocks.
    ///
    /// # Errors
    ///
    /// [`AttachmentError::UnderWay`] if another process continues the attachment, because this upload has recorded
    /// nothing for [`UPLOAD_LEASE_SECONDS`](super::turn::UPLOAD_LEASE_SECONDS); and errors of the store.
    pub fn write(&mut self, bytes: &[u8], now: UnixSeconds) -> Result<(), AttachmentError> {
        self.right.renew(self.counted, now)?;
        self.writer.write(bytes).map_err(failed(self.right.uploader(), self.counted))?;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Marks the end of the upload. If the total size was unknown, it is the number of received bytes.
    pub fn end(&mut self) {
        self.total.get_or_insert(self.received);
    }

    /// The size of the whole attachment, if known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether an incomplete upload has full chunks that no record counts.
    #[must_use]
    pub fn has_more_chunks(&self) -> bool {
        let sealed = self.writer.sealed();
        sealed > self.counted && self.total != Some(sealed)
    }

    /// Syncs the received bytes and records them. The last complete attachment publishes the secret in the
    /// same change. After [`ReceivedCount::All`], the upload has ended. Blocks.
    ///
    /// # Errors
    ///
    /// [`AttachmentError::NotFound`] if the draft has ended in the meantime, [`AttachmentError::UnderWay`] as for
    /// [`AttachmentUpload::write`], [`AttachmentError::OverQuota`], and errors of the store.
    pub fn store(
        &mut self,
        count: ReceivedCount,
        random: &dyn Random,
        limits: AttachmentLimits,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<UploadProgress, AttachmentError> {
        let UploadTarget { id, n, .. } = self.target;
        let received = match count {
            ReceivedCount::Chunks => self.writer.sealed(),
            ReceivedCount::All => self.received,
        };
        let is_complete = self.total == Some(received);
        if is_complete {
            self.writer.finish().map_err(failed(self.right.uploader(), self.counted))?;
        }
        let tail_bytes = match received.checked_sub(self.writer.sealed()) {
            Some(tail) if !is_complete => tail,
            _ => 0,
        };
        let tail = match tail_bytes {
            0 => None,
            _ => {
                let tail = self.writer.tail().to_vec();
                Some(self.store.seal(random, &context(&id.random, n), tail)?)
            }
        };
        let file = self.writer.inner();
        file.sync().map_err(failed(self.right.uploader(), self.counted))?;
        let growth = if is_complete { Growth::Finished } else { Growth::Unfinished };
        let payload = match self.is_new {
            true => Some(seal(&self.store, random, &id.random, n, (&self.key, file, growth))?),
            false => None,
        };
        let lease_use = match count {
            ReceivedCount::Chunks => LeaseUse::Renew,
            ReceivedCount::All => LeaseUse::End,
        };
        let step = Step {
            target: self.target,
            uploader: (self.right.uploader(), lease_use),
            counted: self.counted,
            attachment: Attachment {
                received,
                total: self.total,
                is_complete,
                tail: u32::try_from(tail_bytes).unwrap_or(0),
            },
            payload,
            tail,
            file_bytes: file.bytes(),
            growth,
        };
        let change = move |transaction: &mut Transaction<'_, '_>| {
            step.store(transaction, limits, now, keep_log_seconds)
        };
        let state = self.store.change(change).wait()?;
        self.right.was_kept(lease_use, now);
        self.counted = state.received;
        self.is_new = false;
        Ok(state)
    }
}

/// An error of the file. Another process of several may have opened it to continue it.
fn failed<E: Into<StoreError>>(
    uploader: Uploader,
    received: u64,
) -> impl FnOnce(E) -> AttachmentError {
    move |error| match error.into() {
        StoreError::PayloadFile(error)
            if error.kind() == ErrorKind::StaleNetworkFileHandle
                && uploader.is_one_of_several() =>
        {
            AttachmentError::UnderWay { received }
        }
        error => error.into(),
    }
}

/// The update of an attachment's record in one change.
struct Step {
    target: UploadTarget,
    uploader: (Uploader, LeaseUse),
    /// The number of bytes that the record counted before.
    counted: u64,
    /// The new record.
    attachment: Attachment,
    /// The payload, if no record exists yet.
    payload: Option<Payload>,
    tail: Option<Payload>,
    file_bytes: u64,
    growth: Growth,
}

impl Step {
    fn store(
        &self,
        transaction: &mut Transaction<'_, '_>,
        limits: AttachmentLimits,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<UploadProgress, AttachmentError> {
        let UploadTarget { id, n, token_hash } = self.target;
        let (mut secret, draft) = draft::find(transaction, id, &token_hash, now)?;
        let key = schema::attachment(id.number, n);
        let before = transaction.get::<Attachment>(&key)?;
        let counted = before.as_ref().map_or(0, |before| before.received);
        let (uploader, lease_use) = self.uploader;
        if !uploader.keep(transaction, (id.number, n), lease_use, now)? {
            return Err(AttachmentError::UnderWay { received: counted });
        }
        // A concurrent change of the record has priority.
        let is_current = before.is_some() != self.payload.is_some() && counted == self.counted;
        if !secret.is_draft || !is_current {
            return Err(AttachmentError::NotFound);
        }
        let more = self.attachment.received.saturating_sub(counted);
        count_in(transaction, id.number.account, more, limits)?;
        match &self.payload {
            Some(payload) => transaction.put_sealed(&key, &self.attachment, payload)?,
            None => {
                transaction.put_grown(&key, &self.attachment, self.file_bytes, self.growth)?;
            }
        }
        self.store_tail(transaction, id.number, before.is_some_and(|before| before.tail > 0))?;
        draft::touch(transaction, id.number, (&secret, &draft), now)?;
        let mut state = UploadProgress {
            received: self.attachment.received,
            is_complete: self.attachment.is_complete,
            published: None,
            mail_waits: None,
        };
        if state.is_complete && draft::is_complete(transaction, id.number, &secret)? {
            let draft = (&mut secret, draft);
            match draft::publish_in(transaction, id.number, draft, now, keep_log_seconds) {
                Ok(published) => state.published = Some(published),
                Err(AttachmentError::TooManyMails { retry_after_seconds }) => {
                    state.mail_waits = Some(retry_after_seconds);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(state)
    }

    fn store_tail(
        &self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        had_tail: bool,
    ) -> Result<(), StoreError> {
        let key = schema::attachment_tail(number, self.target.n);
        match &self.tail {
            Some(tail) => transaction.put_sealed(&key, &Tail, tail),
            None if had_tail => {
                // Its bytes are in the file now. A crash must not destroy them before the record says so.
                transaction.burn_last();
                transaction.delete(&key)
            }
            None => Ok(()),
        }
    }
}
