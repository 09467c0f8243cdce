//! Changes of different accounts do not meet at a record, so that several processes can work on one store.
//!
//! Each change is recorded on two stores of a shared engine, after a first run that takes ranges of numbers.
//! What both touch and one writes would make one of them run again.

use std::{
    collections::BTreeSet,
    iter,
    num::{NonZeroU8, NonZeroU16},
};

use super::{
    account::{self, api_key::AskedBy},
    drop_box::{
        self, BoxLimits, NewBox, PublicKeyUse, Terms,
        message::{self, PartsBody, SealedBy, SealedMessage, UnsealedMessage},
    },
    lifetime::{Lifetime, LifetimeRules},
    notify::{
        self, BoxNotify,
        mailbox::Mailbox,
        outbox::NewMail,
        webhook::{self, WebhookUrl},
    },
    numbers::{AccountNumber, BoxId, LeaseToken, SecretId},
    operator,
    request::{self, NewRequest, RequestId, Texts},
    schema::{self, TextField},
    secret::{
        self, MessageShown, NewSecret,
        attachment::{AttachmentLimits, MOST_ATTACHMENTS, NewAttachments, SealedAttachment},
        manage, self_destruct, viewing,
    },
    stand_ins,
    text::Text,
    view::View,
};
use crate::{
    clock::UnixSeconds,
    crypto::{AnswerPrivateKey, SeededRandom, random_array},
    store::{
        Key, Store,
        faulty::{CommitLog, MemoryDisk, Sharing},
    },
};

const NOW: UnixSeconds = UnixSeconds(1_793_577_600);
const KEEP_LOG: u64 = 3600;
const RULES: LifetimeRules = LifetimeRules { min: 1, max: 350, default: 24 };

/// A process that serves one account.
struct AccountProcess {
    store: Store,
    log: CommitLog,
    random: SeededRandom,
    name: &'static str,
    account: AccountNumber,
}

impl AccountProcess {
    fn new(disk: &MemoryDisk, seed: u64, name: &'static str) -> Self {
        let (store, log) = Store::recorded(disk);
        let random = SeededRandom::new(seed);
        stand_ins::write(&store).unwrap();
        let account = match account::find_account(&store, name) {
            Ok(number) => number,
            Err(_) => {
                operator::create_account(&store, name, 1000, &random, NOW).unwrap();
                account::find_account(&store, name).unwrap()
            }
        };
        Self { store, log, random, name, account }
    }

    fn mailbox(&self) -> Mailbox {
        Mailbox::new(&format!("{}@example.org", self.name)).unwrap()
    }

    fn text(&self, what: &str) -> Option<Text> {
        Text::new(format!("{what} of {}", self.name))
    }

    fn new_secret(&self, attachments: u8) -> NewSecret {
        let random: [u8; 15] = random_array(&self.random);
        let attachment = |n: u8| {
            let n = NonZeroU8::new(n).unwrap();
            SealedAttachment::new(&self.store, &self.random, &random, n, b"sealed").unwrap()
        };
        let limits = AttachmentLimits {
            max_bytes: None,
            max_count: MOST_ATTACHMENTS,
            max_account_bytes: Some(1 << 30),
            max_storage_bytes: None,
        };
        NewSecret {
            random,
            payload: self.store.seal(&self.random, &random, b"a secret".to_vec()).unwrap(),
            description: self.text("description"),
            message: self.text("message"),
            message_shown: MessageShown::With,
            is_from_owner: true,
            lifetime: Lifetime::new(None, RULES).unwrap(),
            view_button: false,
            captcha: false,
            password: None,
            max_views: NonZeroU8::MIN,
            attachments: (attachments > 0).then(|| NewAttachments {
                items: (1..=attachments).map(|n| Some(attachment(n))).collect(),
                token_hash: [9; 32],
                limits,
            }),
            reply_key: Some((&AnswerPrivateKey::generate(&self.random).public()).into()),
        }
    }

    fn create_secret(&self, attachments: u8) -> SecretId {
        let create = secret::create(self.account, self.new_secret(attachments), NOW);
        let (number, secret, _) = self.store.change(create).wait().unwrap();
        secret.id(number)
    }

    fn delete(&self, id: SecretId) {
        self.store.change(secret::delete(self.account, id, NOW)).wait().unwrap();
    }

    fn new_request(&self, send_request_to: Option<Mailbox>) -> NewRequest {
        NewRequest {
            id: RequestId::new(&self.random),
            texts: Texts {
                description: self.text("description"),
                message: self.text("message"),
                secret_description: None,
                secret_message: None,
            },
            lifetime: Lifetime::new(None, RULES).unwrap(),
            limit: NonZeroU16::MIN,
            send_request_to,
            send_to: None,
            language: None,
            secret_lifetime: Lifetime::new(None, RULES).unwrap(),
            secret_max_views: NonZeroU8::MIN,
            secret_password: None,
            answer_key: None,
        }
    }

