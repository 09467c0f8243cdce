//! The numbers of secrets, boxes and messages: the store counts records, this file knows what they are.

use super::{numbers::Lane, schema};
use crate::store::{Store, StoreError};

/// The most items of a lane of the outbox that are counted, since they are counted one by one.
const MAX_COUNTED: usize = 100_000;

/// The numbers at one moment. Those of events begin with the start of the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// The secrets whose content is stored.
    pub live_secrets: u64,
    /// The secrets that were created.
    pub secrets_created: u64,
    /// The views that were spent.
    pub views: u64,
    /// The secrets whose content was destroyed.
    pub secrets_burned: u64,
    /// The boxes.
    pub live_boxes: u64,
    /// The messages and files in boxes.
    pub live_messages: u64,
    /// The messages and files that were put into boxes.
    pub messages_created: u64,
}

impl Census {
    /// The present numbers. Cheap: nothing is read from the disk.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        let figures = store.figures();
        let secrets = figures.kind(&schema::all_secrets());
        let messages = figures.kind(&schema::all_messages());
        Self {
            live_secrets: secrets.live(),
            secrets_created: secrets.sealed.get(),
            views: figures.kind(&schema::all_views()).added.get(),
            secrets_burned: secrets.burned.get(),
            live_boxes: figures.kind(&schema::all_boxes()).live(),
            live_messages: messages.live(),
            messages_created: messages.sealed.get(),
        }
    }
}

/// The number of items in a lane of the outbox, at most 100,000. Reads their keys, so it blocks.
///
/// # Errors
///
/// [`StoreError::Unavailable`].
pub fn outbox_items(store: &Store, lane: Lane) -> Result<u64, StoreError> {
    let keys = store.keys(&schema::outgoing_dues(lane)).take(MAX_COUNTED);
    keys.map(|key| key.map(|_| 1)).sum()
}
