//! The keys of all records in the store.
//!
//! ```text
//! a account            -> Account
//! B account            -> AccountCounts; missing before the first one since version 3 of Account
//! B account share      -> AccountShare, 64 at most, if several processes share the store
//! N account            -> DisplayName, if the account has one
//! n name               -> AccountNumber
//! k SHA-256 of the key -> ApiKey
//! E account            -> CreatedKeys: how many keys the account has created itself
//! s account sequence   -> Secret, with its sealed payload
//! M account 0 seq.     -> Gaps in a block of 65,536 numbers of secrets, by the first 3 bytes of the sequence
//! M account 1 seq.     -> the same in a block of 256 numbers, by the first 4 bytes
//! t account sequence f -> Text, f = 0 the description, 1 the message; sealed by its secret
//! v account sequence i -> View, i = 0, 1, 2 …; sealed by its secret
//! h account sequence i -> SecretEvent of its log, i = 0, 1, 2 …; sealed by its secret
//! A account sequence n -> Attachment of a secret, n = 1, 2 …, with its sealed key and its file
//! T account sequence n -> Tail: the end of an attachment that is not complete, sealed
//! L account sequence n -> UploadLease of an attachment, if several processes share the store
//! D account sequence   -> Draft, sealed, with the half of a link for a mail
//! S account            -> StoredBytes of attachments
//! l account seq. token -> Lease, by the first 16 bytes of its token's SHA-256
//! g account sequence   -> Manage, for a secret without an account
//! e due account seq.   -> Due: the next check of a secret by the sweeper
//! b box                -> DropBox, with its sealed keys
//! p box                -> PublicKeyDer, if the server can seal messages for senders
//! d box message        -> BoxMessage, with its sealed payload
//! I box SHA-256 of key -> Repeatable: the time of a message, by its idempotency key
//! J box message        -> Remembered: the idempotency key of a message, oldest first
//! x box                -> Deletion, while a box is being burned
//! r account sequence   -> Request, sealed
//! q account sequence f -> Text of a request, f = 0 description, 1 message, 2 and 3 those of its secrets;
//!                         sealed by its request
//! u SHA-256 of the id  -> RequestNumber
//! w account seq. seq.  -> MadeThroughRequest: a secret that was created through a request
//! K account sequence   -> StoredAnswerKey of a request: answers are sealed for it
//! W account sequence   -> SealedHalf of a secret that answers such a request
//! G account sequence   -> Manage, for a request without an account
//! R account sequence   -> ReplyTerms of a secret that its viewers can reply to
//! f due account seq.   -> Due: the next check of a request by the sweeper
//! o outgoing           -> Outgoing, sealed, with its sealed part
//! i lane due outgoing  -> DueOut: the next attempt or the deletion of an item
//! z share name|account -> SentTimes: mails of the last hour; of an address m, an account a, or a MailShare
//! j account            -> Notify, sealed: the recipient of its notifications
//! y account webhook    -> Webhook, with its sealed address and key
//! c box                -> BoxNotify, sealed: the recipient of the notifications of a box
//! C SHA-256 of token   -> Claim
//! H hour process        -> HourRecord: the events of an hour, counted from 1970; without `process` for process 0
//! Q f                  -> the counter of secrets (f = 0) or requests (1) without an account
//! Q account            -> the counter of its secrets, if several processes share the store
//! U time challenge      -> Due: a used proof of work, until this time
//! m "…"                -> the daemon's own records
//! ```
//!
//! `account` has 3 bytes and `sequence` 5. The sequence is counted within the account, so that records are
//! created in the order of their keys, which is efficient in sled, and a list is a range. If several processes
//! share the store, that order is the one of the ranges of numbers that they take. `box` has 8 bytes,
//! `message` 4 and `webhook` 4, all counted in the same way; `outgoing` has 8, the time and a counter. For a
//! request's id, which cannot be guessed, 16 bytes of the digest are enough.

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use super::numbers::{
    AccountNumber, BoxNumber, IdempotencyKey, Lane, LeaseToken, MailShare, MessageId, OutboxNumber,
    RequestNumber, SecretNumber, WebhookNumber,
};
use crate::{
    clock::UnixSeconds,
    crypto::proof_of_work::ChallengeId,
    store::{Key, Record},
};

