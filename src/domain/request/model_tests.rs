//! Random operations on requests, checked against a simple model.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    super::{secret, sweep::sweep},
    *,
};
use crate::{
    crypto::{AnswerPrivateKey, SecretText, SeededRandom, random_array},
    domain::{lifetime::LifetimeRules, operator, page::PageStart, secret::list as secret_list},
    store::faulty::{ModelStore, over_engines},
};

/// 2026-11-02T00:00:00Z, so that no run of operations leaves the month.
const START: u64 = 1_793_577_600;
const HOUR: u64 = 3600;
const KEEP_LOG: u64 = 3 * HOUR;
const ALLOWANCE: u64 = 12;
const SECRETS_ALLOWANCE: u64 = 15;
const RULES: LifetimeRules = LifetimeRules { min: 1, max: 350, default: 0 };

#[derive(Clone, Debug)]
enum Operation {
    Create { limit: u16, hours: u64, texts: bool, sealed: bool },
    Answer(prop::sample::Index),
    Delete(prop::sample::Index),
    DeleteSecret(prop::sample::Index),
    Wait { minutes: u64 },
    Sweep,
    Reopen,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let index = any::<prop::sample::Index>;
    let create = (1..4_u16, 0..4_u64, any::<bool>(), any::<bool>()).prop_map(
        |(limit, hours, texts, sealed)| Operation::Create { limit, hours, texts, sealed },
    );
    let operation = prop_oneof![
        6 => create,
        9 => index().prop_map(Operation::Answer),
        2 => index().prop_map(Operation::Delete),
        1 => index().prop_map(Operation::DeleteSecret),
        3 => (0..200_u64).prop_map(|minutes| Operation::Wait { minutes }),
        3 => Just(Operation::Sweep),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(operation, 1..60)
}

/// The expected state of a request.
struct Expected {
    id: RequestId,
    limit: u16,
    message: Option<String>,
    used: u16,
    secrets: Vec<SecretId>,
    expires_at: Option<u64>,
    used_up_at: Option<u64>,
    listed: bool,
    /// Whether it has a key for answers.
    sealed: bool,
    /// The time at which it is checked again, because its answers could be viewed at its deletion.
    postponed: Option<u64>,
}

impl Expected {
    fn ended_at(&self, now: u64) -> Option<u64> {
        self.used_up_at.or(self.expires_at.filter(|end| now >= *end))
    }

    fn is_open(&self, now: u64) -> bool {
        self.listed && self.ended_at(now).is_none()
    }
}

struct World {
    home: ModelStore,
    account: AccountNumber,
    now: u64,
    requests: Vec<Expected>,
    /// The secrets in the list, oldest first.
    secrets: Vec<SecretId>,
    made: u64,
    key: AnswerPrivateKey,
}

impl World {
    fn new() -> Self {
        Self::over(ModelStore::in_directory(0))
    }

    fn over(home: ModelStore) -> Self {
        let (store, random, start) = (home.store(), home.random(), UnixSeconds(START));
        let create = operator::create_account;
        create(&store, "model", SECRETS_ALLOWANCE, &*random, start).unwrap();
        let account = store.get(&schema::account_name("model")).unwrap().unwrap();
        Self {
            home,
            account,
            now: START,
            requests: Vec::new(),
            secrets: Vec::new(),
            made: 0,
            key: AnswerPrivateKey::generate(&*random),
        }
    }

    fn store(&self) -> Store {
        self.home.store()
    }

    fn random(&self) -> Arc<SeededRandom> {
        self.home.random()
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.now)
    }

    fn run(&mut self, operation: Operation) {
        let picked =
            |index: prop::sample::Index, among: usize| (among > 0).then(|| index.index(among));
        match operation {
            Operation::Create { limit, hours, texts, sealed } => {
                self.create(limit, hours, texts, sealed);
            }
            Operation::Answer(index) => {
                picked(index, self.requests.len()).into_iter().for_each(|at| self.answer(at));
            }
            Operation::Delete(index) => {
                picked(index, self.requests.len()).into_iter().for_each(|at| self.delete(at));
            }
            Operation::DeleteSecret(index) => {
                if let Some(at) = picked(index, self.secrets.len()) {
                    let id = self.secrets.remove(at);
                    let delete = secret::delete(self.account, id, self.now());
                    self.store().change(delete).wait().unwrap();
                }
            }
            Operation::Wait { minutes } => self.now += minutes * 60,
            Operation::Sweep => self.sweep(),
            Operation::Reopen => self.home.reopen(),
        }
        self.check_lists();
    }

