//! The form of a record on disk: `bincode(envelope) ‖ checksum`.
//!
//! The envelope contains the domain's value (`version byte ‖ bincode`, or sealed: [`super::sealed_values`]),
//! the location of the sealed payload, if the record has one, and the slot of the key that seals values, if
//! it has one. The checksum is the XXH3 (64 bits, little endian) of the envelope, with the XXH3 of the key as
//! its seed. A record that appears under another key is therefore reported as damaged.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::{Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Key, StoreError, bodies::FileName};

/// The longest value on disk, in bytes, including the envelope and an inline payload.
///
/// A leaf of sled holds up to 17 records and is written whole; past 128 KiB it would become a file in
/// `blobs/`, which sled neither syncs nor reliably removes.
pub const MAX_VALUE_BYTES: usize = 4096;

const CHECKSUM_BYTES: usize = 8;
const ENCODING: Configuration<LittleEndian, Varint, Limit<MAX_VALUE_BYTES>> =
    bincode::config::standard().with_limit::<MAX_VALUE_BYTES>();

/// A type of value in the store. Its fields are encoded in order and without names, so each change of them
/// needs a new version and a reader for the old one.
pub trait Record: Serialize + DeserializeOwned {
    /// The version byte before the encoded fields.
    const VERSION: u8;

    /// Whether the record names a key for the values of others from the beginning. Otherwise it gets one with the
    /// first of them.
    const SEALS_OTHERS: bool = false;

    /// The record whose key seals the value at `key`, so that the value cannot be read any more once that record
    /// is deleted, not in the freed parts of the database either. `None` for a value that is not sealed.
    ///
    /// It is the record itself, or one that is written before this one and deleted together with it.
    fn sealed_by(key: &Key) -> Option<Key> {
        let _ = key;
        None
    }

    /// Decodes a record that an older sealdrop has written. Returns `None` for an unknown version.
    fn from_older(version: u8, fields: RecordFields<'_>) -> Option<Result<Self, StoreError>> {
        let _ = (version, fields);
        None
    }
}

/// The encoded fields of a record.
pub struct RecordFields<'a>(&'a [u8]);

impl RecordFields<'_> {
    /// Decodes all fields.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the bytes do not decode completely.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, StoreError> {
        match bincode::serde::decode_from_slice(self.0, ENCODING) {
            Ok((value, read)) if read == self.0.len() => Ok(value),
            _ => Err(StoreError::Damaged("a value cannot be decoded")),
        }
    }
}

/// The location of a record's sealed payload, and the slot of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::BorrowDecode)]
pub(super) struct PayloadRef<'a> {
    pub(super) slot: u32,
    /// [`crate::crypto::SlotKey::check`] of the expected key in the slot.
    pub(super) check: u64,
    pub(super) body: BodyRef<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::BorrowDecode)]
pub(super) enum BodyRef<'a> {
    Inline(&'a [u8]),
    File {
        name: FileName,
        bytes: u64,
    },
    /// A sealed head, and beside it a file of ciphertext whose key is in the head.
    Beside {
        head: &'a [u8],
        name: FileName,
        bytes: u64,
    },
    /// The same with an incomplete file; contains the number of its bytes that count.
    Growing {
        head: &'a [u8],
        name: FileName,
        bytes: u64,
    },
}

impl BodyRef<'_> {
    /// Whether a file of this size is as expected.
    pub(super) fn fits(&self, there: u64) -> bool {
        match *self {
            Self::Inline(_) => false,
            Self::File { bytes, .. } | Self::Beside { bytes, .. } => there == bytes,
            // Bytes after the counted end were written but never counted.
            Self::Growing { bytes, .. } => there >= bytes,
        }
    }

    /// The payload's file and its length.
    pub(super) fn file(&self) -> Option<(FileName, u64)> {
        match *self {
            Self::Inline(_) => None,
            Self::File { name, bytes }
            | Self::Beside { name, bytes, .. }
            | Self::Growing { name, bytes, .. } => Some((name, bytes)),
        }
    }
}

/// The slot of a key that seals values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::BorrowDecode)]
pub(super) struct ValueKeyRef {
    pub(super) slot: u32,
    /// [`crate::crypto::SlotKey::check`] of the expected key in the slot.
    pub(super) check: u64,
}

/// What a record has beside its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attached<'a> {
    pub(super) value_key: Option<ValueKeyRef>,
    pub(super) payload: Option<PayloadRef<'a>>,
}

