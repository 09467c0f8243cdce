//! Random operations on a box, checked against a simple model.

use std::{collections::BTreeMap, io::Read as _, io::Write as _};

use proptest::prelude::*;

use super::{
    BoxError, BoxLimits, NewBox, PublicKeyUse, Terms,
    message::{
        self, ContentBody, MessageContent, PartsBody, SealedBy, SealedMessage, UnsealedMessage,
    },
};
use crate::{
    clock::UnixSeconds,
    crypto::{MessageKey, stream::StreamSealer},
    domain::{
        drop_box,
        numbers::{BoxId, IdempotencyKey, MessageId},
        schema,
    },
    store::{
        Store, Transaction,
        faulty::{ModelStore, over_engines},
    },
};

const NOW: UnixSeconds = UnixSeconds(1000);
const LIMITS: BoxLimits = BoxLimits { max_bytes: Some(1 << 20), max_messages: 20 };

#[derive(Clone, Debug)]
enum Operation {
    /// Sends messages with these sizes, in one change.
    Send(Vec<(usize, Kind)>),
    /// Reads this number of live messages, from this position on.
    Read(prop::sample::Index, usize),
    Fetch(prop::sample::Index),
    Reopen,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// A file beside the payload's head, sealed by the server or by the sender.
    File(SealedBy),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let kind = prop_oneof![
        2 => Just(Kind::Text),
        1 => Just(Kind::File(SealedBy::Server)),
        1 => Just(Kind::File(SealedBy::Sender)),
    ];
    let size = prop_oneof![0..2000_usize, Just(1024), Just(1025), 60_000..140_000_usize];
    let sent = prop::collection::vec((size, kind), 1..4);
    let operation = prop_oneof![
        5 => sent.prop_map(Operation::Send),
        4 => (any::<prop::sample::Index>(), 1..6_usize)
            .prop_map(|(first, count)| Operation::Read(first, count)),
        3 => any::<prop::sample::Index>().prop_map(Operation::Fetch),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::Delete),
    ];
    prop::collection::vec(operation, 1..25)
}

struct World {
    home: ModelStore,
    id: BoxId,
    terms: Terms,
    /// The model: the messages in the box; `None` once the box is burned.
    messages: Option<BTreeMap<u32, (Vec<u8>, bool)>>,
    next: u32,
    read_through: u32,
}

impl World {
    fn new(terms: Terms) -> Self {
        Self::over(terms, ModelStore::in_directory(0))
    }

    fn over(terms: Terms, home: ModelStore) -> Self {
        let store = home.store();
        let new = NewBox {
            random: [7; 15],
            payload: store.seal(&*home.random(), &[7; 15], b"keys".to_vec()).unwrap(),
            private_key_hash: "hash".into(),
            public_key: PublicKeyUse::Unreadable,
            public_key_der: None,
            terms,
            notify: None,
        };
        let id = store.change(drop_box::create(new, NOW)).wait().unwrap();
        let messages = Some(BTreeMap::new());
        Self { home, id, terms, messages, next: 1, read_through: 0 }
    }

    fn run(&mut self, operation: Operation) {
        match operation {
            Operation::Send(sent) => self.send(&sent),
            Operation::Read(first, count) => self.read(first, count),
            Operation::Fetch(which) => self.fetch(which),
            Operation::Reopen => self.home.reopen(),
            Operation::Delete => {
                let deleted = drop_box::delete(&self.store(), self.id);
                assert_eq!(deleted.is_ok(), self.messages.take().is_some());
            }
        }
        self.check();
    }

    fn store(&self) -> Store {
        self.home.store()
    }

    /// Counts the payload files after a restart.
    fn payload_files(&mut self) -> usize {
        self.home.reopen();
        self.home.keys_and_files().1
    }

    fn sealed(&self, bytes: &[u8], kind: Kind) -> SealedMessage {
        let (sealed_by, body) = match kind {
            Kind::Text => (SealedBy::Sender, PartsBody::Here(bytes.to_vec())),
            Kind::File(SealedBy::Server) => {
                let mut file = self.store().new_file(&*self.home.random()).unwrap();
                file.write_all(bytes).unwrap();
                (SealedBy::Server, PartsBody::File(file, None))
            }
            Kind::File(SealedBy::Sender) => {
                let key = MessageKey::new(&*self.home.random());
                let file = self.store().new_file(&*self.home.random()).unwrap();
                let mut sealer = StreamSealer::new(file, &key, &*self.home.random()).unwrap();
                sealer.write_all(bytes).unwrap();
                (SealedBy::Sender, PartsBody::File(sealer.finish().unwrap(), Some(key)))
            }
        };
        let parts = UnsealedMessage {
            sealed_by,
            size: bytes.len() as u64,
            is_file: kind != Kind::Text,
            encryption_key: b"key".to_vec(),
            file_name: b"name".to_vec(),
            body,
        };
        SealedMessage::new(&self.store(), &*self.home.random(), self.id, parts).unwrap()
    }

