//! Random operations on accounts, their API keys, webhooks and settings, checked against a simple model.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    AccountError,
    api_key::{
        ApiKeyError, ApiKeys, AskedBy, KeyKind, KeyRights, KeyedError, NewApiKey, RevokedBy,
        key_hash, key_id, of_account, with_key,
    },
    display_name::{DisplayName, display_name, display_name_set},
    find_account,
};
use crate::{
    clock::{UnixDay, UnixSeconds},
    crypto::SeededRandom,
    domain::{
        notify::{
            self,
            event::WebhookEventKind,
            mailbox::Mailbox,
            webhook::{self, MAX_WEBHOOKS, WebhookError, WebhookUrl},
        },
        numbers::AccountNumber,
        operator,
    },
    store::{
        Store,
        faulty::{ModelStore, over_engines},
    },
};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const NAMES: [&str; 2] = ["alice", "bob"];

#[derive(Clone, Debug)]
enum Operation {
    CreateAccount(usize),
    DeleteAccount(usize),
    OperatorKey(usize, KeyKind),
    /// By one key: another key.
    Create(Picked, KeyKind),
    /// By one key, of another one.
    Rename(Picked, Picked, bool),
    Revoke(Picked, Picked, bool),
    OperatorRevoke(Picked),
    Use(Picked),
    AddWebhook(Picked),
    RemoveWebhook(Picked, Picked),
    /// By a key: the display name and the address for notifications.
    Change(Picked, Option<bool>, Option<bool>),
    Reopen,
}

type Picked = prop::sample::Index;

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let name = 0..NAMES.len();
    let kind = prop_oneof![3 => Just(KeyKind::Private), 1 => Just(KeyKind::Public)];
    let one = any::<Picked>;
    let setting = || prop::option::of(any::<bool>());
    let operation = prop_oneof![
        2 => name.clone().prop_map(Operation::CreateAccount),
        1 => name.clone().prop_map(Operation::DeleteAccount),
        2 => (name, kind.clone()).prop_map(|(name, kind)| Operation::OperatorKey(name, kind)),
        4 => (one(), kind).prop_map(|(by, kind)| Operation::Create(by, kind)),
        2 => (one(), one(), any::<bool>()).prop_map(|(by, of, named)| Operation::Rename(by, of, named)),
        4 => (one(), one(), any::<bool>()).prop_map(|(by, of, own)| Operation::Revoke(by, of, own)),
        1 => one().prop_map(Operation::OperatorRevoke),
        1 => one().prop_map(Operation::Use),
        3 => one().prop_map(Operation::AddWebhook),
        2 => (one(), one()).prop_map(|(by, hook)| Operation::RemoveWebhook(by, hook)),
        3 => (one(), setting(), setting())
            .prop_map(|(by, name, email)| Operation::Change(by, name, email)),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(operation, 1..24).prop_map(|mut operations| {
        operations.insert(0, Operation::CreateAccount(0));
        operations
    })
}

struct ExpectedKey {
    hash: [u8; 32],
    text: String,
    rights: KeyRights,
    is_live: bool,
    name: Option<DisplayName>,
    used: Option<UnixDay>,
}

struct ExpectedAccount {
    name: &'static str,
    number: AccountNumber,
    is_live: bool,
    webhooks: Vec<String>,
    display_name: Option<DisplayName>,
    email: Option<Mailbox>,
}

struct World {
    home: ModelStore,
    accounts: Vec<ExpectedAccount>,
    keys: Vec<ExpectedKey>,
    /// The ids of all webhooks so far.
    hooks: Vec<String>,
    day: u32,
}

fn is_revoked<T>(outcome: &Result<T, ApiKeyError>) -> bool {
    matches!(outcome, Err(ApiKeyError::Account(AccountError::Revoked)))
}

impl World {
    fn store(&self) -> Store {
        self.home.store()
    }

    fn random(&self) -> Arc<SeededRandom> {
        self.home.random()
    }

    fn account(&mut self, number: AccountNumber) -> &mut ExpectedAccount {
        self.accounts.iter_mut().find(|account| account.number == number).unwrap()
    }