/// An entry of an index of due times. Its key says everything.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Due;

impl Record for Due {
    const VERSION: u8 = 1;
}

const SEQUENCE_BYTES: usize = 5;

/// The key of a claim; `hash` is the SHA-256 of its token.
pub(super) fn claim(hash: &[u8; 32]) -> Key {
    Key::new(b'C').with(hash)
}

pub(super) fn claims() -> Key {
    Key::new(b'C')
}

pub(super) fn account(account: AccountNumber) -> Key {
    Key::new(b'a').with(&account.to_bytes())
}

/// The key of what an account has and has created.
pub(super) fn account_counts(account: AccountNumber) -> Key {
    Key::new(b'B').with(&account.to_bytes())
}

/// The key of what a process counts of an account. A few records for all processes that ever were. It begins with
/// that of [`account_counts`].
pub(super) fn account_share(account: AccountNumber, process: u64) -> Key {
    let [.., share] = process.to_be_bytes();
    account_counts(account).with(&[share % 64])
}

/// The counter of the secrets of an account, if several processes share the store.
pub(super) fn secrets_of_account(account: AccountNumber) -> Key {
    Key::new(b'Q').with(&account.to_bytes())
}

/// The counter of secrets without an account.
pub(super) fn nobodys_secrets() -> Key {
    Key::new(b'Q').with(&[0])
}

/// The counter of requests without an account.
pub(super) fn nobodys_requests() -> Key {
    Key::new(b'Q').with(&[1])
}

/// The key of the name that the account shows to viewers.
pub(super) fn display_name(account: AccountNumber) -> Key {
    Key::new(b'N').with(&account.to_bytes())
}

pub(super) fn accounts() -> Key {
    Key::new(b'a')
}

/// The account in a key of [`account`].
pub(super) fn account_number(key: &Key) -> Option<AccountNumber> {
    let [a, b, c] = *key.as_bytes().last_chunk::<3>()?;
    AccountNumber::new(u32::from_be_bytes([0, a, b, c]))
}

/// The key of the next account's number; missing until the first account is created.
pub(super) fn next_account() -> Key {
    daemon("next account")
}

pub(super) fn account_name(name: &str) -> Key {
    Key::new(b'n').with(name.as_bytes())
}

pub(super) fn api_key(hash: &[u8]) -> Key {
    Key::new(b'k').with(hash)
}

pub(super) fn api_keys() -> Key {
    Key::new(b'k')
}

/// The number of keys that an account has created.
pub(super) fn created_keys(account: AccountNumber) -> Key {
    Key::new(b'E').with(&account.to_bytes())
}

/// The prefix of all secrets.
pub(super) fn all_secrets() -> Key {
    Key::new(b's')
}

/// The prefix of the views of all secrets.
pub(super) fn all_views() -> Key {
    Key::new(b'v')
}

/// The prefix of all boxes.
pub(super) fn all_boxes() -> Key {
    Key::new(b'b')
}

/// The prefix of the messages of all boxes.
pub(super) fn all_messages() -> Key {
    Key::new(b'd')
}

pub(super) fn secrets(account: AccountNumber) -> Key {
    Key::new(b's').with(&account.to_bytes())
}

pub(super) fn secret(number: SecretNumber) -> Key {
    numbered(b's', number)
}

/// The secrets with numbers in the same block of 256.
pub(super) fn secrets_of_block(number: SecretNumber) -> Key {
    let [block @ .., _] = number.to_bytes();
    Key::new(b's').with(&block)
}

/// The size of the blocks of numbers whose gaps are counted.
#[derive(Clone, Copy)]
pub(super) enum GapLevel {
    Large = 0,
    Small = 1,
}

impl GapLevel {
    pub(super) const ALL: [Self; 2] = [Self::Large, Self::Small];

    /// The numbers in a block.
    pub(super) fn numbers(self) -> u64 {
        1 << (8 * (SEQUENCE_BYTES - self.bytes()))
    }

    /// How many bytes of a sequence say its block.
    fn bytes(self) -> usize {
        match self {
            Self::Large => SEQUENCE_BYTES - 2,
            Self::Small => SEQUENCE_BYTES - 1,
        }
    }
}