    fn send(&mut self, sent: &[(usize, Kind)]) {
        let bytes = |place: usize, size| vec![u8::try_from(place).unwrap() + 65; size];
        let sealed = sent
            .iter()
            .enumerate()
            .map(|(place, (size, kind))| self.sealed(&bytes(place, *size), *kind))
            .collect();
        let outcome = self.store().change(message::send(self.id, sealed, None, LIMITS, NOW)).wait();
        let Some(messages) = &mut self.messages else {
            assert!(matches!(outcome, Err(BoxError::NotFound)));
            return;
        };
        let held: usize = messages.values().map(|(bytes, _)| bytes.len() + 1000).sum();
        let more: usize = sent.iter().map(|(size, _)| size + 1000).sum();
        if messages.len() + sent.len() > LIMITS.max_messages as usize {
            assert!(matches!(outcome, Err(BoxError::Full)));
        } else if held + more < 1 << 20 {
            assert!(outcome.is_ok());
        }
        if outcome.is_ok() {
            for (place, (size, kind)) in sent.iter().enumerate() {
                messages.insert(self.next, (bytes(place, *size), *kind != Kind::Text));
                self.next += 1;
            }
        }
    }

    fn read(&mut self, first: prop::sample::Index, count: usize) {
        let store = &self.home.store();
        let ids: Vec<MessageId> = message::ids(store, self.id).collect::<Result<_, _>>().unwrap();
        let Some(model) = &mut self.messages else {
            assert!(ids.is_empty());
            return;
        };
        assert!(ids.iter().map(|id| id.0).eq(model.keys().copied()));
        let start = if ids.is_empty() { 0 } else { first.index(ids.len()) };
        let ids: Vec<_> = ids.into_iter().skip(start).take(count).collect();
        let read = store.change(message::read(self.id, ids.clone(), NOW)).wait().unwrap();
        assert!(read.messages.iter().map(|(id, ..)| id).eq(&ids));
        for (message_id, message, payload) in read.messages {
            let (expected, is_file) = &model[&message_id.0];
            assert_eq!(message.is_file, *is_file);
            let content = MessageContent::open(self.id, payload).unwrap();
            assert_eq!(content.body.bytes(), expected.len() as u64);
            // A file that is fetched later is not opened here.
            if !matches!(content.body, ContentBody::Closed(_)) {
                assert_eq!(&bytes_of(&content), expected, "{message_id:?}");
            }
            if self.terms.delete_messages_after_reading && !is_file {
                model.remove(&message_id.0);
            }
        }
        if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
            let is_gone = |id: u32| id < first.0 && !model.contains_key(&id);
            while is_gone(self.read_through + 1) {
                self.read_through += 1;
            }
            if first.0 <= self.read_through + 1 {
                self.read_through = self.read_through.max(last.0);
            }
            let all_are_read = model.is_empty() || self.read_through + 1 == self.next;
            let is_burned = self.terms.delete_box_after_reading && all_are_read;
            assert_eq!(read.box_is_gone, is_burned);
            if is_burned {
                drop_box::burn(store, self.id.number).unwrap();
                self.messages = None;
            }
        }
    }

    fn fetch(&mut self, which: prop::sample::Index) {
        let store = &self.home.store();
        let Some(model) = &mut self.messages else { return };
        let Some(id) = (!model.is_empty()).then(|| *which.get(&model.keys().collect::<Vec<_>>()))
        else {
            return;
        };
        let id = *id;
        let fetched = store.change(message::fetch(self.id, MessageId(id))).wait();
        let content = MessageContent::open(self.id, fetched.unwrap().unwrap()).unwrap();
        assert_eq!(bytes_of(&content), model[&id].0);
        if self.terms.delete_messages_after_reading {
            model.remove(&id);
            let again = store.change(message::fetch(self.id, MessageId(id))).wait();
            assert!(again.unwrap().is_none());
        }
    }

    fn check(&self) {
        let found = drop_box::find(&self.store(), self.id);
        assert_eq!(found.is_ok(), self.messages.is_some());
        assert_eq!(found.is_ok_and(|found| found.is_authentic("hash")), self.messages.is_some());
    }
}

fn bytes_of(content: &MessageContent) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.body.reader().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!((&*content.encryption_key, &*content.file_name), (&b"key"[..], &b"name"[..]));
    bytes
}