    fn create(&mut self, limit: u16, hours: u64, texts: bool, sealed: bool) {
        let text = |name: &str| texts.then(|| Text::new(format!("{name} of one")).unwrap());
        let id = RequestId::new(&*self.random());
        let new = NewRequest {
            id: id.clone(),
            texts: Texts {
                description: text("description"),
                message: text("message"),
                secret_description: text("secret description"),
                secret_message: text("secret message"),
            },
            lifetime: Lifetime::new(Some(hours), RULES).unwrap(),
            limit: NonZeroU16::new(limit).unwrap(),
            send_request_to: None,
            send_to: None,
            language: None,
            secret_lifetime: Lifetime::new(None, RULES).unwrap(),
            secret_max_views: NonZeroU8::new(7).unwrap(),
            secret_password: texts
                .then(|| PasswordHash::new(&SecretText::new("p".into()), 1, &*self.random())),
            answer_key: sealed.then(|| StoredAnswerKey::from(&self.key.public())),
        };
        let create = create(self.account, new, ALLOWANCE, self.now());
        let outcome = self.store().change(create).wait();
        let listed = self.requests.iter().filter(|request| request.listed).count() as u64;
        if listed == ALLOWANCE {
            assert!(matches!(outcome, Err(RequestError::OverAllowance(ALLOWANCE))));
            return;
        }
        assert_eq!(outcome.unwrap().secret_requests_total, listed + 1);
        self.requests.push(Expected {
            id,
            limit,
            message: texts.then(|| "message of one".into()),
            used: 0,
            secrets: Vec::new(),
            expires_at: (hours > 0).then(|| self.now + hours * HOUR),
            used_up_at: None,
            listed: true,
            sealed,
            postponed: None,
        });
    }

    fn answer(&mut self, index: usize) {
        let now = self.now();
        let expected = &self.requests[index];
        let found = look(&self.store(), &expected.id, now);
        if !expected.is_open(now.0) {
            assert!(
                matches!(found, Err(RequestError::NotFound)),
                "a request is found after its end"
            );
            return;
        }
        let found = found.map_err(|error| error.to_string()).unwrap();
        assert_eq!(found.texts.message.clone().map(Text::into_string), expected.message);
        assert_eq!(found.request.uses_left(), expected.limit - expected.used);
        let random: [u8; 15] = random_array(&*self.random());
        let payload = self.store().seal(&*self.random(), &random, b"secret".to_vec()).unwrap();
        let sealed_part = expected.sealed.then(|| {
            let half = SecretText::new("half".into());
            let sealed = self.key.public().seal("id", &half, &*self.random()).unwrap();
            SealedHalf::new(sealed).unwrap()
        });
        let input = Handed { random, payload, mail: None, attachments: None, sealed_part };
        let outcome = self.store().change(answer(found, input, now, KEEP_LOG)).wait();
        if self.made == SECRETS_ALLOWANCE {
            assert!(matches!(outcome, Err(RequestError::ReceiverOverAllowance)));
            return;
        }
        let (id, secret) = outcome.map_err(|error| error.to_string()).unwrap();
        let expected = &mut self.requests[index];
        assert_eq!((secret.max_views.get(), secret.expires_at), (7, None));
        assert_eq!(secret.has_password, expected.message.is_some());
        expected.used += 1;
        expected.secrets.push(id);
        if expected.used == expected.limit {
            expected.used_up_at = Some(now.0);
        }
        self.secrets.push(id);
        self.made += 1;
    }

    fn delete(&mut self, index: usize) {
        let delete = delete(self.account, self.requests[index].id.clone(), ALLOWANCE, self.now());
        let outcome = self.store().change(delete).wait();
        let listed = std::mem::replace(&mut self.requests[index].listed, false);
        assert_eq!(outcome.is_ok(), listed);
    }

    fn sweep(&mut self) {
        let now = self.now;
        sweep(&self.store(), self.now(), KEEP_LOG).unwrap();
        for request in &mut self.requests {
            let Some(end) = request.ended_at(now).filter(|_| request.listed) else { continue };
            if now < request.postponed.unwrap_or(end + KEEP_LOG) {
                continue;
            }
            let has_answers = request.secrets.iter().any(|id| self.secrets.contains(id));
            if request.sealed && has_answers {
                request.postponed = Some(now + 24 * HOUR);
            } else {
                request.listed = false;
            }
        }
        // An open request has its index entry at its expiry, an ended one at its deletion from the list.
        let mut dues: Vec<u64> = self
            .requests
            .iter()
            .filter(|request| request.listed)
            .filter_map(|request| match request.ended_at(now) {
                Some(end) => Some(request.postponed.unwrap_or(end + KEEP_LOG)),
                None => request.expires_at,
            })
            .collect();
        dues.sort_unstable();
        let found = self.store().keys(&schema::request_dues());
        let found: Vec<u64> = found.map(|key| schema::due_at(&key.unwrap()).unwrap().0).collect();
        assert_eq!(found, dues);
    }