    fn create_box(&self) -> BoxId {
        let random: [u8; 15] = random_array(&self.random);
        let new = NewBox {
            random,
            payload: self.store.seal(&self.random, &random, b"keys".to_vec()).unwrap(),
            private_key_hash: "hash".into(),
            public_key: PublicKeyUse::Sealing,
            public_key_der: Some(b"key".to_vec()),
            terms: Terms::default(),
            notify: Some(BoxNotify::new(self.account, self.mailbox(), [7; 16])),
        };
        self.store.change(drop_box::create(new, NOW)).wait().unwrap()
    }

    fn send(&self, id: BoxId) {
        let parts = UnsealedMessage {
            sealed_by: SealedBy::Sender,
            size: 5,
            is_file: false,
            encryption_key: b"key".to_vec(),
            file_name: Vec::new(),
            body: PartsBody::Here(b"hello".to_vec()),
        };
        let sealed = SealedMessage::new(&self.store, &self.random, id, parts).unwrap();
        let limits = BoxLimits { max_bytes: None, max_messages: 10 };
        self.store.change(message::send(id, vec![sealed], None, limits, NOW)).wait().unwrap();
    }

    /// Asks for a mail and for webhook calls about views.
    fn watch(&self) {
        notify::set_email(&self.store, self.account, Some(self.mailbox()), &self.random).unwrap();
        let url = WebhookUrl::parse("https://example.org/hook", false).unwrap();
        webhook::add(&self.store, self.account, &url, &[], AskedBy::Operator, &self.random, NOW)
            .map(drop)
            .unwrap();
    }

    fn view(&self, id: SecretId) {
        let token = LeaseToken::new(&"token".repeat(5)).unwrap();
        let view = View::new(NOW, None, None);
        let view = viewing::view_with_lease(id, view, token, Default::default(), KEEP_LOG);
        assert!(self.store.change(view).wait().unwrap().is_some());
    }
}