impl Attached<'_> {
    /// The slots of its keys, with their check values.
    pub(super) fn slots(&self) -> impl Iterator<Item = (u32, u64)> + use<> {
        let payload = self.payload.map(|payload| (payload.slot, payload.check));
        payload.into_iter().chain(self.value_key.map(|key| (key.slot, key.check)))
    }
}

/// A record without its checksum.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) attached: Attached<'a>,
    value: &'a [u8],
}

/// The envelope on disk. The order of the forms is that of their numbers.
#[derive(bincode::Encode, bincode::BorrowDecode)]
enum EnvelopeForm<'a> {
    Plain { value: &'a [u8] },
    WithPayload { payload: PayloadRef<'a>, value: &'a [u8] },
    WithValueKey { value_key: ValueKeyRef, value: &'a [u8] },
    WithBoth { value_key: ValueKeyRef, payload: PayloadRef<'a>, value: &'a [u8] },
}

impl<'a> From<EnvelopeForm<'a>> for Envelope<'a> {
    fn from(form: EnvelopeForm<'a>) -> Self {
        let (value_key, payload, value) = match form {
            EnvelopeForm::Plain { value } => (None, None, value),
            EnvelopeForm::WithPayload { payload, value } => (None, Some(payload), value),
            EnvelopeForm::WithValueKey { value_key, value } => (Some(value_key), None, value),
            EnvelopeForm::WithBoth { value_key, payload, value } => {
                (Some(value_key), Some(payload), value)
            }
        };
        Self { attached: Attached { value_key, payload }, value }
    }
}

impl<'a> From<Envelope<'a>> for EnvelopeForm<'a> {
    fn from(Envelope { attached, value }: Envelope<'a>) -> Self {
        let Attached { value_key, payload } = attached;
        match (value_key, payload) {
            (None, None) => Self::Plain { value },
            (None, Some(payload)) => Self::WithPayload { payload, value },
            (Some(value_key), None) => Self::WithValueKey { value_key, value },
            (Some(value_key), Some(payload)) => Self::WithBoth { value_key, payload, value },
        }
    }
}

impl<'a> Envelope<'a> {
    /// Encodes a record for the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for more than [`MAX_VALUE_BYTES`].
    pub(super) fn encode(
        key: &Key,
        value: &[u8],
        attached: Attached<'_>,
    ) -> Result<Vec<u8>, StoreError> {
        const TOO_LARGE: StoreError = StoreError::TooLarge("a value is longer than 4,096 bytes");
        let mut bytes = Vec::with_capacity(value.len() + 64);
        let form = EnvelopeForm::from(Envelope { attached, value });
        bincode::encode_into_std_write(form, &mut bytes, ENCODING).map_err(|_| TOO_LARGE)?;
        let checksum = checksum(key, &bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        if bytes.len() > MAX_VALUE_BYTES { Err(TOO_LARGE) } else { Ok(bytes) }
    }

    /// Decodes a record from the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the checksum does not match.
    pub(super) fn decode(key: &Key, bytes: &'a [u8]) -> Result<Self, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged("a record does not match its checksum");
        let (envelope, stored) = split_checksum(bytes).ok_or(DAMAGED)?;
        if checksum(key, envelope) != stored {
            return Err(DAMAGED);
        }
        match bincode::borrow_decode_from_slice::<EnvelopeForm<'_>, _>(envelope, ENCODING) {
            Ok((decoded, read)) if read == envelope.len() => Ok(decoded.into()),
            _ => Err(StoreError::Damaged("a record cannot be decoded")),
        }
    }

    /// The value of a record that is not sealed.
    pub(super) fn value<R: Record>(&self) -> Result<R, StoreError> {
        decode_value(self.value)
    }

    pub(super) fn raw_value(&self) -> &'a [u8] {
        self.value
    }
}

/// The checksum in a stored record, not verified; 0 for bytes that are too short for a record.
pub(super) fn stored_checksum(bytes: &[u8]) -> u64 {
    split_checksum(bytes).map_or(0, |(_, checksum)| checksum)
}

/// The location of the payload in a stored record, without checking the record.
pub(super) fn stored_payload(bytes: &[u8]) -> Option<PayloadRef<'_>> {
    // The numbers of `WithPayload` and `WithBoth`: most records have no payload, and are not decoded.
    const WITH_PAYLOAD: [Option<&u8>; 2] = [Some(&1), Some(&3)];
    let (envelope, _) =
        split_checksum(bytes).filter(|(bytes, _)| WITH_PAYLOAD.contains(&bytes.first()))?;
    let (decoded, _) =
        bincode::borrow_decode_from_slice::<EnvelopeForm<'_>, _>(envelope, ENCODING).ok()?;
    Envelope::from(decoded).attached.payload
}

