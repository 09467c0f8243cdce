//! A JSON Web Key is refused, or it is a key that can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdrop::crypto::PublicKey;

fuzz_target!(|text: &str| {
    if text.trim_start().starts_with('{')
        && let Ok(key) = PublicKey::parse(text)
    {
        assert_eq!(PublicKey::parse(&key.to_jwk()), Ok(key));
    }
});
