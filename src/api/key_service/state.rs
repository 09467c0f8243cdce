//! The state that the operations of the Key Service share, and the operator's settings for it.

use std::sync::Arc;

use super::{guesses::Guesses, key_pool::KeyPool, tickets::Tickets};
use crate::{
    api::load::places::Places,
    config::{Boxes, TryLimits},
    crypto::{Random, RsaBits},
    domain::{
        drop_box,
        limits::{client_net::ClientNet, try_limit::TryLimit},
        numbers::BoxNumber,
    },
};

/// The state that the operations of the Key Service share.
pub struct KeyService {
    /// The operator's settings.
    pub rules: ServiceRules,
    /// Keys for new boxes.
    pub pool: KeyPool,
    /// Tickets for files.
    pub tickets: Arc<Tickets>,
    /// Limits on guesses of passphrases.
    pub guesses: Guesses,
    /// Places for uploads of files.
    pub(in crate::api) uploads: Places<BoxNumber>,
    /// Limits on mailing messages that destroy themselves.
    pub mailings: TryLimit<ClientNet>,
}

/// The operator's settings for the Key Service.
#[derive(Clone, Debug)]
pub struct ServiceRules {
    /// Which clients may create boxes.
    pub creation: Boxes,
    /// The size of new keys.
    pub rsa_bits: RsaBits,
    /// The number of prepared keys.
    pub key_pool: usize,
    /// Rounds of PBKDF2 for the passphrase of a new box.
    pub iterations: u32,
    /// The maximum size of all parameters of a body together, in bytes.
    pub max_text: usize,
    /// The maximum size of a file, also when decompressed, in bytes; `None` for no limit.
    pub max_upload: Option<u64>,
    /// The limits on the content of a box.
    pub limits: drop_box::BoxLimits,
    /// The public URL of the server, without a slash at the end.
    pub public_url: Option<String>,
    /// Whether requests come over HTTPS: then links without a public URL begin with `https://`.
    pub is_https: bool,
}

impl KeyService {
    /// Makes the state, and starts to prepare keys.
    #[must_use]
    pub fn new(rules: ServiceRules, limits: TryLimits, random: Arc<dyn Random>) -> Self {
        Self {
            pool: KeyPool::start(rules.rsa_bits, rules.key_pool, random),
            tickets: Arc::default(),
            guesses: Guesses::new(limits),
            uploads: Places::default(),
            mailings: TryLimit::new(limits.self_destruct_rule()),
            rules,
        }
    }
}
