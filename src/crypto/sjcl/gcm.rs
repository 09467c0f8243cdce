//! AES-256-GCM (NIST SP 800-38D) in the variants of SJCL: IVs of any length up to a block, and tags
//! truncated to 64 or 96 bits.

use aes::Aes256;
use aes_gcm::{
    AeadInOut, AesGcm, KeyInit, Nonce,
    aead::{
        array::ArraySize,
        consts::{U8, U9, U10, U11, U12, U13, U14, U15, U16},
    },
};

use crate::crypto::secret_bytes::SecretBytes;

/// The length of the tag in a message, of at most 16 bytes: SJCL's `ts`, which is in bits.
///
/// # Security
///
/// With 8 bytes one forgery in 2^64 is accepted. This is acceptable, because a secret's key seals one
/// message, and each attempt needs its password. Messages sealed here have 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagLength {
    Bytes8,
    Bytes12,
    Bytes16,
}

impl TagLength {
    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            64 => Some(Self::Bytes8),
            96 => Some(Self::Bytes12),
            128 => Some(Self::Bytes16),
            _ => None,
        }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Bytes8 => 8,
            Self::Bytes12 => 12,
            Self::Bytes16 => 16,
        }
    }
}

/// Decrypts `sealed`, ciphertext and tag, in place. `None` for the wrong key or changed data, and for an IV
/// outside of 8 to 16 bytes, which no message has.
pub(super) fn open(
    key: &[u8; 32],
    iv: &[u8],
    tag: TagLength,
    associated_data: &[u8],
    sealed: Vec<u8>,
) -> Option<SecretBytes> {
    // AES-GCM hashes an IV that is not 12 bytes long, and the crate has the length in its type.
    let open = match iv.len() {
        8 => open_with_iv::<U8>,
        9 => open_with_iv::<U9>,
        10 => open_with_iv::<U10>,
        11 => open_with_iv::<U11>,
        12 => open_with_iv::<U12>,
        13 => open_with_iv::<U13>,
        14 => open_with_iv::<U14>,
        15 => open_with_iv::<U15>,
        16 => open_with_iv::<U16>,
        _ => return None,
    };
    let mut opened = sealed;
    let length = opened.len().checked_sub(tag.bytes())?;
    let (ciphertext, tag_bytes) = opened.split_at_mut_checked(length)?;
    open(key, iv, tag, associated_data, ciphertext, tag_bytes)?;
    opened.truncate(length);
    Some(SecretBytes::new(opened))
}

/// Encrypts into new memory, followed by the tag of 16 bytes.
///
/// # Panics
///
/// For more than 64 GiB.
pub(super) fn seal<Iv: ArraySize>(key: &[u8; 32], iv: &Nonce<Iv>, plaintext: &[u8]) -> Vec<u8> {
    // Reserves room for the tag: a vector that grows would leave a copy of the plaintext in memory.
    let mut sealed = Vec::with_capacity(plaintext.len() + TagLength::Bytes16.bytes());
    sealed.extend_from_slice(plaintext);
    let tag = AesGcm::<Aes256, Iv>::new(key.into())
        .encrypt_inout_detached(iv, b"", sealed.as_mut_slice().into())
        .expect("a secret has less than the 64 GiB that AES-GCM takes");
    sealed.extend_from_slice(&tag);
    sealed
}

fn open_with_iv<Iv: ArraySize>(
    key: &[u8; 32],
    iv: &[u8],
    tag: TagLength,
    associated_data: &[u8],
    buffer: &mut [u8],
    tag_bytes: &[u8],
) -> Option<()> {
    match tag {
        TagLength::Bytes8 => open_with::<Iv, U8>(key, iv, associated_data, buffer, tag_bytes),
        TagLength::Bytes12 => open_with::<Iv, U12>(key, iv, associated_data, buffer, tag_bytes),
        TagLength::Bytes16 => open_with::<Iv, U16>(key, iv, associated_data, buffer, tag_bytes),
    }
}

fn open_with<Iv: ArraySize, Tag: aes_gcm::TagSize>(
    key: &[u8; 32],
    iv: &[u8],
    associated_data: &[u8],
    buffer: &mut [u8],
    tag: &[u8],
) -> Option<()> {
    AesGcm::<Aes256, Iv, Tag>::new(key.into())
        .decrypt_inout_detached(
            iv.try_into().ok()?,
            associated_data,
            buffer.into(),
            tag.try_into().ok()?,
        )
        .ok()
}
