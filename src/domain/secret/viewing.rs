//! Viewing secrets: by somebody with an API key, or by anybody who has the link.
//!
//! An API key's view burns with the last view. A view by the link gives a lease, and what it showed
//! stays for that long. Either way a secret with N views is shown to N viewers at most.

use serde::{Deserialize, Serialize};

use super::{
    Due, Secret, SecretError, attachment,
    event::{Event, EventKind},
    lease::{self, Lease, LeaseToken},
    linked_secret, live_account, live_secret,
    view::View,
};
use crate::{
    clock::UnixSeconds,
    crypto::PasswordHash,
    domain::{
        account::Metadata,
        notify,
        numbers::{AccountNumber, SecretId, SecretNumber},
        schema::{self, TextField},
        text::Text,
    },
    store::{FoundPayload, Record, StoreError, Transaction},
};

/// What a viewer gets, once the view is durable.
pub struct Viewed {
    /// Opens with the id's random bits as its context.
    pub payload: FoundPayload,
    /// The sender's message.
    pub message: Option<String>,
    /// Of the secret's account.
    pub metadata: Metadata,
    /// How long its attachments are, in their order.
    pub attachments: Vec<u64>,
    /// When the lease is over that fetches them; `None` where there are none.
    pub lease_ends: Option<UnixSeconds>,
}

/// What a viewer with a lease gets.
pub struct Leased {
    /// Opens with the id's random bits as its context.
    pub payload: FoundPayload,
    /// The sender's message.
    pub message: Option<String>,
    /// When the lease is over.
    pub ends_at: UnixSeconds,
    /// How long its attachments are, in their order.
    pub attachments: Vec<u64>,
}

/// What a viewer without an API key has proved.
#[derive(Clone, Default)]
pub struct Proofs {
    /// The hash that the viewer's password has been checked against.
    pub password: Option<Box<PasswordHash>>,
    /// The viewer has done a proof of work.
    pub captcha: bool,
}

/// Spends a view for somebody with a key of `account`. `proof` is the hash that the viewer's password
/// has been checked against, `token` that of the lease which a secret with attachments gives. The last view burns the payload, at once or at the end of the last lease;
/// `keep_log_seconds` later its tombstone goes, where the secret would have lived for ever.
///
/// `Ok(None)` is [`SecretError::NotFound`] with something to write down.
pub fn view(
    account: AccountNumber,
    id: SecretId,
    view: View,
    proof: Option<Box<PasswordHash>>,
    token: LeaseToken,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<Viewed>, SecretError> + Send + 'static {
    move |transaction| {
        let mut secret = live_secret(transaction, account, id, view.at)?;
        if let Some(needed) = secret.missing_password(proof.as_deref())? {
            return Err(SecretError::PasswordNeeded(needed));
        }
        let lease = (secret.attachments > 0).then(|| (token, secret.lease_end(view.at)));
        let spent = secret.spend(transaction, id.number, &view, lease, keep_log_seconds)?;
        let Some(payload) = spent else { return Ok(None) };
        let message = message(transaction, id.number, &secret)?;
        let metadata = live_account(transaction, account)?.metadata(view.at);
        let attachments = attachment::sizes(transaction, id.number, &secret)?;
        let lease_ends = lease.map(|(_, end)| end);
        Ok(Some(Viewed { payload, message, metadata, attachments, lease_ends }))
    }
}

/// Shows a secret to whoever has its link. A `token` whose lease is live shows the same again; a new one
/// spends a view, and is the token of a lease then; one whose lease is over shows nothing.
///
/// `Ok(None)` is [`SecretError::NotFound`] with something to write down.
pub fn view_with_lease(
    id: SecretId,
    view: View,
    token: LeaseToken,
    proofs: Proofs,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Option<Leased>, SecretError> + Send + 'static {
    move |transaction| {
        let number = id.number;
        let mut secret = linked_secret(transaction, id)?;
        if !secret.has_payload(view.at) {
            return Err(SecretError::NotFound);
        }
        let lease_key = schema::lease(number, token);
        let (payload, ends_at) = match transaction.get::<Lease>(&lease_key)? {
            Some(lease) if lease.is_live(view.at) => {
                // Another request with this token has come first, and this one's password was charged.
                if proofs.password.is_some()
                    && secret.missing_password(proofs.password.as_deref())?.is_none()
                {
                    transaction.put(&schema::secret(number), &secret)?;
                }
                (secret.payload(transaction, number, view.at, keep_log_seconds)?, lease.ends_at)
            }
            Some(_) => return Err(SecretError::NotFound),
            None if secret.is_used_up() => return Err(SecretError::NotFound),
            None => {
                let needed = secret.missing_password(proofs.password.as_deref())?;
                if secret.captcha && !proofs.captcha {
                    return Err(SecretError::CaptchaNeeded(needed));
                }
                if let Some(needed) = needed {
                    return Err(SecretError::PasswordNeeded(needed));
                }
                let ends_at = secret.lease_end(view.at);
                let lease = Some((token, ends_at));
                (secret.spend(transaction, number, &view, lease, keep_log_seconds)?, ends_at)
            }
        };
        let Some(payload) = payload else { return Ok(None) };
        let message = message(transaction, number, &secret)?;
        let attachments = attachment::sizes(transaction, number, &secret)?;
        Ok(Some(Leased { payload, message, ends_at, attachments }))
    }
}

