//! The subject and the link of the notifications that a recipient can unsubscribe from.

use std::fmt;

use crate::domain::numbers::{AccountNumber, BoxNumber};

/// The account or box that notifications are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscriber {
    /// Events of the secrets of an account.
    Account(AccountNumber),
    /// New messages in a box.
    Box(BoxNumber),
}

/// The content of an unsubscribe link: the subscriber, and random bits that only recipients of its
/// notifications know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// The subscriber.
    pub subscriber: Subscriber,
    /// 128 random bits.
    pub random: [u8; 16],
}

/// Leaves out the random bits, because they open the link.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("subscriber", &self.subscriber).finish_non_exhaustive()
    }
}
