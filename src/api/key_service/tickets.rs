//! Tickets: the right of somebody who has read a box's list to fetch one of its files, for a moment.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, futures::Notified};

use crate::{
    clock::MonotonicSeconds,
    crypto::{MessageKey, Random, random_array},
    domain::{
        drop_box::message::{Content, SealedBy},
        numbers::{BoxId, BoxNumber, MessageId},
    },
};

/// How long a ticket is good for.
const LIFE_SECONDS: u64 = 120;
/// Up to a kilobyte each. Past it, old ones go.
const MAX_TICKETS: usize = 16_384;
/// A box with more than this is the first to lose its old ones.
const MANY_FOR_A_BOX: usize = 1024;
/// How many files that are burned already may be held open.
const MAX_HELD: usize = 256;

/// What a ticket is for.
pub struct Ticket {
    /// Whose file it is.
    pub drop_box: BoxNumber,
    /// Where the bytes are.
    pub source: Source,
    /// Opens them; `None` where they are handed out as they are.
    pub key: Option<MessageKey>,
    /// Who has sealed them.
    pub sealed_by: SealedBy,
    /// What the file is called.
    pub file_name: String,
    /// How many bytes are handed out, where that is known before.
    pub bytes: Option<u64>,
    /// How many of them, from the first on, have been taken.
    pub taken: u64,
}

/// Where the bytes of a file are.
pub enum Source {
    /// In the box still.
    InBox(BoxId, MessageId),
    /// In memory and an open file; nowhere else any more.
    Held(Content, Hold),
}

/// The right to hold one burned file, or several, open.
pub struct Hold(OwnedSemaphorePermit);

/// All tickets there are, in memory only: a restart voids them. Time is the monotonic clock's.
pub struct Tickets {
    entries: Mutex<HashMap<[u8; 16], Entry>>,
    returned: Notify,
    holds: Arc<Semaphore>,
}

struct Entry {
    ticket: Arc<Mutex<Ticket>>,
    drop_box: BoxNumber,
    ends_at: MonotonicSeconds,
    is_lent: bool,
    /// The last copy of its file.
    is_held: bool,
}

/// A ticket while its file is being handed out. Dropped before that is done, it can be used again.
pub struct Lent {
    tickets: Arc<Tickets>,
    id: [u8; 16],
    ticket: Arc<Mutex<Ticket>>,
    is_done: bool,
}

/// Why a ticket does not open anything.
#[derive(Debug, PartialEq, Eq)]
pub enum TicketError {
    /// Never was, used, or too old.
    Unknown,
    /// Its file is being handed out to somebody.
    InUse,
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            returned: Notify::new(),
            holds: Arc::new(Semaphore::new(MAX_HELD)),
        }
    }
}

impl Hold {
    /// The part of it for one file.
    pub fn one(&mut self) -> Option<Self> {
        self.0.split(1).map(Self)
    }
}

impl Tickets {
    /// Makes a ticket. Returns its id, 128 random bits in hexadecimal.
    pub fn issue(&self, ticket: Ticket, random: &dyn Random, now: MonotonicSeconds) -> String {
        let id: [u8; 16] = random_array(random);
        let mut entries = self.entries();
        if entries.len() >= MAX_TICKETS {
            make_room(&mut entries, ticket.drop_box, now);
        }
        let entry = Entry {
            drop_box: ticket.drop_box,
            is_held: matches!(ticket.source, Source::Held(..)),
            ticket: Arc::new(Mutex::new(ticket)),
            ends_at: now.plus(LIFE_SECONDS),
            is_lent: false,
        };
        entries.insert(id, entry);
        format!("{:032x}", u128::from_be_bytes(id))
    }

    /// The right to hold so many burned files open; `None` where too many are already.
    pub fn hold(&self, files: u32) -> Option<Hold> {
        Arc::clone(&self.holds).try_acquire_many_owned(files).ok().map(Hold)
    }

    /// Drops what is too old.
    pub fn sweep(&self, now: MonotonicSeconds) {
        self.entries().retain(|_, entry| entry.is_lent || now < entry.ends_at);
    }

    /// Drops the tickets of a box that was deleted. A file that is being handed out goes on.
    pub fn void(&self, drop_box: BoxNumber) {
        self.entries().retain(|_, entry| entry.drop_box != drop_box);
    }

    /// Lends a ticket out for one attempt to hand its file out.
    ///
    /// # Errors
    ///
    /// See [`TicketError`].
    pub fn lend(self: &Arc<Self>, id: &str, now: MonotonicSeconds) -> Result<Lent, TicketError> {
        let is_hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = u128::from_str_radix(id, 16).ok().filter(|_| is_hex);
        let id = id.ok_or(TicketError::Unknown)?.to_be_bytes();
        let mut entries = self.entries();
        let entry = entries.get_mut(&id).filter(|entry| now < entry.ends_at || entry.is_lent);
        let entry = entry.ok_or(TicketError::Unknown)?;
        if mem::replace(&mut entry.is_lent, true) {
            return Err(TicketError::InUse);
        }
        let ticket = Arc::clone(&entry.ticket);
        Ok(Lent { tickets: Arc::clone(self), id, ticket, is_done: false })
    }

