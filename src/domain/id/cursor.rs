//! Cursors: the end of a page of a list, for the request of the next one.
//!
//! A cursor has the form of an id. It reveals neither numbers nor the order of records, and a modified one
//! belongs to no list.

use super::Ids;
use crate::domain::{
    numbers::{AccountNumber, RequestNumber, SecretNumber},
    request_id::RequestId,
};

/// A list with cursors. Each belongs to an account, whose number is in the position.
pub enum CursorList {
    /// The secrets of an account.
    Secrets,
    /// The secret requests of an account.
    Requests,
    /// The answers to a secret request.
    Answers(RequestId),
}

impl CursorList {
    /// What stands in a cursor for the random bits of an id: no id has the same ones, except with a probability
    /// of 1 in 2^112.
    fn mark(&self) -> [u8; 15] {
        match self {
            Self::Secrets => *b"-cursor:secrets",
            Self::Requests => *b"cursor:requests",
            Self::Answers(request) => {
                let mut mark = [b'a'; 15];
                mark[1..].copy_from_slice(&request.hash()[..14]);
                mark
            }
        }
    }
}

/// The number of a record, as a position in a list.
pub trait ListPosition: Sized {
    /// Its form in a cursor.
    fn to_bytes(self) -> [u8; 8];
    /// The inverse of [`ListPosition::to_bytes`].
    fn from_bytes(bytes: [u8; 8]) -> Option<Self>;
    /// The account of the record.
    fn account(&self) -> AccountNumber;
}

impl ListPosition for SecretNumber {
    fn to_bytes(self) -> [u8; 8] {
        Self::to_bytes(self)
    }

    fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }

    fn account(&self) -> AccountNumber {
        self.account
    }
}

impl ListPosition for RequestNumber {
    fn to_bytes(self) -> [u8; 8] {
        Self::to_bytes(self)
    }

    fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }

    fn account(&self) -> AccountNumber {
        self.account
    }
}

impl Ids {
    /// The cursor of a page: the position after the record `number` in `list`.
    #[must_use]
    pub fn cursor<N: ListPosition>(&self, list: &CursorList, number: N) -> String {
        self.masked(list.mark(), number.to_bytes())
    }

    /// Decodes a cursor made by [`Ids::cursor`]. Returns `None` for an invalid text, and for a cursor of another
    /// list.
    #[must_use]
    pub fn parse_cursor<N: ListPosition>(&self, list: &CursorList, text: &str) -> Option<N> {
        let (mark, number) = self.unmasked(text)?;
        N::from_bytes(number).filter(|_| mark == list.mark())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::SystemRandom;

    proptest! {
        #[test]
        fn a_cursor_belongs_to_one_list(account in 0..1_u32 << 24, sequence in 0..1_u64 << 40,
                                        place in 0..31_usize, other in "[0-9A-Za-z]") {
            let ids = Ids::new([7; 32]);
            let account = AccountNumber::new(account).unwrap();
            let number = SecretNumber { account, sequence };
            let answers = || CursorList::Answers(RequestId::new(&SystemRandom));
            let lists = [CursorList::Secrets, CursorList::Requests, answers(), answers()];
            for (at, list) in lists.iter().enumerate() {
                let text = ids.cursor(list, number);
                for (reader, other) in lists.iter().enumerate() {
                    let found = ids.parse_cursor(other, &text);
                    prop_assert_eq!(found, (reader == at).then_some(number));
                }
                let mut changed = text.clone();
                changed.replace_range(place..=place, &other);
                let found = ids.parse_cursor::<SecretNumber>(list, &changed);
                prop_assert_eq!(found, (changed == text).then_some(number));
            }
            let request = RequestNumber { account, sequence };
            let text = ids.cursor(&CursorList::Requests, request);
            prop_assert_eq!(ids.parse_cursor(&CursorList::Requests, &text), Some(request));
        }
    }
}
