//! Attachments in transfer: places, and one upload at a time of each.

use std::{
    collections::HashSet,
    num::NonZeroU8,
    sync::{Arc, Mutex, PoisonError},
};

use super::progress::Progress;
use crate::{
    api::{
        ApiError, Client,
        load::places::{Places, UploadPlace},
    },
    domain::numbers::{AccountNumber, SecretNumber},
};

/// Attachments in transfer, in both directions.
#[derive(Default)]
pub struct Transfers {
    /// Places by account; each draft without an account has its own.
    places: Places<SecretNumber>,
    uploads: Arc<Uploads>,
    pub(super) fetches: Progress,
}

impl Transfers {
    /// The numbers of uploads in progress, and of those that wait for a place.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        self.places.lengths()
    }
}

/// The attachments that are being uploaded.
type Uploads = Mutex<HashSet<(SecretNumber, NonZeroU8)>>;

/// The exclusive right to upload an attachment, released on drop.
pub(super) struct Turn {
    uploads: Arc<Uploads>,
    which: (SecretNumber, NonZeroU8),
    pub(super) place: Arc<UploadPlace<SecretNumber>>,
}

impl Transfers {
    /// Waits for a place; `None` if another upload of the same attachment is in progress.
    pub(super) async fn turn(
        &self,
        client: Client,
        number: SecretNumber,
        n: NonZeroU8,
    ) -> Result<Option<Turn>, ApiError> {
        // Senders without an account do not share one limit: a few of them could block all others.
        let to = match number.account {
            AccountNumber::NOBODY => number,
            _ => SecretNumber { sequence: 0, ..number },
        };
        let place = Arc::new(self.places.place(client.net(), to).await?);
        let (uploads, which) = (Arc::clone(&self.uploads), (number, n));
        let is_free = uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(which);
        // `then_some` would create the turn in any case, and its drop would end the other upload's turn.
        Ok(is_free.then(|| Turn { uploads, which, place }))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.which);
    }
}