    fn check_lists(&self) {
        let now = self.now();
        let start = PageStart::Offset(0);
        let store = self.store();
        let in_list = |mut ids: Vec<SecretId>| {
            if store.process() != 0 {
                // The numbers of several processes interleave.
                ids.sort_by_key(|id| id.number);
            }
            ids
        };
        let page = list(&store, self.account, start, ALLOWANCE, now).unwrap();
        let RequestPage { entries: listed, metadata, .. } = page;
        let expected: Vec<&Expected> =
            self.requests.iter().rev().filter(|request| request.listed).collect();
        assert_eq!(metadata.secret_requests_total, expected.len() as u64);
        assert_eq!(metadata.secrets.secrets_usage, self.made);
        assert_eq!(listed.len(), expected.len());
        for (listed, expected) in listed.iter().zip(expected) {
            assert!(listed.request.id == expected.id);
            assert_eq!(listed.request.used, expected.used);
            assert_eq!(listed.request.is_open(now), expected.is_open(self.now));
            let there = expected.secrets.iter().filter(|id| self.secrets.contains(id));
            assert_eq!(listed.secrets, in_list(there.copied().collect()));
        }
        let start = PageStart::Offset(0);
        let secrets = secret_list::list(&store, self.account, start, now).unwrap().entries;
        let secrets: Vec<SecretId> =
            secrets.iter().rev().map(|listed| listed.secret.id(listed.number)).collect();
        assert_eq!(secrets, in_list(self.secrets.clone()));
        // Deleted requests have no records left.
        let listed = self.requests.iter().filter(|request| request.listed);
        let counts = listed.fold([0; 5], |[ids, texts, made, keys, parts], request| {
            let fields = if request.message.is_some() { 4 } else { 0 };
            let all = request.secrets.len();
            let (key, sealed) = if request.sealed { (1, all) } else { (0, 0) };
            [ids + 1, texts + fields, made + all, keys + key, parts + sealed]
        });
        assert_eq!(self.left(), counts);
    }

    /// The number of records of ids, of texts, of created secrets, of keys for answers and of sealed parts.
    fn left(&self) -> [usize; 5] {
        [b'u', b'q', b'w', b'K', b'W']
            .map(|prefix| self.store().keys(&crate::store::Key::new(prefix)).count())
    }
}

fn check(operations: Vec<Operation>, home: ModelStore) {
    let mut world = World::over(home);
    for operation in operations {
        world.run(operation);
    }
    world.run(Operation::Reopen);
    let deleted = operator::delete_account(&world.store(), "model", world.now()).unwrap();
    assert_eq!(deleted, world.secrets.len() as u64);
    assert_eq!(world.left(), [0; 5]);
    assert_eq!(world.store().keys(&schema::requests(world.account)).count(), 0);
    for request in &world.requests {
        assert!(look(&world.store(), &request.id, world.now()).is_err());
    }
    // The remaining index entries point to no record, and are deleted by the next sweeps.
    sweep(&world.store(), UnixSeconds(world.now + 1000 * HOUR), KEEP_LOG).unwrap();
    assert_eq!(world.store().keys(&schema::request_dues()).count(), 0);
}

over_engines!(operations(), check);

/// Deleting an account deletes everything that was created on its behalf.
#[test]
fn an_account_that_ends_takes_its_requests_along() {
    let mut world = World::new();
    for limit in [1, 2, 3] {
        world.create(limit, 0, true, true);
    }
    world.answer(2);
    let store = &world.store();
    let of_requests = |store: &Store| {
        let prefixes = [b'r', b'q', b'u', b'w', b'f', b'K', b'W'].map(crate::store::Key::new);
        prefixes.iter().map(|prefix| store.keys(prefix).count()).sum::<usize>()
    };
    assert!(of_requests(store) > 15);
    operator::delete_account(store, "model", UnixSeconds(START)).unwrap();
    assert_eq!(of_requests(store), 0);
}
