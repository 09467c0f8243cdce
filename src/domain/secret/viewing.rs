//! `max_views` is enforced here: this file has everything that spends a view, with an API key or with the
//! link.
//!
//! A view with an API key burns the payload with the last view. A view with the link gives a lease, and the
//! payload can be fetched again until the lease ends. In both cases a secret with N views is shown to at most
//! N viewers.

use serde::{Deserialize, Serialize};

use super::{
    MessageShown, Secret, SecretError, attachment,
    event::{SecretEvent, SecretEventKind},
    lease::{self, Lease},
    linked_secret, live_secret, metadata, reply,
};
use crate::{
    clock::UnixSeconds,
    crypto::{PasswordHash, proof_of_work::Solved},
    domain::{
        account::{Metadata, display_name::DisplayName},
        limits::captcha::{self, CaptchaProof},
        notify,
        numbers::{AccountNumber, LeaseToken, SecretId, SecretNumber},
        schema::{self, Due, TextField},
        sealed_part::StoredAnswerKey,
        text::Text,
        view::View,
    },
    store::{FoundPayload, Key, Record, StoreError, Transaction},
};

/// The result of a view, returned once the view is durable.
pub struct Viewed {
    /// The sealed payload; its context is the random bits of the id.
    pub payload: FoundPayload,
    /// The sender's message.
    pub message: Option<String>,
    /// The figures of the secret's account.
    pub metadata: Metadata,
    /// The sizes of the attachments, in order.
    pub attachments: Vec<u64>,
    /// The end of the lease that allows fetching the attachments; `None` for a secret without attachments.
    pub lease_ends: Option<UnixSeconds>,
}

/// The result of a view with a lease.
pub struct Leased {
    /// The sealed payload; its context is the random bits of the id.
    pub payload: FoundPayload,
    /// The sender's message.
    pub message: Option<String>,
    /// The end of the lease.
    pub ends_at: UnixSeconds,
    /// The sizes of the attachments, in order.
    pub attachments: Vec<u64>,
    /// The key for a reply, if the sender allows one and there is none yet.
    pub reply_key: Option<StoredAnswerKey>,
}

/// The result of a look.
pub struct Looked {
    /// The record.
    pub secret: Secret,
    /// The sender's message, if it is shown before the view.
    pub message: Option<String>,
    /// The display name of the sender.
    pub sender: Option<String>,
    /// The sizes of the attachments, in order.
    pub attachments: Vec<u64>,
}

/// The proofs of a viewer without an API key.
#[derive(Clone, Default)]
pub struct Proofs {
    /// The hash that the viewer's password was successfully checked against.
    pub password: Option<Box<PasswordHash>>,
    /// The viewer's proof of work.
    pub captcha: Option<CaptchaProof>,
}

/// Spends a view for a client with an API key of `account`. `proof` is the hash that the viewer's password
/// was checked against. `token` is the token of the lease that a secret with attachments gives. The last view
/// burns the payload, immediately or at the end of the last lease. The tombstone of a secret that never
/// expires is deleted `keep_log_seconds` later.
///
/// `Ok(None)` means [`SecretError::NotFound`], in a change that still writes something.
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
        let metadata = metadata(transaction, account, view.at)?;
        let attachments = attachment::sizes(transaction, id.number, &secret)?;
        let lease_ends = lease.map(|(_, end)| end);
        Ok(Some(Viewed { payload, message, metadata, attachments, lease_ends }))
    }
}

/// Shows a secret to a viewer with the link. A `token` with a live lease shows the payload again. A new token
/// spends a view and becomes the token of a new lease. A token whose lease has ended shows nothing.
///
/// `Ok(None)` means [`SecretError::NotFound`], in a change that still writes something.
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
                // A concurrent request with the same token came first; this request's password was charged as
                // well.
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
                if secret.captcha {
                    let Some(captcha) = proofs.captcha else {
                        return Err(SecretError::CaptchaNeeded(needed));
                    };
                    captcha.take(transaction, view.at)?;
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
        let reply_key = reply::awaited_key(transaction, number)?;
        Ok(Some(Leased { payload, message, ends_at, attachments, reply_key }))
    }
}

