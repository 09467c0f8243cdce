//! The RSA-OAEP parameters of both keys.

use std::convert::Infallible;

use rsa::{
    Oaep,
    rand_core::{TryCryptoRng, TryRng},
};
use sha2::Sha256;

use crate::crypto::random::{Random, random_array};

/// SHA-256, MGF1 with SHA-256, an empty label: `RSA-OAEP-256` of RFC 7518.
pub(in crate::crypto) fn padding() -> Oaep<Sha256> {
    Oaep::new()
}

/// Adapts [`Random`] to the trait of the crates of RustCrypto.
pub(in crate::crypto) struct RustCryptoRandom<'a>(pub(in crate::crypto) &'a dyn Random);

impl TryRng for RustCryptoRandom<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(random_array(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(random_array(self.0)))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for RustCryptoRandom<'_> {}