/// Counts a wrong password before it is checked, so that trying many at once gains nothing. A right
/// one is taken off again by [`view`].
pub fn charge_password(
    account: AccountNumber,
    id: SecretId,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), SecretError> + Send + 'static {
    move |transaction| {
        let mut secret = live_secret(transaction, account, id, now)?;
        if secret.is_locked() {
            return Err(SecretError::Locked);
        }
        secret.wrong_passwords += 1;
        Ok(transaction.put(&schema::secret(id.number), &secret)?)
    }
}

/// Notes that somebody who has the link looks at a secret that could still be viewed, which spends
/// nothing, and answers its record, and how long its attachments are.
pub fn look(
    id: SecretId,
    visitor: View,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(Secret, Vec<u64>), SecretError> + Send + 'static {
    move |transaction| {
        let mut secret = linked_secret(transaction, id)?;
        if !secret.is_live(visitor.at) {
            return Err(SecretError::NotFound);
        }
        let event = Event::new(EventKind::Opened, visitor.clone());
        if secret.events.log(transaction, id.number, &event)? {
            transaction.put(&schema::secret(id.number), &secret)?;
        }
        let attachments = attachment::sizes(transaction, id.number, &secret)?;
        Ok((secret, attachments))
    }
}

/// Gives a lease back. Where all views are spent, that burns the payload, also under other leases.
pub fn burn(
    id: SecretId,
    visitor: View,
    token: LeaseToken,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), SecretError> + Send + 'static {
    move |transaction| {
        let now = visitor.at;
        let (number, key) = (id.number, schema::secret(id.number));
        let mut secret = linked_secret(transaction, id)?;
        let lease_key = schema::lease(number, token);
        let lease = transaction.get::<Lease>(&lease_key)?;
        if !secret.has_payload(now) || !lease.is_some_and(|lease| lease.is_live(now)) {
            return Err(SecretError::NotFound);
        }
        transaction.put(&lease_key, &Lease { is_burned: true, ..Lease::new(now) })?;
        if secret.is_used_up() {
            secret.burn(transaction, number)?;
            let event = Event::new(EventKind::Burned, visitor.clone());
            secret.events.log(transaction, number, &event)?;
            secret.bury(transaction, number, now, keep_log_seconds)?;
        } else {
            secret.leased_until = lease::last_end(transaction, number, now)?;
        }
        Ok(transaction.put(&key, &secret)?)
    }
}

/// Somebody came and found nothing.
#[derive(Clone)]
pub struct LateTry {
    /// For what; it may name nothing at all.
    pub id: SecretId,
    /// Who, and when.
    pub visitor: View,
    /// See [`Visit`].
    pub what: Visit,
}

/// How many tries that found nothing there have been. It is kept so that noting some of them is a commit
/// in any case.
#[derive(Serialize, Deserialize)]
struct LateTryCount(u64);

impl Record for LateTryCount {
    const VERSION: u8 = 1;
}

/// What somebody came for who found nothing.
#[derive(Clone, Copy, Debug)]
pub enum Visit {
    /// The page.
    Look,
    /// The secret, or its end, with this token: whose lease was, is not told of as somebody else.
    WithLease(LeaseToken),
    /// The secret, with an API key.
    WithKey,
}

/// Notes that people who have links came too late; answers whether any did. Does nothing for a secret that
/// never was, can still be viewed, or has been tried often enough. By `settled` the last lease may end for
/// good. It writes something in any case, so that the commit does not tell.
pub fn tried_after(
    tries: Vec<LateTry>,
    settled: UnixSeconds,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    move |transaction| {
        let key = schema::daemon("late tries");
        let LateTryCount(count) = transaction.get(&key)?.unwrap_or(LateTryCount(0));
        let count = count.saturating_add(tries.len() as u64);
        transaction.put(&key, &LateTryCount(count))?;
        let mut any_late = false;
        for late in &tries {
            match note_late(transaction, late, settled, keep_log_seconds) {
                Ok(is_late) => any_late |= is_late,
                // The others are not at fault.
                Err(error) => tracing::error!(%error, "a late try can not be noted"),
            }
        }
        Ok(any_late)
    }
}