    /// Waits until a ticket that was lent out comes back after this call.
    pub(super) fn returned(&self) -> Notified<'_> {
        self.returned.notified()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<[u8; 16], Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// The ticket.
    pub fn ticket(&self) -> MutexGuard<'_, Ticket> {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that `bytes` from `start` on were taken. With the last of them the ticket is used up,
    /// unless some before them were not.
    pub fn note_taken(&mut self, start: u64, bytes: u64, is_last: bool) {
        let mut ticket = self.ticket();
        let is_joined = start <= ticket.taken;
        if is_joined {
            ticket.taken = ticket.taken.max(start.saturating_add(bytes));
        }
        drop(ticket);
        self.is_done = is_last && is_joined;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let is_held = matches!(self.ticket().source, Source::Held(..));
        let mut entries = self.tickets.entries();
        if self.is_done {
            entries.remove(&self.id);
        } else if let Some(entry) = entries.get_mut(&self.id) {
            (entry.is_lent, entry.is_held) = (false, is_held);
        }
        drop(entries);
        self.tickets.returned.notify_waiters();
    }
}

/// Drops tickets that are over; then the older half of those of `drop_box`, if it has many; then the
/// older half of all. Those that are in use or the last copy of their file stay, and are few.
fn make_room(entries: &mut HashMap<[u8; 16], Entry>, drop_box: BoxNumber, now: MonotonicSeconds) {
    let stays = |entry: &Entry| entry.is_lent || entry.is_held;
    entries.retain(|_, entry| stays(entry) || now < entry.ends_at);
    if entries.len() < MAX_TICKETS {
        return;
    }
    let own = entries.values().filter(|entry| entry.drop_box == drop_box).count();
    let is_meant = |entry: &Entry| own < MANY_FOR_A_BOX || entry.drop_box == drop_box;
    let mut ends: Vec<u64> = entries
        .values()
        .filter(|entry| is_meant(entry) && !stays(entry))
        .map(|entry| entry.ends_at.0)
        .collect();
    let middle = ends.len() / 2;
    if let Some(last) = ends.len().checked_sub(1) {
        let (_, median, _) = ends.select_nth_unstable(middle.min(last));
        let median = *median;
        entries.retain(|_, entry| stays(entry) || !is_meant(entry) || entry.ends_at.0 > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SystemRandom;

    fn ticket(drop_box: u64) -> Ticket {
        let number = BoxNumber::from_bytes(drop_box.to_be_bytes());
        Ticket {
            drop_box: number,
            source: Source::InBox(BoxId { number, random: [0; 15] }, MessageId(1)),
            key: None,
            sealed_by: SealedBy::Server,
            file_name: String::new(),
            bytes: Some(100),
            taken: 0,
        }
    }

    #[test]
    fn a_ticket_is_used_up_by_the_whole_of_its_file() {
        let tickets = Arc::new(Tickets::default());
        let now = MonotonicSeconds(0);
        let id = tickets.issue(ticket(1), &SystemRandom, now);
        // (start, bytes, is last) -> used up
        let cases = [
            (99, 1, true, false),
            (0, 60, false, false),
            (70, 30, true, false),
            (40, 60, true, true),
        ];
        for (start, bytes, is_last, used_up) in cases {
            let mut lent = tickets.lend(&id, now).unwrap();
            assert_eq!(tickets.lend(&id, now).err(), Some(TicketError::InUse));
            lent.note_taken(start, bytes, is_last);
            drop(lent);
            assert_eq!(tickets.lend(&id, now).is_err(), used_up, "{start}");
        }
    }

    #[test]
    fn a_box_with_many_does_not_push_out_others() {
        let tickets = Arc::new(Tickets::default());
        let now = MonotonicSeconds(0);
        let victim = tickets.issue(ticket(1), &SystemRandom, now);
        for _ in 0..2 * MAX_TICKETS {
            tickets.issue(ticket(2), &SystemRandom, now);
        }
        assert!(tickets.entries().len() <= MAX_TICKETS);
        assert!(tickets.lend(&victim, now).is_ok());
        tickets.void(BoxNumber::from_bytes(1_u64.to_be_bytes()));
        assert_eq!(tickets.lend(&victim, now).err(), Some(TicketError::Unknown));
        tickets.sweep(now.plus(LIFE_SECONDS));
        assert_eq!(tickets.entries().len(), 0);
    }
}
