//! Tickets: the right of a box's reader to fetch one of its files within a short time.

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
        drop_box::message::{MessageContent, SealedBy},
        numbers::{BoxId, BoxNumber, MessageId},
    },
};

/// The lifetime of a ticket.
const LIFE_SECONDS: u64 = 120;
/// The maximum number of tickets, of up to a kilobyte each. Above it, old ones are dropped.
const MAX_TICKETS: usize = 16_384;
/// A box with more tickets than this loses its old ones first.
const MANY_FOR_A_BOX: usize = 1024;
/// How many burned files may be held open.
const MAX_HELD: usize = 256;

/// The right to fetch one file.
pub struct Ticket {
    /// The box of the file.
    pub drop_box: BoxNumber,
    /// The source of the bytes.
    pub source: FileSource,
    /// The key to decrypt them; `None` if they are returned as they are stored.
    pub key: Option<MessageKey>,
    /// Whether the server or the sender has sealed the file.
    pub sealed_by: SealedBy,
    /// The name of the file.
    pub file_name: String,
    /// The length of the file in bytes, as it is sent, if known in advance.
    pub bytes: Option<u64>,
    /// How many bytes from the start have been taken.
    pub taken: u64,
}

/// The source of a file's bytes.
pub enum FileSource {
    /// A message that is still in its box.
    InBox(BoxId, MessageId),
    /// A burned message, which exists only in memory and as an open file.
    Held(MessageContent, Hold),
}

/// The permit to hold one or more burned files open.
pub struct Hold(OwnedSemaphorePermit);

/// All tickets. They are in memory only, so a restart makes them invalid. Times are those of the monotonic
/// clock.
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
    /// Whether the ticket has the last copy of its file.
    is_held: bool,
}

/// A ticket in use. If it is dropped before the file is complete, the ticket can be used again.
pub struct Lent {
    tickets: Arc<Tickets>,
    id: [u8; 16],
    ticket: Arc<Mutex<Ticket>>,
    is_done: bool,
}

/// The reason why a ticket is rejected.
#[derive(Debug, PartialEq, Eq)]
pub enum TicketError {
    /// Unknown, used up or expired.
    Unknown,
    /// Another request is fetching the file.
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
    /// Splits off the permit for one file.
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
            is_held: matches!(ticket.source, FileSource::Held(..)),
            ticket: Arc::new(Mutex::new(ticket)),
            ends_at: now.plus(LIFE_SECONDS),
            is_lent: false,
        };
        entries.insert(id, entry);
        format!("{:032x}", u128::from_be_bytes(id))
    }

    /// A permit to hold this number of burned files open; `None` if too many are held already.
    pub fn hold(&self, files: u32) -> Option<Hold> {
        Arc::clone(&self.holds).try_acquire_many_owned(files).ok().map(Hold)
    }

    /// Drops expired tickets.
    pub fn sweep(&self, now: MonotonicSeconds) {
        self.entries().retain(|_, entry| entry.is_lent || now < entry.ends_at);
    }

    /// Drops the tickets of a deleted box. Transfers in progress continue.
    pub fn void(&self, drop_box: BoxNumber) {
        self.entries().retain(|_, entry| entry.drop_box != drop_box);
    }

    /// Lends a ticket out for one attempt to fetch its file.
    ///
    /// # Errors
    ///
    /// [`TicketError`] for an unknown ticket, or one in use.
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

    /// Waits until a ticket is returned after this call.
    pub(super) fn returned(&self) -> Notified<'_> {
        self.returned.notified()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<[u8; 16], Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// The borrowed ticket.
    pub fn ticket(&self) -> MutexGuard<'_, Ticket> {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that `bytes` from `start` on were taken. If they include the last byte and nothing before
    /// them is missing, the ticket is used up.
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
        let is_held = matches!(self.ticket().source, FileSource::Held(..));
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

/// Drops expired tickets; then the older half of those of `drop_box`, if it has many; then the older half
/// of all. Tickets in use and those with the last copy of a file are kept; they are few.
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
            source: FileSource::InBox(BoxId { number, random: [0; 15] }, MessageId(1)),
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