/// Encodes a domain value as `version byte ‖ bincode`.
pub(super) fn encode_value<R: Record>(value: &R) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(R::VERSION);
    bincode::serde::encode_into_std_write(value, &mut bytes, ENCODING)
        .map_err(|_| StoreError::TooLarge("a value cannot be encoded"))?;
    Ok(bytes)
}

pub(super) fn decode_value<R: Record>(bytes: &[u8]) -> Result<R, StoreError> {
    let (&version, fields) =
        bytes.split_first().ok_or(StoreError::Damaged("a record has no value"))?;
    let fields = RecordFields(fields);
    if version == R::VERSION {
        return fields.read();
    }
    R::from_older(version, fields).unwrap_or(Err(StoreError::UnknownVersion(version)))
}

fn split_checksum(bytes: &[u8]) -> Option<(&[u8], u64)> {
    let (envelope, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    Some((envelope, u64::from_le_bytes(*checksum)))
}

fn checksum(key: &Key, envelope: &[u8]) -> u64 {
    xxh3_64_with_seed(envelope, xxh3_64(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Note(String);
    impl Record for Note {
        const VERSION: u8 = 3;
    }

    fn stored(text: &str) -> (Key, Vec<u8>) {
        let key = Key::new(b't').with(b"one");
        let value = encode_value(&Note(text.into())).unwrap();
        let payload = PayloadRef { slot: 7, check: 99, body: BodyRef::Inline(b"sealed") };
        let attached = Attached { payload: Some(payload), value_key: None };
        let bytes = Envelope::encode(&key, &value, attached).unwrap();
        (key, bytes)
    }

    #[test]
    fn a_record_comes_back_with_its_payload() {
        let (key, bytes) = stored("hello");
        let envelope = Envelope::decode(&key, &bytes).unwrap();
        assert_eq!(envelope.value::<Note>().unwrap(), Note("hello".into()));
        assert_eq!(envelope.attached.payload.unwrap().slot, 7);
        assert_eq!(stored_payload(&bytes), envelope.attached.payload);
    }

    #[test]
    fn a_record_comes_back_with_its_keys() {
        let key = Key::new(b't');
        let value_key = Some(ValueKeyRef { slot: 300, check: 5 });
        let payload = Some(PayloadRef { slot: 7, check: 99, body: BodyRef::Inline(b"sealed") });
        for attached in [
            Attached::default(),
            Attached { payload, value_key: None },
            Attached { payload: None, value_key },
            Attached { payload, value_key },
        ] {
            let bytes = Envelope::encode(&key, b"value", attached).unwrap();
            let envelope = Envelope::decode(&key, &bytes).unwrap();
            assert_eq!((envelope.attached, envelope.raw_value()), (attached, &b"value"[..]));
            assert_eq!(stored_payload(&bytes), attached.payload);
            assert_eq!(
                attached.slots().collect::<Vec<_>>().len(),
                usize::from(attached.payload.is_some()) + usize::from(attached.value_key.is_some())
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (key, bytes) = stored("hello");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Envelope::decode(&key, &flipped).is_err(), "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert!(Envelope::decode(&key, &bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(Envelope::decode(&Key::new(b't').with(b"two"), &bytes).is_err(), "other key");
    }

    #[test]
    fn values_past_the_limit_are_refused() {
        let key = Key::new(b't');
        assert!(Envelope::encode(&key, &[0; MAX_VALUE_BYTES - 20], Attached::default()).is_ok());
        assert!(Envelope::encode(&key, &[0; MAX_VALUE_BYTES], Attached::default()).is_err());
    }

    #[test]
    fn an_unknown_version_is_said() {
        #[derive(Serialize, Deserialize)]
        struct Newer(String);
        impl Record for Newer {
            const VERSION: u8 = 4;
        }
        let (key, bytes) = stored("hello");
        let envelope = Envelope::decode(&key, &bytes).unwrap();
        assert!(matches!(envelope.value::<Newer>(), Err(StoreError::UnknownVersion(3))));
    }

    #[test]
    fn a_record_of_an_older_version_is_read() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Longer(String, u8);
        impl Record for Longer {
            const VERSION: u8 = 4;

            fn from_older(
                version: u8,
                fields: RecordFields<'_>,
            ) -> Option<Result<Self, StoreError>> {
                (version == 3).then(|| Ok(Self(fields.read()?, 7)))
            }
        }
        let (key, bytes) = stored("hello");
        let envelope = Envelope::decode(&key, &bytes).unwrap();
        assert_eq!(envelope.value::<Longer>().unwrap(), Longer("hello".into(), 7));
    }
}