/// The gaps in the block of this number.
pub(super) fn gaps(level: GapLevel, number: SecretNumber) -> Key {
    gaps_below(level, number, level.bytes())
}

/// The gaps in all blocks of this level, within the block of the number on the level above.
pub(super) fn gaps_within(level: GapLevel, number: SecretNumber) -> Key {
    match level {
        GapLevel::Large => gaps_below(level, number, 0),
        GapLevel::Small => gaps_below(level, number, GapLevel::Large.bytes()),
    }
}

fn gaps_below(level: GapLevel, number: SecretNumber, bytes: usize) -> Key {
    let SecretNumber { account, sequence } = number;
    let sequence = &sequence.to_be_bytes()[8 - SEQUENCE_BYTES..];
    all_gaps(account).with(&[level as u8]).with(&sequence[..bytes])
}

/// All counts of gaps of an account.
pub(super) fn all_gaps(account: AccountNumber) -> Key {
    Key::new(b'M').with(&account.to_bytes())
}

/// Says that the gaps are counted.
pub(super) fn gaps_counted() -> Key {
    daemon("gaps counted")
}

/// The secret in a key of [`secret`].
pub(super) fn secret_number(key: &Key) -> Option<SecretNumber> {
    number_at_end(key.as_bytes())
}

/// The secret or the request that a text, a view or an event belongs to. Its key seals them, and is wiped with
/// it.
pub(super) fn sealing_record(key: &Key) -> Option<Key> {
    let (prefix, rest) = key.as_bytes().split_first()?;
    let owner = match prefix {
        b't' | b'v' | b'h' => b's',
        b'q' => b'r',
        _ => return None,
    };
    Some(Key::new(owner).with(rest.first_chunk::<8>()?))
}

/// One of the two texts of a secret.
#[derive(Clone, Copy)]
pub(super) enum TextField {
    Description = 0,
    Message = 1,
}

pub(super) fn texts(number: SecretNumber) -> Key {
    numbered(b't', number)
}

pub(super) fn text(number: SecretNumber, field: TextField) -> Key {
    texts(number).with(&[field as u8])
}

pub(super) fn views(number: SecretNumber) -> Key {
    numbered(b'v', number)
}

pub(super) fn view(number: SecretNumber, index: u8) -> Key {
    views(number).with(&[index])
}

pub(super) fn events(number: SecretNumber) -> Key {
    numbered(b'h', number)
}

pub(super) fn event(number: SecretNumber, index: u16) -> Key {
    events(number).with(&index.to_be_bytes())
}

pub(super) fn leases(number: SecretNumber) -> Key {
    numbered(b'l', number)
}

pub(super) fn lease(number: SecretNumber, token: LeaseToken) -> Key {
    leases(number).with(&token.0)
}

pub(super) fn attachment(number: SecretNumber, n: NonZeroU8) -> Key {
    numbered(b'A', number).with(&[n.get()])
}

pub(super) fn attachment_tail(number: SecretNumber, n: NonZeroU8) -> Key {
    numbered(b'T', number).with(&[n.get()])
}

pub(super) fn upload_lease(number: SecretNumber, n: NonZeroU8) -> Key {
    numbered(b'L', number).with(&[n.get()])
}

pub(super) fn draft(number: SecretNumber) -> Key {
    numbered(b'D', number)
}

pub(super) fn stored_by(account: AccountNumber) -> Key {
    Key::new(b'S').with(&account.to_bytes())
}

/// The prefix of the keys of [`stored_by`].
pub(super) fn stored_by_accounts() -> Key {
    Key::new(b'S')
}

/// The total of [`stored_by`], while it is limited.
pub(super) fn stored_by_all() -> Key {
    daemon("stored attachments")
}

pub(super) fn manage(number: SecretNumber) -> Key {
    numbered(b'g', number)
}

pub(super) fn dues() -> Key {
    Key::new(b'e')
}

pub(super) fn due(at: UnixSeconds, number: SecretNumber) -> Key {
    append(Key::new(b'e').with(&at.0.to_be_bytes()), number)
}

/// The time and the secret in a key of [`due`].
pub(super) fn due_parts(key: &Key) -> Option<(UnixSeconds, SecretNumber)> {
    Some((due_at(key)?, number_at_end(key.as_bytes())?))
}

