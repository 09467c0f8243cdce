//! Where everything lies in the store: the key of every record, on one screen.
//!
//! ```text
//! a account            -> Account
//! n name               -> AccountNumber
//! k SHA-256 of the key -> ApiKey
//! s account sequence   -> Secret, with its sealed payload
//! t account sequence f -> Text, f = 0 the description, 1 the message
//! v account sequence i -> View, i = 0, 1, 2 …
//! e due account seq.   -> Due: when the sweeper looks at a secret next
//! b box                -> DropBox, with its sealed keys
//! p box                -> PublicKeyDer, where senders may leave the sealing to us
//! d box message        -> Message, with its sealed payload
//! x box                -> Deletion, while a box is being burned
//! m "…"                -> what the daemon itself keeps
//! ```
//!
//! `account` is 3 bytes and `sequence` 5, counted up within the account, so that records come in the
//! order of their creation, which sled pays back, and a list is a range. So are `box`, 8 bytes, and
//! `message`, 4.

use super::{
    account::AccountNumber, drop_box::BoxNumber, message::MessageId, secret::SecretNumber,
};
use crate::{clock::UnixSeconds, store::Key};

const SEQUENCE_BYTES: usize = 5;

pub(super) fn account(account: AccountNumber) -> Key {
    Key::new(b'a').with(&account.to_bytes())
}

pub(super) fn accounts() -> Key {
    Key::new(b'a')
}

/// The reverse of [`account`].
pub(super) fn account_number(key: &Key) -> Option<AccountNumber> {
    let [a, b, c] = *key.as_bytes().last_chunk::<3>()?;
    AccountNumber::new(u32::from_be_bytes([0, a, b, c]))
}

/// The number that the next account gets; missing until the first one is created.
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

pub(super) fn secrets(account: AccountNumber) -> Key {
    Key::new(b's').with(&account.to_bytes())
}

pub(super) fn secret(number: SecretNumber) -> Key {
    numbered(b's', number)
}

/// The reverse of [`secret`].
pub(super) fn secret_number(key: &Key) -> Option<SecretNumber> {
    number_at_end(key.as_bytes())
}

/// Which of a secret's two texts.
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

pub(super) fn dues() -> Key {
    Key::new(b'e')
}

pub(super) fn due(at: UnixSeconds, number: SecretNumber) -> Key {
    append(Key::new(b'e').with(&at.0.to_be_bytes()), number)
}

/// The reverse of [`due`].
pub(super) fn due_parts(key: &Key) -> Option<(UnixSeconds, SecretNumber)> {
    let at = key.as_bytes().get(1..)?.first_chunk::<8>()?;
    Some((UnixSeconds(u64::from_be_bytes(*at)), number_at_end(key.as_bytes())?))
}

pub(super) fn drop_box(number: BoxNumber) -> Key {
    Key::new(b'b').with(&number.to_bytes())
}

/// The number that the next box gets; missing until the first one is created.
pub(super) fn next_box() -> Key {
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

/// The reverse of [`message`].
pub(super) fn message_id(key: &Key) -> Option<MessageId> {
    Some(MessageId(u32::from_be_bytes(*key.as_bytes().last_chunk::<4>()?)))
}

pub(super) fn deletions() -> Key {
    Key::new(b'x')
}

pub(super) fn deletion(number: BoxNumber) -> Key {
    deletions().with(&number.to_bytes())
}

/// The reverse of [`deletion`].
pub(super) fn deleted_box(key: &Key) -> Option<BoxNumber> {
    Some(BoxNumber::from_bytes(*key.as_bytes().last_chunk::<8>()?))
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
}
