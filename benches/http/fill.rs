//! Creates many secrets in a data directory without HTTP, while no daemon runs.

use std::{collections::VecDeque, path::Path};

use crate::requests::{self, PASSWORD_PART};
use sealdrop::{
    clock::Clock,
    config::Settings,
    crypto::{SystemRandom, random_array},
    domain::{
        account::api_key::ApiKeys,
        id::Ids,
        lifetime::{Lifetime, LifetimeRules},
        operator,
        secret::{
            self, MessageShown, NewSecret,
            ciphertext::{self, Ciphertext, PasswordPart},
        },
    },
    store::{PendingChange, Store, StoreError},
};

/// The number of changes that wait at once, so that every commit has a full group.
const WAITING: usize = 512;

/// The account of a filled directory.
pub(crate) struct Filled {
    pub(crate) private_key: String,
    /// The ids of the secrets, in the order of their creation.
    pub(crate) ids: Vec<String>,
}

/// Creates an account in a new data directory with `count` secrets of `bytes` bytes, viewable once.
pub(crate) fn fill(data: &Path, count: usize, bytes: usize) -> Filled {
    let store = Store::open(data, Settings::default().cache_bytes).expect("a new store");
    let (random, now) = (SystemRandom, Clock::system(store.time()).now());
    let account =
        operator::create_account(&store, "bench", 1_000_000_000, &random, now).expect("an account");
    let private_key = account.private_key.expose_secret().to_owned();
    let account = ApiKeys::load(&store).expect("its keys").find(private_key.as_bytes());
    let account = account.expect("its key").account;
    let ids_of_store = Ids::load(&store, &random).expect("the mask of ids");

    let secrets = NewSecrets::new(&store, bytes);
    let mut ids = Vec::with_capacity(count);
    let changes = (0..count).map(|_| store.change(secret::create(account, secrets.one(), now)));
    wait_all(changes, |(number, secret, _)| ids.push(ids_of_store.text(&secret.id(number))));
    store.close();
    Filled { private_key, ids }
}

/// Creates secrets of one size, viewable once.
pub(crate) struct NewSecrets {
    store: Store,
    ciphertext: Ciphertext,
    part: PasswordPart,
}

impl NewSecrets {
    pub(crate) fn new(store: &Store, bytes: usize) -> Self {
        let text = requests::ciphertext(bytes);
        let ciphertext = Ciphertext::new(&text, text.len()).expect("a ciphertext");
        let part = PasswordPart::new(PASSWORD_PART.into()).expect("half a password");
        Self { store: store.clone(), ciphertext, part }
    }

    /// The next secret, sealed.
    pub(crate) fn one(&self) -> NewSecret {
        let random: [u8; 15] = random_array(&SystemRandom);
        let payload = ciphertext::to_payload(&self.ciphertext, &self.part);
        let rules = LifetimeRules { min: 1, max: 350, default: 168 };
        NewSecret {
            random,
            payload: self.store.seal(&SystemRandom, &random, payload).expect("room on the disk"),
            description: None,
            message: None,
            message_shown: MessageShown::With,
            is_from_owner: true,
            lifetime: Lifetime::new(None, rules).expect("the default"),
            view_button: false,
            captcha: false,
            password: None,
            max_views: std::num::NonZeroU8::MIN,
            attachments: None,
            reply_key: None,
        }
    }
}

/// Waits for changes in order, some hundreds at once.
pub(crate) fn wait_all<T, E: From<StoreError> + std::fmt::Debug>(
    changes: impl Iterator<Item = PendingChange<T, E>>,
    mut done: impl FnMut(T),
) {
    let mut waiting = VecDeque::new();
    for change in changes {
        waiting.push_back(change);
        if waiting.len() == WAITING
            && let Some(first) = waiting.pop_front()
        {
            done(first.wait().expect("a change"));
        }
    }
    waiting.into_iter().for_each(|last| done(last.wait().expect("a change")));
}