    fn live_account(&self, name: &str) -> Option<AccountNumber> {
        let mut live = self.accounts.iter().filter(|account| account.is_live);
        live.find(|account| account.name == name).map(|account| account.number)
    }

    fn learn(&mut self, new: &NewApiKey) {
        let (text, stored) = (new.key.expose_secret().to_owned(), &new.stored);
        assert_eq!(key_hash(text.as_bytes()), stored.hash);
        let rights = KeyRights { account: stored.key.account, kind: stored.key.kind };
        let (hash, name) = (stored.hash, stored.key.name.clone());
        self.keys.push(ExpectedKey { hash, text, rights, is_live: true, name, used: None });
    }

    fn run(&mut self, operation: Operation) {
        if matches!(operation, Operation::Reopen) {
            return self.home.reopen();
        }
        let store = self.store();
        let keys = ApiKeys::load(&store).unwrap();
        let picked = |index: Picked| index.index(self.keys.len());
        match operation {
            Operation::CreateAccount(name) => self.create_account(&store, NAMES[name]),
            Operation::DeleteAccount(name) => self.delete_account(&store, NAMES[name]),
            Operation::OperatorKey(name, kind) => {
                let (random, name) = (self.random(), NAMES[name]);
                let made = operator::create_key(&store, name, (kind, None), &*random, NOW);
                match self.live_account(name) {
                    Some(_) => self.learn(&made.ok().unwrap()),
                    None => assert!(matches!(made, Err(AccountError::Unknown(_)))),
                }
            }
            Operation::Create(by, kind) => {
                let by = &self.keys[picked(by)];
                let (account, asked) = (by.rights.account, AskedBy::Key(by.hash));
                let made = keys.create(&store, account, (kind, None), asked, &*self.random(), NOW);
                match by.is_live {
                    true => {
                        let made = made.ok().unwrap();
                        assert!(keys.find(made.key.expose_secret().as_bytes()).is_some());
                        self.learn(&made);
                    }
                    false => assert!(is_revoked(&made)),
                }
            }
            Operation::Rename(by, of, is_named) => {
                let (by, of) = (picked(by), picked(of));
                let name = is_named.then(|| DisplayName::new("a name").unwrap());
                let (by, key) = (&self.keys[by], &self.keys[of]);
                let (account, asked) = (by.rights.account, AskedBy::Key(by.hash));
                let renamed = keys.rename(&store, account, &key_id(&key.hash), name.clone(), asked);
                if !key.is_live || key.rights.account != account {
                    assert!(matches!(renamed, Err(ApiKeyError::Unknown)));
                } else if !by.is_live {
                    assert!(is_revoked(&renamed));
                } else {
                    assert_eq!(renamed.unwrap().key.name, name);
                    self.keys[of].name = name;
                }
            }
            Operation::Revoke(by, of, may_be_itself) => {
                let (by, of) = (picked(by), picked(of));
                self.revoke(&store, &keys, (by, of), may_be_itself);
            }
            Operation::OperatorRevoke(of) => {
                let key = picked(of);
                let key = &mut self.keys[key];
                let revoked = operator::revoke_key(&store, &key_id(&key.hash));
                assert_eq!(revoked.is_ok(), key.is_live);
                assert!(key.is_live || matches!(revoked, Err(AccountError::UnknownKey(_))));
                key.is_live = false;
            }
            Operation::Use(key) => {
                self.day += 2;
                let (key, day) = (picked(key), UnixDay(self.day));
                let key = &mut self.keys[key];
                let found = keys.recognize(key.text.as_bytes(), day);
                assert_eq!(found, key.is_live.then_some(key.rights));
                keys.write_uses(&store).unwrap();
                key.used = Some(day);
            }
            Operation::AddWebhook(by) => {
                let by = picked(by);
                self.add_webhook(&store, by);
            }
            Operation::RemoveWebhook(by, hook) => {
                let by = picked(by);
                if !self.hooks.is_empty() {
                    let id = self.hooks[hook.index(self.hooks.len())].clone();
                    self.remove_webhook(&store, by, &id);
                }
            }
            Operation::Change(by, name, email) => {
                let by = picked(by);
                self.change(&store, by, name, email);
            }
            Operation::Reopen => unreachable!("done above"),
        }
        self.check();
    }