/// Counts a password as wrong before it is checked, so that parallel guesses do not bypass the limit.
/// [`view`] subtracts a right password again. A `captcha` is used up, so that it does not serve for all guesses.
pub fn charge_password(
    account: AccountNumber,
    id: SecretId,
    captcha: Option<Solved>,
    now: UnixSeconds,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<(), SecretError> + Send + 'static {
    move |transaction| {
        let mut secret = live_secret(transaction, account, id, now)?;
        if secret.is_locked() {
            return Err(SecretError::Locked);
        }
        if let Some(solved) = captcha {
            captcha::take(transaction, solved, now)?;
        }
        secret.wrong_passwords += 1;
        Ok(transaction.put(&schema::secret(id.number), &secret)?)
    }
}

/// Logs a look at a secret that can still be viewed. Spends no view.
pub fn look(
    id: SecretId,
    visitor: View,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<Looked, SecretError> + Send + 'static {
    move |transaction| {
        let mut secret = linked_secret(transaction, id)?;
        if !secret.is_live(visitor.at) {
            return Err(SecretError::NotFound);
        }
        let event = SecretEvent::new(SecretEventKind::Opened, visitor.clone());
        if secret.events.log(transaction, id.number, &event)? {
            transaction.put(&schema::secret(id.number), &secret)?;
        }
        let attachments = attachment::sizes(transaction, id.number, &secret)?;
        let message = match secret.message_shown {
            MessageShown::Before => message(transaction, id.number, &secret)?,
            MessageShown::With => None,
        };
        let sender = match secret.is_from_owner {
            true => transaction.get::<DisplayName>(&schema::display_name(id.number.account))?,
            false => None,
        };
        let sender = sender.map(DisplayName::into_string);
        Ok(Looked { secret, message, sender, attachments })
    }
}

/// Gives a lease back. If all views are spent, this burns the payload, even if other leases are live.
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
            let event = SecretEvent::new(SecretEventKind::Burned, visitor.clone());
            secret.events.log(transaction, number, &event)?;
            secret.bury(transaction, number, now, keep_log_seconds)?;
        } else {
            secret.leased_until = lease::last_end(transaction, number, now)?;
        }
        Ok(transaction.put(&key, &secret)?)
    }
}

/// A request for a secret that can no longer be viewed.
#[derive(Clone)]
pub struct LateTry {
    /// The requested id; possibly unknown.
    pub id: SecretId,
    /// The time, address and User-Agent of the visitor.
    pub visitor: View,
    /// The kind of the request.
    pub what: Visit,
}

/// The number of late attempts. The record exists so that a commit for late attempts always writes something.
#[derive(Serialize, Deserialize)]
struct LateTryCount(u64);

impl Record for LateTryCount {
    const VERSION: u8 = 1;

    fn sealed_by(key: &Key) -> Option<Key> {
        Some(key.clone())
    }
}

/// The kind of a request for a secret that can no longer be viewed.
#[derive(Clone, Copy, Debug)]
pub enum Visit {
    /// A look at the page.
    Look,
    /// The secret, or the end of its lease, with this token. A token of a former lease is not logged as a
    /// late attempt.
    WithLease(LeaseToken),
    /// The secret, with an API key.
    WithKey,
}