/// The records at which `change` of the process of one account meets that of another one. `prepare` makes
/// what the change needs.
fn meetings<T, R>(
    accounts: [&'static str; 2],
    prepare: fn(&AccountProcess) -> T,
    change: fn(&AccountProcess, T) -> R,
) -> BTreeSet<Key> {
    let disk = MemoryDisk::new(Sharing::Shared, 1);
    let [one, other] = accounts;
    let one = AccountProcess::new(&disk, 1, one);
    // One process in 64 has the same record of late attempts.
    let late_tries = |process: &AccountProcess| schema::late_tries(process.store.process());
    let other = iter::repeat_with(|| AccountProcess::new(&disk, 2, other))
        .find(|other| late_tries(other) != late_tries(&one));
    let processes = [one, other.unwrap()];
    for process in &processes {
        change(process, prepare(process));
    }
    let touched = processes.each_ref().map(|process| {
        let prepared = prepare(process);
        process.log.take();
        change(process, prepared);
        process.log.take()
    });
    assert!(touched.iter().all(|touched| touched.writes() > 0));
    let [one, other] = &touched;
    one.shared_with(other)
}

fn nothing(_: &AccountProcess) {}

#[track_caller]
fn assert_apart<T, R>(prepare: fn(&AccountProcess) -> T, change: fn(&AccountProcess, T) -> R) {
    let met = meetings(["alice", "bob"], prepare, change);
    assert!(met.is_empty(), "changes of two accounts meet at {met:?}");
}

#[test]
fn secrets_of_two_accounts() {
    assert_apart(nothing, |process, ()| process.create_secret(0));
    assert_apart(nothing, |process, ()| process.create_secret(2));
}

#[test]
fn secrets_without_an_account() {
    assert_apart(nothing, |process, ()| {
        let create = manage::create(process.new_secret(0), [8; 32], NOW);
        process.store.change(create).wait().unwrap();
    });
    assert_apart(nothing, |process, ()| {
        let to = process.mailbox();
        let mail = NewMail { account: None, to, language: None, payload: None };
        let create = self_destruct::create(process.new_secret(0), mail, NOW);
        process.store.change(create).wait().unwrap();
    });
}

#[test]
fn requests() {
    assert_apart(nothing, |process, ()| {
        let new = process.new_request(Some(process.mailbox()));
        process.store.change(request::create(process.account, new, 10, NOW)).wait().unwrap();
    });
    assert_apart(nothing, |process, ()| {
        let create = request::manage::create(process.new_request(None), [8; 32], NOW);
        process.store.change(create).wait().unwrap();
    });
}

#[test]
fn boxes_and_messages() {
    assert_apart(nothing, |process, ()| process.create_box());
    assert_apart(AccountProcess::create_box, AccountProcess::send);
}

#[test]
fn views_with_mails_and_webhook_calls() {
    let prepare = |process: &AccountProcess| {
        process.watch();
        process.create_secret(0)
    };
    assert_apart(prepare, AccountProcess::view);
    assert_apart(
        |process| process.create_secret(2),
        |process, id| {
            process.view(id);
            let late = viewing::LateTry {
                id,
                visitor: View::new(NOW.plus(9000), None, None),
                what: viewing::Visit::WithKey,
            };
            let note = viewing::tried_after(vec![late], process.store.process(), NOW, KEEP_LOG);
            process.store.change(note).wait().unwrap();
        },
    );
}

#[test]
fn what_a_view_that_queues_adds_to_a_plain_one() {
    let disk = MemoryDisk::new(Sharing::Shared, 1);
    let process = AccountProcess::new(&disk, 1, "alice");
    let ids = [0; 4].map(|attachments| process.create_secret(attachments));
    let viewed = |id| {
        process.log.take();
        process.view(id);
        process.log.take()
    };
    viewed(ids[0]);
    let plain = viewed(ids[1]);
    let (next, all) = (schema::next_webhook(), schema::webhooks(process.account));
    assert!(plain.only_read().contains(&next) && !plain.only_read().contains(&all));
    process.watch();
    // The first mail makes the key of the names of addresses.
    viewed(ids[2]);
    let queueing = viewed(ids[3]);
    assert!(queueing.only_read().contains(&all), "webhooks are searched for");
    // Mail and call, both with an entry in the index, and three counts.
    assert_eq!(queueing.writes() - plain.writes(), 7);
}

#[test]
fn deletions_of_secrets() {
    let prepare = |process: &AccountProcess| process.create_secret(2);
    assert_apart(prepare, AccountProcess::delete);
}

#[test]
fn secrets_of_one_account() {
    let both = ["alice", "alice"];
    let met = meetings(both, nothing, |process, ()| process.create_secret(0));
    assert!(met.is_empty(), "creations meet at {met:?}");
    let met = meetings(both, |process| process.create_secret(0), AccountProcess::delete);
    assert!(met.is_empty(), "deletions meet at {met:?}");
}

#[test]
fn a_creation_touches_few_records() {
    let disk = MemoryDisk::new(Sharing::Shared, 1);
    let process = AccountProcess::new(&disk, 1, "alice");
    process.create_secret(0);
    process.log.take();
    let number = process.create_secret(0).number;
    let touched = process.log.take();
    let texts = [TextField::Description, TextField::Message];
    let mut written = BTreeSet::from([
        schema::secret(number),
        schema::reply(number),
        schema::due(NOW.plus(24 * 3600), number),
        schema::account_share(number.account, process.store.process()),
    ]);
    written.extend(texts.map(|field| schema::text(number, field)));
    assert_eq!(*touched.written(), written);
    assert_eq!(touched.only_read(), BTreeSet::from([schema::account(number.account)]));
}

/// Shows that a meeting is found.
#[test]
fn requests_of_one_account_meet_at_its_counts() {
    let met = meetings(["alice", "alice"], nothing, |process, ()| {
        let new = process.new_request(None);
        process.store.change(request::create(process.account, new, 10, NOW)).wait().unwrap();
    });
    assert_eq!(met, BTreeSet::from([schema::account_counts(AccountNumber::FIRST)]));
}

#[test]
fn views_and_creations_of_one_account() {
    let disk = MemoryDisk::new(Sharing::Shared, 1);
    let [one, other] = [1, 2].map(|seed| AccountProcess::new(&disk, seed, "alice"));
    let ids = [0, 0, 2].map(|attachments| one.create_secret(attachments));
    one.log.take();
    one.view(ids[0]);
    let token = LeaseToken::new(&"token".repeat(5)).unwrap();
    let view = View::new(NOW, None, None);
    let by_key = viewing::view(one.account, ids[1], view.clone(), None, token, KEEP_LOG);
    let viewed = one.store.change(by_key).wait().unwrap().unwrap();
    assert_eq!(viewed.metadata.secrets_total, 3);
    one.store.change(viewing::look(ids[2], view)).wait().unwrap();
    let views = one.log.take();
    assert!(views.writes() > 0);
    other.log.take();
    other.create_secret(0);
    let new = other.new_request(None);
    other.store.change(request::create(other.account, new, 10, NOW)).wait().unwrap();
    let met = views.shared_with(&other.log.take());
    assert!(met.is_empty(), "{met:?}");
}
