//! The ids of secrets and the tokens of boxes, as they appear in links: 31 letters and digits.
//!
//! An id encodes 120 random bits, which cannot be guessed, and 64 bits with the location of the record. The
//! whole is permuted with a key of the store. Therefore an id reveals neither the number of secrets nor their
//! accounts, and a modified id decodes to an unrelated one.

mod cursor;

pub use self::cursor::{CursorList, ListPosition};
use super::{
    notify::subscription::{Subscriber, Subscription},
    numbers::{BoxId, BoxNumber, OutboxNumber, SecretId, SecretNumber},
    schema,
};
use crate::{
    crypto::{Random, SequenceMask, hex, random_array},
    store::{Record, Store, StoreError},
};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of an id: 23 bytes are below 62^31.
const CHARS: usize = 31;
const BYTES: usize = 23;
const LIMBS: usize = BYTES.div_ceil(4);

/// The key for the ids of a store. It is created once and never changes, because links contain ids.
#[derive(serde::Serialize, serde::Deserialize)]
struct IdKey {
    key: [u8; 32],
    /// The encoding of ids that the key is used for.
    form: u32,
}

/// The number and the random bits are permuted together.
const PERMUTED: u32 = 1;

impl Record for IdKey {
    const VERSION: u8 = 2;
}

/// Encodes and decodes the ids of one store.
pub struct Ids {
    mask: SequenceMask,
}

impl Ids {
    /// Reads the store's mask key, or creates it. Blocks.
    pub fn load(store: &Store, random: &dyn Random) -> Result<Self, StoreError> {
        let key = schema::daemon("id mask");
        let fresh: [u8; 32] = random_array(random);
        let made = store
            .change(move |transaction| match transaction.get::<IdKey>(&key)? {
                Some(there) => Ok(there),
                None => {
                    let made = IdKey { key: fresh, form: PERMUTED };
                    transaction.put(&key, &made)?;
                    Ok::<_, StoreError>(made)
                }
            })
            .wait()?;
        match made.form {
            PERMUTED => Ok(Self::new(made.key)),
            _ => Err(StoreError::Damaged("the form of ids is unknown")),
        }
    }

    fn new(key: [u8; 32]) -> Self {
        Self { mask: SequenceMask::new(key) }
    }

    /// The id as it appears in links.
    #[must_use]
    pub fn text(&self, id: &SecretId) -> String {
        self.masked(id.random, id.number.to_bytes())
    }

    /// Decodes an id. Returns `None` for an invalid text.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<SecretId> {
        let (random, number) = self.unmasked(text)?;
        Some(SecretId { number: SecretNumber::from_bytes(number)?, random })
    }

    /// The token of a box, as it appears in links.
    #[must_use]
    pub fn token(&self, id: &BoxId) -> String {
        self.masked(id.random, id.number.to_bytes())
    }

    /// Decodes the token of a box. Returns `None` for an invalid text.
    #[must_use]
    pub fn parse_token(&self, text: &str) -> Option<BoxId> {
        let (random, number) = self.unmasked(text)?;
        Some(BoxId { number: BoxNumber::from_bytes(number), random })
    }

    /// The id in an unsubscribe link: the subscriber and a part of the random bits as a token, then the rest
    /// of the random bits.
    #[must_use]
    pub fn unsubscribe(&self, subscription: &Subscription) -> String {
        let (kind, number) = match subscription.subscriber {
            Subscriber::Account(number) => {
                ('a', SecretNumber { account: number, sequence: 0 }.to_bytes())
            }
            Subscriber::Box(number) => ('b', number.to_bytes()),
        };
        let [random @ .., last] = subscription.random;
        format!("{kind}{}{last:02x}", self.masked(random, number))
    }

    /// Decodes an id made by [`Ids::unsubscribe`]. Returns `None` for an invalid text.
    #[must_use]
    pub fn parse_unsubscribe(&self, text: &str) -> Option<Subscription> {
        let (kind, rest) = text.split_at_checked(1)?;
        let (masked, last) = rest.split_at_checked(CHARS)?;
        let (start, number) = self.unmasked(masked)?;
        let last =
            u8::from_str_radix(last, 16).ok().filter(|byte| format!("{byte:02x}") == last)?;
        let subscriber = match kind {
            "a" => {
                let number = SecretNumber::from_bytes(number)?;
                Subscriber::Account((number.sequence == 0).then_some(number.account)?)
            }
            "b" => Subscriber::Box(BoxNumber::from_bytes(number)),
            _ => return None,
        };
        let mut random = [last; 16];
        random[..15].copy_from_slice(&start);
        Some(Subscription { subscriber, random })
    }

    /// The public name of an item in the outbox: 16 hexadecimal digits. It is the same at each attempt and
    /// does not reveal the number of other items.
    #[must_use]
    pub fn message_name(&self, number: OutboxNumber) -> String {
        // No id has this block as its random part, except with a probability of 1 in 2^120.
        let mut block = *b"--------outbox:";
        block[..8].copy_from_slice(&number.0.to_be_bytes());
        hex(&self.mask.mask(&block, [0; 8]))
    }

    fn masked(&self, random: [u8; 15], number: [u8; 8]) -> String {
        let (number, random) = self.mask.permute(number, random);
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&number);
        bytes[8..].copy_from_slice(&random);
        encode(bytes)
    }

    fn unmasked(&self, text: &str) -> Option<([u8; 15], [u8; 8])> {
        let bytes = decode(text)?;
        let (number, random) = (*bytes.first_chunk::<8>()?, *bytes.last_chunk::<15>()?);
        let (number, random) = self.mask.unpermute(number, random);
        Some((random, number))
    }
}