fn check((operations, terms): (Vec<Operation>, Terms), home: ModelStore) {
    let mut world = World::over(terms, home);
    operations.into_iter().for_each(|operation| world.run(operation));
    // The disk holds exactly the files of the messages in the box.
    let large = world.messages.as_ref().map_or(0, |messages| {
        messages.values().filter(|(bytes, is_file)| *is_file || bytes.len() > 1024).count()
    });
    assert_eq!(world.payload_files(), large);
    let deleted = drop_box::delete(&world.store(), world.id);
    assert_eq!(deleted.is_ok(), world.messages.is_some());
    assert_eq!(world.payload_files(), 0);
}

fn terms() -> impl Strategy<Value = Terms> {
    any::<(bool, bool)>().prop_map(|(delete_messages_after_reading, delete_box_after_reading)| {
        Terms { delete_messages_after_reading, delete_box_after_reading, ..Terms::default() }
    })
}

over_engines!((operations(), terms()), check);

#[test]
fn what_the_owner_forbids_is_refused() {
    let terms = Terms {
        release_at: Some(UnixSeconds(1001)),
        lock_at: Some(UnixSeconds(1001)),
        ..Terms::default()
    };
    let world = World::new(terms);
    let send = |now| {
        let sealed = vec![world.sealed(b"text", Kind::Text)];
        world.store().change(message::send(world.id, sealed, None, LIMITS, UnixSeconds(now))).wait()
    };
    let read = |now| {
        let ids = vec![MessageId::FIRST];
        world.store().change(message::read(world.id, ids, UnixSeconds(now))).wait()
    };
    assert!(send(1000).is_ok());
    assert!(matches!(send(1001), Err(BoxError::Locked(UnixSeconds(1001)))));
    assert!(matches!(read(1000), Err(BoxError::NotReleased(UnixSeconds(1001)))));
    assert_eq!(read(1001).unwrap().messages.len(), 1);
    let stranger = BoxId { random: [8; 15], ..world.id };
    assert!(matches!(drop_box::find(&world.store(), stranger), Err(BoxError::NotFound)));
}

#[test]
fn a_deletion_that_was_broken_off_is_finished() {
    let mut world = World::new(Terms::default());
    let sealed = (0..100).map(|_| world.sealed(&[1; 2000], Kind::Text)).collect();
    let limits = BoxLimits { max_messages: 1000, ..LIMITS };
    world.store().change(message::send(world.id, sealed, None, limits, NOW)).wait().unwrap();
    let (id, number) = (world.id, world.id.number);
    let begin = move |transaction: &mut Transaction<'_, '_>| {
        let found = drop_box::live(transaction, id)?;
        Ok::<_, BoxError>(drop_box::begin_deletion(transaction, number, found)?)
    };
    world.store().change(begin).wait().unwrap();
    assert!(matches!(drop_box::find(&world.store(), world.id), Err(BoxError::NotFound)));
    assert_eq!(message::ids(&world.store(), world.id).count(), 100);
    // As after a crash.
    world.home.reopen();
    drop_box::finish_deletions(&world.store()).unwrap();
    assert_eq!(message::ids(&world.store(), world.id).count(), 0);
    assert_eq!(world.payload_files(), 0);
}

#[test]
fn a_key_of_a_message_counts_for_a_day() {
    let world = World::new(Terms::default());
    let (first, second) = (IdempotencyKey::new("first"), IdempotencyKey::new("second"));
    let sent = |key, now| {
        let sealed = vec![world.sealed(b"text", Kind::Text)];
        let send = message::send(world.id, sealed, Some(key), LIMITS, UnixSeconds(now));
        world.store().change(send).wait().unwrap();
        assert!(message::has_come(&world.store(), world.id, key, UnixSeconds(now)).unwrap());
        message::ids(&world.store(), world.id).count()
    };
    let kept = || {
        let number = world.id.number;
        [schema::repeatables(number), schema::remembered(number)]
            .map(|prefix| world.store().keys(&prefix).count())
    };
    const DAY: u64 = 24 * 3600;
    assert_eq!([sent(first, 1000), sent(first, 1000 + DAY - 1)], [1, 1]);
    assert_eq!(sent(first, 1000 + DAY), 2);
    assert_eq!(sent(second, 1001 + DAY), 3);
    assert_eq!(kept(), [2, 2]);
    let late = UnixSeconds(1000 + 3 * DAY);
    assert!(!message::has_come(&world.store(), world.id, second, late).unwrap());
    // Old keys make room for new ones, and burning a box deletes all of them.
    assert_eq!(sent(IdempotencyKey::new("third"), late.0), 4);
    assert_eq!(kept(), [1, 1]);
    drop_box::delete(&world.store(), world.id).unwrap();
    assert_eq!(kept(), [0, 0]);
}
