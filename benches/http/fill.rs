//! Many secrets at once, put into a data directory without HTTP, while no daemon runs.

use std::{collections::VecDeque, path::Path};

use sealdrop::{
    clock::Clock,
    config::Settings,
    crypto::{SystemRandom, random_array},
    domain::{
        administration,
        api_key::ApiKeys,
        ciphertext::{self, Ciphertext, PasswordPart},
        id::Ids,
        lifetime::{Lifetime, LifetimeRules},
        secret::{self, NewSecret},
    },
    store::Store,
};

use crate::requests::{self, PASSWORD_PART};

/// So many changes are kept waiting, so that every commit has a full group.
const WAITING: usize = 512;

/// A filled directory's account.
pub(crate) struct Filled {
    pub(crate) private_key: String,
    /// Of the secrets, in the order of their creation.
    pub(crate) ids: Vec<String>,
}

/// Makes an account in a new data directory with `count` secrets of `bytes` bytes, viewable once.
pub(crate) fn fill(data: &Path, count: usize, bytes: usize) -> Filled {
    let store = Store::open(data, Settings::default().cache_bytes).expect("a new store");
    let (random, now) = (SystemRandom, Clock::System.now());
    let account = administration::create_account(&store, "bench", 1_000_000_000, &random, now)
        .expect("an account");
    let private_key = account.private_key.expose_secret().to_owned();
    let account = ApiKeys::load(&store).expect("its keys").find(private_key.as_bytes());
    let account = account.expect("its key").account;
    let ids_of_store = Ids::load(&store, &random).expect("the mask of ids");

    let text = requests::ciphertext(bytes);
    let ciphertext = Ciphertext::new(&text, text.len()).expect("a ciphertext");
    let part = PasswordPart::new(PASSWORD_PART.into()).expect("half a password");
    let rules = LifetimeRules { min: 1, max: 350, default: 168 };
    let mut ids = Vec::with_capacity(count);
    let mut waiting = VecDeque::new();
    for number in 0..count + WAITING {
        if number < count {
            let secret_random: [u8; 15] = random_array(&random);
            let payload = ciphertext::to_payload(&ciphertext, &part);
            let new = NewSecret {
                random: secret_random,
                payload: store.seal(&random, &secret_random, payload).expect("room on the disk"),
                description: None,
                message: None,
                lifetime: Lifetime::new(None, rules).expect("the default"),
                view_button: false,
                captcha: false,
                password: None,
                max_views: std::num::NonZeroU8::MIN,
            };
            waiting.push_back(store.change(secret::create(account, new, now)));
        }
        if number >= WAITING
            && let Some(pending) = waiting.pop_front()
        {
            let (number, secret, _) = pending.wait().expect("a secret");
            ids.push(ids_of_store.text(&secret.id(number)));
        }
    }
    store.close();
    Filled { private_key, ids }
}