fn note_late(
    transaction: &mut Transaction<'_, '_>,
    late: &LateTry,
    settled: UnixSeconds,
    keep_log_seconds: u64,
) -> Result<bool, StoreError> {
    let LateTry { id, ref visitor, what } = *late;
    let mut secret = match linked_secret(transaction, id) {
        Ok(secret) if !secret.is_live(visitor.at) && !secret.is_draft => secret,
        Err(SecretError::Store(error)) => return Err(error),
        Ok(_) | Err(_) => return Ok(false),
    };
    let kind = match what {
        // The page, while its viewer has it open.
        Visit::Look
            if secret.has_payload(visitor.at) && secret.live_lease(visitor.at).is_some() =>
        {
            EventKind::Opened
        }
        Visit::WithLease(token) if lease::is_known(transaction, id.number, token)? => {
            return Ok(false);
        }
        Visit::Look | Visit::WithLease(_) | Visit::WithKey => EventKind::TriedAfter,
    };
    // What ended the secret comes before this in its log.
    let ended = secret.live_lease(visitor.at).is_none()
        && secret.end_leases(transaction, id.number, settled.min(visitor.at), keep_log_seconds)?;
    let event = Event::new(kind, visitor.clone());
    let logged = secret.events.log(transaction, id.number, &event)?;
    if ended || logged {
        transaction.put(&schema::secret(id.number), &secret)?;
    }
    let is_late = logged && kind == EventKind::TriedAfter;
    if is_late {
        notify::tried_after(transaction, id, visitor)?;
    }
    Ok(is_late)
}

impl Secret {
    /// The password that is still to be checked. Once there is a `proof` of it, its try is taken off.
    fn missing_password(
        &mut self,
        proof: Option<&PasswordHash>,
    ) -> Result<Option<Box<PasswordHash>>, SecretError> {
        let Some(needed) = &self.password else { return Ok(None) };
        if proof == Some(needed) {
            // A proof opens a locked secret, too: it was charged before the lock, perhaps as the last
            // try or beside others, and is about to be taken off again.
            self.wrong_passwords = self.wrong_passwords.saturating_sub(1);
            return Ok(None);
        }
        match self.is_locked() {
            true => Err(SecretError::Locked),
            false => Ok(Some(Box::new(needed.clone()))),
        }
    }

    /// Spends one of the views that are left, with a lease or without, and puts the record. `None` where
    /// there is nothing to show.
    fn spend(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        view: &View,
        lease: Option<(LeaseToken, UnixSeconds)>,
        keep_log_seconds: u64,
    ) -> Result<Option<FoundPayload>, StoreError> {
        let key = schema::secret(number);
        let found = self.payload(transaction, number, view.at, keep_log_seconds)?;
        let Some(payload) = found else { return Ok(None) };
        transaction.put(&schema::view(number, self.view_times), view)?;
        self.view_times += 1;
        if let Some((token, ends_at)) = lease {
            transaction.put(&schema::lease(number, token), &Lease::new(ends_at))?;
            self.leases += 1;
            self.leased_until = self.live_lease(view.at).max(Some(ends_at));
        }
        if self.is_used_up() {
            match self.live_lease(view.at) {
                Some(end) => transaction.put(&schema::due(end, number), &Due)?,
                None => {
                    self.burn(transaction, number)?;
                    self.bury(transaction, number, view.at, keep_log_seconds)?;
                }
            }
        }
        transaction.put(&key, self)?;
        notify::viewed(transaction, self.id(number), view)?;
        Ok(Some(payload))
    }

    /// The payload. Where there is none, a crash came between wiping the key and the record, and what it
    /// has begun is finished: the view that did it counts.
    fn payload(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<Option<FoundPayload>, StoreError> {
        let key = schema::secret(number);
        let all_there = attachment::all_there(transaction, number, self)?;
        let found = transaction.payload(&key)?.filter(|_| all_there);
        if found.is_none() {
            self.burn(transaction, number)?;
            self.bury(transaction, number, now, keep_log_seconds)?;
            transaction.put(&key, self)?;
        }
        Ok(found)
    }

    /// Burns the payload where all views are spent and the last lease is over, and logs it; says whether
    /// it did. The caller puts the record.
    pub(crate) fn end_leases(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<bool, StoreError> {
        // Not `live_lease`: one that was given by a clock that has leapt may still turn out right.
        let is_leased = self.leased_until.is_some_and(|end| now < end);
        if self.gone_at.is_some() || !self.is_used_up() || is_leased {
            return Ok(false);
        }
        self.burn(transaction, number)?;
        let event = Event { kind: EventKind::LeaseEnded, at: now, address: None, agent: None };
        self.events.log(transaction, number, &event)?;
        self.bury(transaction, number, now, keep_log_seconds)?;
        Ok(true)
    }
}

fn message(
    transaction: &Transaction<'_, '_>,
    number: SecretNumber,
    secret: &Secret,
) -> Result<Option<String>, StoreError> {
    let message = match secret.has_message {
        true => transaction.get::<Text>(&schema::text(number, TextField::Message))?,
        false => None,
    };
    Ok(message.map(Text::into_string))
}