/// Logs late attempts of visitors with the link. Returns whether any was logged. Skips a secret that is
/// unknown, can still be viewed, or has a full log. Leases that end at or before `settled` end permanently.
/// The change always writes a count of this `process` (see [`Store::process`]) under a new key, so that its
/// duration does not reveal whether the secret existed: the disk has as much to sync as for a notification.
///
/// [`Store::process`]: crate::store::Store::process
pub fn tried_after(
    tries: Vec<LateTry>,
    process: u64,
    settled: UnixSeconds,
    keep_log_seconds: u64,
) -> impl Fn(&mut Transaction<'_, '_>) -> Result<bool, StoreError> + Send + 'static {
    move |transaction| {
        let key = schema::late_tries(process);
        let LateTryCount(count) = transaction.get(&key)?.unwrap_or(LateTryCount(0));
        let count = count.saturating_add(tries.len() as u64);
        transaction.delete(&key)?;
        transaction.put(&key, &LateTryCount(count))?;
        let mut any_late = false;
        for late in &tries {
            let noted = transaction
                .part(|transaction| note_late(transaction, late, settled, keep_log_seconds));
            match noted {
                Ok(is_late) => any_late |= is_late,
                // One damaged record must not prevent the other entries.
                Err(_) => {
                    let line = "a late attempt cannot be logged: its secret cannot be read";
                    transaction.report(line, true);
                }
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
        // While a lease is live, its holder may be looking, so the look is not a late attempt.
        Visit::Look
            if secret.has_payload(visitor.at) && secret.live_lease(visitor.at).is_some() =>
        {
            SecretEventKind::Opened
        }
        Visit::WithLease(token) if lease::is_known(transaction, id.number, token)? => {
            return Ok(false);
        }
        Visit::Look | Visit::WithLease(_) | Visit::WithKey => SecretEventKind::TriedAfter,
    };
    // The end of the last lease must precede this attempt in the log.
    let ended = secret.live_lease(visitor.at).is_none()
        && secret.end_leases(transaction, id.number, settled.min(visitor.at), keep_log_seconds)?;
    let event = SecretEvent::new(kind, visitor.clone());
    let logged = secret.events.log(transaction, id.number, &event)?;
    if ended || logged {
        transaction.put(&schema::secret(id.number), &secret)?;
    }
    let is_late = logged && kind == SecretEventKind::TriedAfter;
    if is_late {
        notify::tried_after(transaction, id, visitor)?;
    }
    Ok(is_late)
}

impl Secret {
    /// The hash of the password that must still be checked. With a matching `proof`, the charged attempt is
    /// subtracted.
    fn missing_password(
        &mut self,
        proof: Option<&PasswordHash>,
    ) -> Result<Option<Box<PasswordHash>>, SecretError> {
        let Some(needed) = &self.password else { return Ok(None) };
        if proof == Some(needed) {
            // A right password opens a locked secret as well: it was charged before the lock, possibly as the
            // last attempt or in parallel with others, and the charge is subtracted here.
            self.wrong_passwords = self.wrong_passwords.saturating_sub(1);
            return Ok(None);
        }
        match self.is_locked() {
            true => Err(SecretError::Locked),
            false => Ok(Some(Box::new(needed.clone()))),
        }
    }

    /// Spends one of the remaining views, with or without a lease, and writes the record. Returns `None` if
    /// the payload is missing.
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

    /// The payload. If it is missing, a crash happened between wiping the key and writing the record. The
    /// interrupted burn is completed, and its view counts as spent.
    pub(super) fn payload(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<Option<FoundPayload>, StoreError> {
        let key = schema::secret(number);
        let all_intact = attachment::all_intact(transaction, number, self)?;
        let found = transaction.payload(&key)?.filter(|_| all_intact);
        if found.is_none() {
            self.burn(transaction, number)?;
            self.bury(transaction, number, now, keep_log_seconds)?;
            transaction.put(&key, self)?;
        }
        Ok(found)
    }

    /// Burns the payload and logs it if all views are spent and the last lease has ended. Returns whether it
    /// did. The caller writes the record.
    pub(crate) fn end_leases(
        &mut self,
        transaction: &mut Transaction<'_, '_>,
        number: SecretNumber,
        now: UnixSeconds,
        keep_log_seconds: u64,
    ) -> Result<bool, StoreError> {
        // Not `live_lease`: the clock may have jumped when the lease was given, so its end may still be
        // valid.
        let is_leased = self.leased_until.is_some_and(|end| now < end);
        if self.gone_at.is_some() || !self.is_used_up() || is_leased {
            return Ok(false);
        }
        self.burn(transaction, number)?;
        let event =
            SecretEvent { kind: SecretEventKind::LeaseEnded, at: now, address: None, agent: None };
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