    fn create_account(&mut self, store: &Store, name: &'static str) {
        let made = operator::create_account(store, name, 10, &*self.random(), NOW);
        if self.live_account(name).is_some() {
            assert!(matches!(made, Err(AccountError::Exists(_))));
            return;
        }
        let made = made.ok().unwrap();
        let number = find_account(store, name).unwrap();
        assert!(self.accounts.iter().all(|account| account.number != number));
        for (key, kind) in
            [(made.private_key, KeyKind::Private), (made.public_key, KeyKind::Public)]
        {
            let text = key.expose_secret().to_owned();
            let rights = KeyRights { account: number, kind };
            let hash = key_hash(text.as_bytes());
            self.keys.push(ExpectedKey {
                hash,
                text,
                rights,
                is_live: true,
                name: None,
                used: None,
            });
        }
        self.accounts.push(ExpectedAccount {
            name,
            number,
            is_live: true,
            webhooks: Vec::new(),
            display_name: None,
            email: None,
        });
    }

    fn delete_account(&mut self, store: &Store, name: &'static str) {
        let deleted = operator::delete_account(store, name, NOW);
        let Some(number) = self.live_account(name) else {
            assert!(matches!(deleted, Err(AccountError::Unknown(_))));
            return;
        };
        assert_eq!(deleted.unwrap(), 0);
        let own = self.keys.iter_mut().filter(|key| key.rights.account == number);
        own.for_each(|key| key.is_live = false);
        let account = self.account(number);
        account.is_live = false;
        account.webhooks.clear();
        (account.display_name, account.email) = (None, None);
    }

    fn revoke(
        &mut self,
        store: &Store,
        keys: &ApiKeys,
        (by, of): (usize, usize),
        may_be_itself: bool,
    ) {
        let (asked, key) = (&self.keys[by], &self.keys[of]);
        let account = asked.rights.account;
        let revoked_by = RevokedBy { key: asked.hash, may_be_itself };
        let outcome = keys.revoke(store, account, &key_id(&key.hash), revoked_by);
        let is_other_private = |at: &usize| {
            let other = &self.keys[*at];
            let is_private = other.rights == KeyRights { account, kind: KeyKind::Private };
            *at != of && other.is_live && is_private
        };
        let is_last = key.rights.kind == KeyKind::Private
            && !(0..self.keys.len()).any(|at| is_other_private(&at));
        if !key.is_live || key.rights.account != account {
            assert!(matches!(outcome, Err(ApiKeyError::Unknown)));
        } else if is_last {
            assert!(matches!(outcome, Err(ApiKeyError::LastPrivate)));
        } else if by == of && !may_be_itself {
            assert!(matches!(outcome, Err(ApiKeyError::Own)));
        } else if !asked.is_live {
            assert!(is_revoked(&outcome));
        } else {
            outcome.unwrap();
            assert!(keys.find(key.text.as_bytes()).is_none());
            self.keys[of].is_live = false;
        }
    }

    fn add_webhook(&mut self, store: &Store, by: usize) {
        let by = &self.keys[by];
        let (number, is_live, asked) = (by.rights.account, by.is_live, AskedBy::Key(by.hash));
        let url = WebhookUrl::parse("https://example.org/hook", false).unwrap();
        let events = [WebhookEventKind::SecretViewed];
        let added = webhook::add(store, number, &url, &events, asked, &*self.random(), NOW);
        if !is_live {
            assert!(matches!(added, Err(WebhookError::Account(AccountError::Revoked))));
        } else if self.account(number).webhooks.len() == MAX_WEBHOOKS {
            assert!(matches!(added, Err(WebhookError::TooMany)));
        } else {
            let id = added.ok().unwrap().id;
            assert!(!self.hooks.contains(&id), "an id is used once");
            self.hooks.push(id.clone());
            self.account(number).webhooks.push(id);
        }
    }