/// The time in a key of [`due`], [`request_due`] or [`used_captcha`].
pub(super) fn due_at(key: &Key) -> Option<UnixSeconds> {
    let at = key.as_bytes().get(1..)?.first_chunk::<8>()?;
    Some(UnixSeconds(u64::from_be_bytes(*at)))
}

/// The prefix of all requests.
pub(super) fn all_requests() -> Key {
    Key::new(b'r')
}

/// The prefix of the ids of all requests.
pub(super) fn request_ids() -> Key {
    Key::new(b'u')
}

pub(super) fn requests(account: AccountNumber) -> Key {
    Key::new(b'r').with(&account.to_bytes())
}

pub(super) fn request(number: RequestNumber) -> Key {
    Key::new(b'r').with(&number.to_bytes())
}

/// The request in a key of [`request`].
pub(super) fn request_number(key: &Key) -> Option<RequestNumber> {
    RequestNumber::from_bytes(*key.as_bytes().last_chunk::<8>()?)
}

/// One of the four texts of a request.
#[derive(Clone, Copy)]
pub(super) enum RequestText {
    Description = 0,
    Message = 1,
    SecretDescription = 2,
    SecretMessage = 3,
}

impl RequestText {
    pub(super) const ALL: [Self; 4] =
        [Self::Description, Self::Message, Self::SecretDescription, Self::SecretMessage];
}

pub(super) fn request_text(number: RequestNumber, field: RequestText) -> Key {
    Key::new(b'q').with(&number.to_bytes()).with(&[field as u8])
}

pub(super) fn request_id(hash: &[u8; 32]) -> Key {
    Key::new(b'u').with(&hash[..16])
}

/// The prefix of the secrets that were created through a request.
pub(super) fn made(number: RequestNumber) -> Key {
    Key::new(b'w').with(&number.to_bytes())
}

pub(super) fn made_secret(number: RequestNumber, secret: SecretNumber) -> Key {
    let [_, _, _, sequence @ ..] = secret.sequence.to_be_bytes();
    made(number).with(&sequence)
}

