//! Handing an attachment in, in as many parts as it takes: [`begin`], then [`Upload::store`] now and then, which
//! counts what is on disk by then. What was counted stays, whatever happens to the uploader or to us.

use std::num::NonZeroU8;

use super::{
    Attachment, AttachmentError, Limits, Tail, check_room, context, count_in,
    draft::{self, Published},
    find_intact, open_head, remove, seal,
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

/// Which attachment, and the proof that one may upload it.
#[derive(Clone, Copy)]
pub struct Target {
    /// Of which secret.
    pub id: SecretId,
    /// Counted from 1 on.
    pub n: NonZeroU8,
    /// SHA-256 of the uploader's token.
    pub token_hash: [u8; 32],
}

/// What is about to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// All of it, which takes the place of what came before; of this length, if that is known.
    Whole(Option<u64>),
    /// A part.
    Part {
        /// Where it begins.
        from: u64,
        /// How long the whole is.
        total: u64,
    },
}

impl Incoming {
    /// How long the whole is, if that is known.
    #[must_use]
    pub fn total(self) -> Option<u64> {
        match self {
            Self::Whole(total) => total,
            Self::Part { total, .. } => Some(total),
        }
    }
}

/// An attachment to go on with.
pub struct Begun {
    so_far: Attachment,
    /// Its payload and its file.
    found: Option<(FoundPayload, Unfinished)>,
    tail: Option<FoundPayload>,
}

/// How much of what has come is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Full chunks: the rest is counted when more has come, or sent again.
    Chunks,
    /// All of it.
    All,
}

/// How far an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// How many bytes are there, and stay.
    pub received: u64,
    /// Nothing is missing.
    pub is_complete: bool,
    /// The secret is published.
    pub published: Option<Published>,
    /// It would be, but its mail can not be sent for so many seconds.
    pub mail_waits: Option<u64>,
}

/// How far an attachment is, for its uploader.
pub fn state(
    target: Target,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<State, AttachmentError> + Send + 'static {
    move |transaction| {
        let Target { id, n, token_hash } = target;
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
        Ok(State { received, is_complete, published, mail_waits: None })
    }
}

/// Looks whether what is about to come fits, and what there is to go on with. Nobody else may be
/// uploading the same attachment.
pub fn begin(
    target: Target,
    incoming: Incoming,
    limits: Limits,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Begun, AttachmentError> + Send + 'static {
    move |transaction| {
        let Target { id, n, token_hash } = target;
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

/// An attachment that comes in: what has come is sealed, a chunk at a time, and written to its file.
pub struct Upload {
    target: Target,
    store: Store,
    writer: ChunkWriter<GrowingFile>,
    key: MessageKey,
    total: Option<u64>,
    /// What the record counts.
    counted: u64,
    /// How much has come.
    received: u64,
    is_new: bool,
}

impl Upload {
    /// Goes on where the record says. Blocks.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub fn open(
        store: &Store,
        random: &dyn Random,
        target: Target,
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
        Ok(Self { target, store, writer, key, total, counted: received, received, is_new })
    }

    /// How many bytes have come.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How many of them were counted by a record.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Takes the next bytes. Blocks.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.writer.write(bytes)?;
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Nothing more comes: what has come is the whole, where its length was not known before.
    pub fn end(&mut self) {
        self.total.get_or_insert(self.received);
    }

    /// How long the whole is, where that is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether there are full chunks that no record counts, and more is to come.
    #[must_use]
    pub fn has_more_chunks(&self) -> bool {
        let sealed = self.writer.sealed();
        sealed > self.counted && self.total != Some(sealed)
    }

    /// Brings what has come to the disk, and has the record count it. The last attachment that is complete
    /// publishes the secret by the same change. Blocks.
    ///
    /// # Errors
    ///
    /// [`AttachmentError::NotFound`] where the draft has ended meanwhile, [`AttachmentError::OverQuota`],
    /// and those of the store.
    pub fn store(
        &mut self,
        count: Count,
        random: &dyn Random,
        limits: Limits,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<State, AttachmentError> {
        let Target { id, n, .. } = self.target;
        let received = match count {
            Count::Chunks => self.writer.sealed(),
            Count::All => self.received,
        };
        let is_complete = self.total == Some(received);
        if is_complete {
            self.writer.finish()?;
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
        file.sync()?;
        let growth = if is_complete { Growth::Finished } else { Growth::Unfinished };
        let payload = match self.is_new {
            true => Some(seal(&self.store, random, &id.random, n, (&self.key, file, growth))?),
            false => None,
        };
        let step = Step {
            target: self.target,
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
        self.counted = state.received;
        self.is_new = false;
        Ok(state)
    }
}

impl From<std::io::Error> for AttachmentError {
    fn from(error: std::io::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What one change counts in.
struct Step {
    target: Target,
    /// What the record counts before.
    counted: u64,
    /// The record after.
    attachment: Attachment,
    /// Where there is no record yet.
    payload: Option<Payload>,
    tail: Option<Payload>,
    file_bytes: u64,
    growth: Growth,
}

impl Step {
    fn store(
        &self,
        transaction: &mut Transaction<'_, '_>,
        limits: Limits,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<State, AttachmentError> {
        let Target { id, n, token_hash } = self.target;
        let (mut secret, draft) = draft::find(transaction, id, &token_hash, now)?;
        let key = schema::attachment(id.number, n);
        let before = transaction.get::<Attachment>(&key)?;
        let counted = before.as_ref().map_or(0, |before| before.received);
        // Whoever else has changed it has come first.
        let is_ours = before.is_some() != self.payload.is_some() && counted == self.counted;
        if !secret.is_draft || !is_ours {
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
        let mut state = State {
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
            None if had_tail => transaction.delete(&key),
            None => Ok(()),
        }
    }
}