    fn remove_webhook(&mut self, store: &Store, by: usize, id: &str) {
        let by = &self.keys[by];
        let (number, is_live, asked) = (by.rights.account, by.is_live, AskedBy::Key(by.hash));
        let removed = webhook::find(store, Some(number), id)
            .and_then(|number| webhook::remove(store, number, asked));
        let own = &mut self.account(number).webhooks;
        let Some(place) = own.iter().position(|own| own == id) else {
            assert!(matches!(removed, Err(WebhookError::Unknown(_))));
            return;
        };
        if !is_live {
            assert!(matches!(removed, Err(WebhookError::Account(AccountError::Revoked))));
            return;
        }
        own.remove(place);
        assert!(removed.is_ok());
    }

    fn change(&mut self, store: &Store, by: usize, name: Option<bool>, email: Option<bool>) {
        let by = &self.keys[by];
        let (number, is_live) = (by.rights.account, by.is_live);
        let new_name = name.map(|some| some.then(|| DisplayName::new("Somebody").unwrap()));
        let new_email = email.map(|some| some.then(|| Mailbox::new("a@example.org").unwrap()));
        let set_name = new_name.clone().map(|name| display_name_set(number, name));
        let set_email = new_email.clone().map(|email| notify::email_set(number, email, [7; 16]));
        let changed = store.change(with_key(by.hash, move |transaction| {
            set_name.as_ref().map_or(Ok(()), |set| set(transaction))?;
            set_email.as_ref().map_or(Ok::<_, AccountError>(()), |set| set(transaction))
        }));
        match changed.wait() {
            Ok(()) => assert!(is_live),
            Err(error) => assert!(!is_live && matches!(error, KeyedError::Revoked), "{error}"),
        }
        if is_live {
            let account = self.account(number);
            account.display_name = new_name.unwrap_or(account.display_name.take());
            account.email = new_email.unwrap_or(account.email.take());
        }
    }

    fn check(&self) {
        let store = self.store();
        let keys = ApiKeys::load(&store).unwrap();
        for key in &self.keys {
            assert_eq!(keys.find(key.text.as_bytes()), key.is_live.then_some(key.rights));
        }
        let mut listed = operator::accounts(&store).unwrap().into_iter();
        for account in &self.accounts {
            let number = account.number;
            let mut stored = of_account(&store, number).unwrap();
            stored.sort_by_key(|stored| stored.hash);
            let own = self.keys.iter().filter(|key| key.is_live && key.rights.account == number);
            let mut own: Vec<_> = own.map(|key| (key.hash, key.name.clone(), key.used)).collect();
            own.sort_by_key(|(hash, ..)| *hash);
            let stored: Vec<_> = stored
                .into_iter()
                .map(|stored| (stored.hash, stored.key.name, stored.key.last_used))
                .collect();
            assert_eq!(stored, own);
            if account.is_live {
                let (found, _, count) = listed.next().unwrap();
                assert_eq!((&*found.name, count), (account.name, own.len() as u64));
            }
            assert_eq!(display_name(&store, number).unwrap(), account.display_name);
            assert_eq!(notify::email(&store, number).unwrap(), account.email);
        }
        assert!(listed.next().is_none());
    }

    /// Reads all webhooks with their addresses, each in a change.
    fn check_webhooks(&self) {
        let store = self.store();
        for account in &self.accounts {
            let mut listed: Vec<String> = webhook::list(&store, Some(account.number))
                .unwrap()
                .into_iter()
                .map(|listed| listed.id)
                .collect();
            let mut own = account.webhooks.clone();
            listed.sort();
            own.sort();
            assert_eq!(listed, own);
        }
    }
}

fn check(operations: Vec<Operation>, home: ModelStore) {
    let (accounts, keys, hooks) = (Vec::new(), Vec::new(), Vec::new());
    let mut world = World { home, accounts, keys, hooks, day: 20_000 };
    operations.into_iter().for_each(|operation| world.run(operation));
    world.check_webhooks();
    world.home.reopen();
    // Each address has a key of its own.
    let sealed = world
        .accounts
        .iter()
        .map(|account| account.webhooks.len() + usize::from(account.email.is_some()));
    assert_eq!(world.home.keys_and_files(), (sealed.sum(), 0));
}

over_engines!(operations(), check);