/// Encodes in base 62, most significant digit first, with exactly [`CHARS`] digits.
fn encode(bytes: [u8; BYTES]) -> String {
    let mut limbs = [0_u32; LIMBS];
    let mut padded = [0; LIMBS * 4];
    padded[LIMBS * 4 - BYTES..].copy_from_slice(&bytes);
    for (limb, chunk) in limbs.iter_mut().zip(padded.as_chunks::<4>().0) {
        *limb = u32::from_be_bytes(*chunk);
    }
    let mut text = [0; CHARS];
    for digit in text.iter_mut().rev() {
        let mut remainder = 0_u64;
        for limb in &mut limbs {
            let value = remainder << 32 | u64::from(*limb);
            *limb = u32::try_from(value / 62).expect("the remainder is below 62");
            remainder = value % 62;
        }
        *digit = ALPHABET[usize::try_from(remainder).expect("the remainder is below 62")];
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

fn decode(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != CHARS {
        return None;
    }
    let mut limbs = [0_u32; LIMBS];
    for byte in text.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        let mut carry = u64::from(digit);
        for limb in limbs.iter_mut().rev() {
            let value = u64::from(*limb) * 62 + carry;
            let [_, _, _, _, low @ ..] = value.to_be_bytes();
            *limb = u32::from_be_bytes(low);
            carry = value >> 32;
        }
        if carry != 0 {
            return None;
        }
    }
    let mut padded = [0; LIMBS * 4];
    for (chunk, limb) in padded.as_chunks_mut::<4>().0.iter_mut().zip(limbs) {
        *chunk = limb.to_be_bytes();
    }
    let (over, bytes) = padded.split_at(LIMBS * 4 - BYTES);
    if over.iter().any(|byte| *byte != 0) { None } else { bytes.try_into().ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::numbers::AccountNumber;

    proptest! {
        #[test]
        fn ids_read_back_and_have_one_form(account in 0..1_u32 << 24, sequence in 0..1_u64 << 40,
                                           random: [u8; 15], key: [u8; 32]) {
            let number = SecretNumber { account: AccountNumber::new(account).unwrap(), sequence };
            let id = SecretId { number, random };
            let ids = Ids::new(key);
            let text = ids.text(&id);
            prop_assert_eq!(text.len(), 31);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert_eq!(ids.parse(&text), Some(id));
        }

        #[test]
        fn a_changed_character_names_something_unrelated(random: [u8; 15], sequence in 0..1000_u64,
                                                         place in 0..31_usize, other in 0..62_usize) {
            let ids = Ids::new([7; 32]);
            let number = SecretNumber { account: AccountNumber::new(1).unwrap(), sequence };
            let text = ids.text(&SecretId { number, random });
            let mut changed = text.clone().into_bytes();
            changed[place] = ALPHABET[other];
            let changed = String::from_utf8(changed).unwrap();
            if changed != text && let Some(found) = ids.parse(&changed) {
                prop_assert!(found.number.account != number.account && found.random != random);
            }
        }

        #[test]
        fn any_text_is_an_id_in_one_form_or_none(text in "[0-9A-Za-z]{31}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(bytes), text);
            }
        }
    }

    proptest! {
        #[test]
        fn links_that_end_notifications_read_back(account in 0..1_u32 << 24, drop_box: [u8; 8],
                                                  random: [u8; 16], other in "[abc][0-9A-Za-z]{31}[0-9a-fA-F]{2}") {
            let ids = Ids::new([7; 32]);
            for subscriber in [
                Subscriber::Account(AccountNumber::new(account).unwrap()),
                Subscriber::Box(BoxNumber::from_bytes(drop_box)),
            ] {
                let subscription = Subscription { subscriber, random };
                let text = ids.unsubscribe(&subscription);
                prop_assert_eq!(text.len(), 34);
                prop_assert_eq!(ids.parse_unsubscribe(&text), Some(subscription));
                for length in 0..text.len() {
                    prop_assert_eq!(ids.parse_unsubscribe(&text[..length]), None);
                }
            }
            if let Some(subscription) = ids.parse_unsubscribe(&other) {
                prop_assert_eq!(ids.unsubscribe(&subscription), other, "one form");
            }
        }
    }

    #[test]
    fn names_of_messages_tell_no_counts() {
        let ids = Ids::new([7; 32]);
        let names: Vec<String> = (0..3).map(|n| ids.message_name(OutboxNumber(n))).collect();
        assert!(names.iter().all(|name| name.len() == 16));
        let number = |name: &str| u64::from_str_radix(name, 16).unwrap();
        assert!(number(&names[0]) ^ number(&names[1]) > 1 << 32);
        assert_ne!(
            number(&names[0]) ^ number(&names[1]),
            number(&names[0]) ^ number(&names[2]) ^ 3
        );
        assert_eq!(names[0], ids.message_name(OutboxNumber(0)));
    }

    #[test]
    fn what_can_not_be_an_id_is_none() {
        let ids = Ids::new([7; 32]);
        for text in ["", "dT5g", &"z".repeat(31), &"0".repeat(30), &"0".repeat(32), &"å".repeat(31)]
        {
            assert!(ids.parse(text).is_none(), "{text}");
        }
    }
}
