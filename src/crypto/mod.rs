//! Only what the command line needs of this module, until the module itself arrives.

mod secret_bytes;

pub use secret_bytes::SecretText;
