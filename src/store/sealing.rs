//! Payloads before their change: sealed, with their files.

use std::{io::Write as _, sync::Arc};

use super::{
    GrowingFile, Growth, MAX_INLINE_BYTES, NewFile, Payload, Store, StoreError, Unfinished,
    payload::{PayloadBody, PayloadSlot},
    payload_keys::SlotLease,
};
use crate::crypto::{self, Random, SlotKey};

impl Store {
    /// Seals `plaintext` under a fresh key, for [`super::Transaction::put_sealed`]. The same `context` is needed to
    /// open it.
    ///
    /// Blocks on a sync if the payload is longer than [`MAX_INLINE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn seal(
        &self,
        random: &dyn Random,
        context: &[u8],
        plaintext: Vec<u8>,
    ) -> Result<Payload, StoreError> {
        let slot = self.slot()?;
        let key = SlotKey::new(random);
        let sealed = crypto::seal::seal(&key, context, plaintext);
        let body = if sealed.len() <= MAX_INLINE_BYTES {
            PayloadBody::Inline(sealed)
        } else {
            let mut file = self.new_file(random)?;
            file.write_all(&sealed)?;
            PayloadBody::File(Arc::new(file.sync()?))
        };
        Ok(Payload { key, slot, body })
    }

    fn slot(&self) -> Result<PayloadSlot, StoreError> {
        SlotLease::new(&self.shared.disks.keys).map(|lease| PayloadSlot::Reserved(Arc::new(lease)))
    }

    /// Begins a payload file for [`Store::seal_beside`], for data that is too long for memory.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn new_file(&self, random: &dyn Random) -> Result<NewFile, StoreError> {
        NewFile::create(&self.shared.disks.bodies, random)
    }

    /// Seals the `head` of a payload with a file. The file already contains ciphertext, and its key is in the
    /// head. Burning the key of the head therefore burns the file.
    ///
    /// Blocks on the sync of the file.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for a sealed head over [`MAX_INLINE_BYTES`], and the errors of
    /// [`Store::new_file`].
    pub fn seal_beside(
        &self,
        random: &dyn Random,
        context: &[u8],
        head: Vec<u8>,
        file: NewFile,
    ) -> Result<Payload, StoreError> {
        let key = SlotKey::new(random);
        let head = crypto::seal::seal(&key, context, head);
        if head.len() > MAX_INLINE_BYTES {
            return Err(StoreError::TooLarge("the head of a payload does not fit in its record"));
        }
        let body = PayloadBody::Beside { head, file: Arc::new(file.sync()?) };
        Ok(Payload { key, slot: self.slot()?, body })
    }

    /// Begins a payload file for [`Store::seal_growing`]. It is written in several steps, and a record counts
    /// the bytes of each step.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::PayloadFile`].
    pub fn growing_file(&self, random: &dyn Random) -> Result<GrowingFile, StoreError> {
        GrowingFile::create(&self.shared.disks.bodies, random)
    }

    /// Opens a file found by [`super::Transaction::unfinished`] to continue it. Bytes after its counted end, which a
    /// crash can leave, are cut off. The caller makes sure that the file has no other writer.
    ///
    /// # Errors
    ///
    /// [`StoreError::PayloadFile`], also if the file was deleted in the meantime.
    pub fn reopen(&self, unfinished: Unfinished) -> Result<GrowingFile, StoreError> {
        GrowingFile::reopen(&self.shared.disks.bodies, unfinished)
    }

    /// Does the same as [`Store::seal_beside`] for a file that may grow later. The file must be synced.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for a sealed head over [`MAX_INLINE_BYTES`].
    pub fn seal_growing(
        &self,
        random: &dyn Random,
        context: &[u8],
        head: Vec<u8>,
        file: &GrowingFile,
        growth: Growth,
    ) -> Result<Payload, StoreError> {
        let key = SlotKey::new(random);
        let head = crypto::seal::seal(&key, context, head);
        if head.len() > MAX_INLINE_BYTES {
            return Err(StoreError::TooLarge("the head of a payload does not fit in its record"));
        }
        let body = file.body(head, growth).ok_or(StoreError::Damaged("a file is named already"))?;
        Ok(Payload { key, slot: self.slot()?, body })
    }
}