/// The secret in a key of [`made_secret`]; it belongs to the request's account.
pub(super) fn secret_made(key: &Key) -> Option<SecretNumber> {
    let [a, b, c, rest @ ..] = *key.as_bytes().last_chunk::<13>()?;
    let [_, _, _, _, _, sequence @ ..] = rest;
    let [d, e, f, g, h] = sequence;
    SecretNumber::from_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn request_answer_key(number: RequestNumber) -> Key {
    Key::new(b'K').with(&number.to_bytes())
}

pub(super) fn request_manage(number: RequestNumber) -> Key {
    Key::new(b'G').with(&number.to_bytes())
}

pub(super) fn reply(number: SecretNumber) -> Key {
    numbered(b'R', number)
}

/// The sealed public half of the link of a secret.
pub(super) fn sealed_part(number: SecretNumber) -> Key {
    numbered(b'W', number)
}

pub(super) fn request_dues() -> Key {
    Key::new(b'f')
}

pub(super) fn request_due(at: UnixSeconds, number: RequestNumber) -> Key {
    Key::new(b'f').with(&at.0.to_be_bytes()).with(&number.to_bytes())
}

pub(super) fn drop_box(number: BoxNumber) -> Key {
    Key::new(b'b').with(&number.to_bytes())
}

/// The counter of boxes; missing until the first box is created.
pub(super) fn box_counter() -> Key {
    daemon("next box")
}

pub(super) fn public_key(number: BoxNumber) -> Key {
    Key::new(b'p').with(&number.to_bytes())
}

pub(super) fn messages(number: BoxNumber) -> Key {
    Key::new(b'd').with(&number.to_bytes())
}

pub(super) fn message(number: BoxNumber, message: MessageId) -> Key {
    messages(number).with(&message.0.to_be_bytes())
}

/// The message in a key of [`message`].
pub(super) fn message_id(key: &Key) -> Option<MessageId> {
    Some(MessageId(u32::from_be_bytes(*key.as_bytes().last_chunk::<4>()?)))
}

/// The common prefix of the records of idempotency keys of a box.
pub(super) fn repeatables(number: BoxNumber) -> Key {
    Key::new(b'I').with(&number.to_bytes())
}

pub(super) fn repeatable(number: BoxNumber, key: IdempotencyKey) -> Key {
    repeatables(number).with(&key.0)
}

pub(super) fn remembered(number: BoxNumber) -> Key {
    Key::new(b'J').with(&number.to_bytes())
}

/// The inverse is [`message_id`].
pub(super) fn remembered_message(number: BoxNumber, message: MessageId) -> Key {
    remembered(number).with(&message.0.to_be_bytes())
}

pub(super) fn deletions() -> Key {
    Key::new(b'x')
}

pub(super) fn deletion(number: BoxNumber) -> Key {
    deletions().with(&number.to_bytes())
}

/// The box in a key of [`deletion`].
pub(super) fn deleted_box(key: &Key) -> Option<BoxNumber> {
    Some(BoxNumber::from_bytes(*key.as_bytes().last_chunk::<8>()?))
}

pub(super) fn outgoings() -> Key {
    Key::new(b'o')
}

pub(super) fn outgoing(number: OutboxNumber) -> Key {
    outgoings().with(&number.0.to_be_bytes())
}

/// The item in a key of [`outgoing`].
pub(super) fn outgoing_number(key: &Key) -> Option<OutboxNumber> {
    Some(OutboxNumber(u64::from_be_bytes(*key.as_bytes().last_chunk::<8>()?)))
}

/// The counter of all items; missing until the first item is queued.
pub(super) fn outgoing_counter() -> Key {
    daemon("next outgoing")
}

pub(super) fn outgoing_dues(lane: Lane) -> Key {
    Key::new(b'i').with(&[lane as u8])
}

pub(super) fn outgoing_due(lane: Lane, at: UnixSeconds, number: OutboxNumber) -> Key {
    outgoing_dues(lane).with(&at.0.to_be_bytes()).with(&number.0.to_be_bytes())
}

/// The time and the item in a key of [`outgoing_due`].
pub(super) fn outgoing_due_parts(key: &Key) -> Option<(UnixSeconds, OutboxNumber)> {
    let at = key.as_bytes().get(2..)?.first_chunk::<8>()?;
    Some((UnixSeconds(u64::from_be_bytes(*at)), outgoing_number(key)?))
}

pub(super) fn mail_counts() -> Key {
    Key::new(b'z')
}

/// The key of the mails to an address with this name.
pub(super) fn mails_to(name: &[u8; 32]) -> Key {
    mail_counts().with(b"m").with(name)
}

/// The key of the [`MailShare`] of the mails to an address with this name.
pub(super) fn share_of_address(share: MailShare, name: &[u8; 32]) -> Key {
    mail_counts().with(&[share as u8]).with(name)
}

/// The keys of the two records whose keys make names of addresses.
pub(super) fn address_keys() -> [Key; 2] {
    ["address key 1", "address key 2"].map(daemon)
}

pub(super) fn share_of_account(share: MailShare, account: AccountNumber) -> Key {
    mail_counts().with(&[share as u8]).with(&account.to_bytes())
}

pub(super) fn mails_of(account: AccountNumber) -> Key {
    mail_counts().with(b"a").with(&account.to_bytes())
}

pub(super) fn notify(account: AccountNumber) -> Key {
    Key::new(b'j').with(&account.to_bytes())
}

/// The key of the next webhook's number; missing until the first webhook is added.
pub(super) fn next_webhook() -> Key {
    daemon("next webhook")
}

pub(super) fn all_webhooks() -> Key {
    Key::new(b'y')
}

pub(super) fn webhooks(account: AccountNumber) -> Key {
    all_webhooks().with(&account.to_bytes())
}

pub(super) fn webhook(number: WebhookNumber) -> Key {
    webhooks(number.account).with(&number.sequence.to_be_bytes())
}

/// The webhook in a key of [`webhook`].
pub(super) fn webhook_number(key: &Key) -> Option<WebhookNumber> {
    let [_, a, b, c, ref sequence @ ..] = *key.as_bytes() else { return None };
    let account = AccountNumber::new(u32::from_be_bytes([0, a, b, c]))?;
    Some(WebhookNumber { account, sequence: u32::from_be_bytes(*sequence.first_chunk()?) })
}

pub(super) fn box_notify(number: BoxNumber) -> Key {
    Key::new(b'c').with(&number.to_bytes())
}

/// The prefix of used proofs of work.
pub(super) fn used_captchas() -> Key {
    Key::new(b'U')
}

/// The key of a used proof of work; `until` is the time of its deletion.
pub(super) fn used_captcha(until: UnixSeconds, challenge: &ChallengeId) -> Key {
    used_captchas().with(&until.0.to_be_bytes()).with(challenge)
}

/// The key of what signs challenges for proofs of work.
pub(super) fn captcha_key() -> Key {
    daemon("captcha key")
}

/// The count of late attempts that a process has written. A few records for all processes that ever were.
pub(super) fn late_tries(process: u64) -> Key {
    match process % 64 {
        0 => daemon("late tries"),
        shard => daemon("late tries").with(&shard.to_be_bytes()),
    }
}

/// The prefix of the history.
pub(super) fn hours() -> Key {
    Key::new(b'H')
}

/// The key of what a process has seen in an hour. Process 0 is the only one of its store.
pub(super) fn hour(hour: u64, process: u64) -> Key {
    let key = hours().with(&hour.to_be_bytes());
    if process == 0 { key } else { key.with(&process.to_be_bytes()) }
}

/// The hour in a key of [`hour`].
pub(super) fn hour_number(key: &Key) -> Option<u64> {
    Some(u64::from_be_bytes(*key.as_bytes().get(1..)?.first_chunk()?))
}

pub(super) fn daemon(name: &str) -> Key {
    Key::new(b'm').with(name.as_bytes())
}

fn numbered(prefix: u8, number: SecretNumber) -> Key {
    append(Key::new(prefix), number)
}

fn append(key: Key, number: SecretNumber) -> Key {
    let [_, _, _, sequence @ ..] = number.sequence.to_be_bytes();
    let sequence: [u8; SEQUENCE_BYTES] = sequence;
    key.with(&number.account.to_bytes()).with(&sequence)
}

fn number_at_end(key: &[u8]) -> Option<SecretNumber> {
    SecretNumber::from_bytes(*key.last_chunk::<8>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_secrets_sort_by_age_and_read_back() {
        let number = |account: u32, sequence| SecretNumber {
            account: AccountNumber::new(account).unwrap(),
            sequence,
        };
        let mut last = secret(number(0, 0));
        for n in [number(0, 1), number(0, 255), number(0, 256), number(1, 0), number(1 << 16, 7)] {
            let key = secret(n);
            assert!(key > last, "{n:?}");
            assert_eq!(secret_number(&key), Some(n));
            assert_eq!(due_parts(&due(UnixSeconds(99), n)), Some((UnixSeconds(99), n)));
            last = key;
        }
    }

    #[test]
    fn what_belongs_to_a_secret_or_a_request_is_sealed_by_it() {
        let account = AccountNumber::new(0x01_02_03).unwrap();
        let number = SecretNumber { account, sequence: 0x04_05_06_07_08 };
        for key in [text(number, TextField::Message), view(number, 7), event(number, 300)] {
            assert_eq!(sealing_record(&key), Some(secret(number)));
        }
        let number = RequestNumber { account, sequence: 9 };
        for field in RequestText::ALL {
            assert_eq!(sealing_record(&request_text(number, field)), Some(request(number)));
        }
        assert_eq!(sealing_record(&request(number)), None);
    }

    #[test]
    fn keys_of_requests_read_back() {
        let account = AccountNumber::new(0x01_02_03).unwrap();
        let number = RequestNumber { account, sequence: 0x04_05_06_07_08 };
        let secret = SecretNumber { account, sequence: 0x09_0a_0b_0c_0d };
        assert_eq!(request_number(&request(number)), Some(number));
        let key = made_secret(number, secret);
        assert_eq!(key.as_bytes(), b"w\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d");
        assert_eq!(secret_made(&key), Some(secret));
        let due = request_due(UnixSeconds(99), number);
        assert_eq!((due_at(&due), request_number(&due)), (Some(UnixSeconds(99)), Some(number)));
    }
}
