//! The loops of two processes over one store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use tokio::{
    runtime,
    sync::watch,
    task::{JoinHandle, spawn},
};

use super::{
    Deliveries, DeliveryContext,
    attempt::DeliveryOutcome,
    lane::{Courier, run},
    webhook::Caller,
};
use crate::{
    clock::{Clock, UnixSeconds},
    crypto::SeededRandom,
    domain::{
        id::Ids,
        notify::{
            event::{WebhookEvent, WebhookEventKind},
            outbox::{self, CLAIM_SECONDS, Outgoing, OutgoingContent},
        },
        numbers::{AccountNumber, Lane, OutboxNumber, SecretId, SecretNumber, WebhookNumber},
    },
    store::{
        FoundPayload, Store, StoreError, Transaction,
        faulty::{MemoryDisk, Sharing},
    },
};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const ITEMS: usize = 60;

/// What all processes have done.
#[derive(Default)]
struct Deeds {
    under_way: BTreeSet<u64>,
    /// How often each item was delivered, and the processes that have begun one.
    delivered: BTreeMap<u64, usize>,
    begun_by: BTreeSet<usize>,
    had_two_at_once: bool,
}

/// A courier that notes its deliveries.
struct NotingCourier {
    process: usize,
    /// The number of processes that have begun a delivery before the first one ends.
    together: usize,
    deeds: Arc<Mutex<Deeds>>,
    changed: watch::Sender<()>,
}

impl Courier for NotingCourier {
    const LANE: Lane = Lane::Webhook;
    const PLACES: usize = 4;
    const WHAT: &'static str = "a test";
    const IS_ONE_SERVER: bool = false;

    async fn deliver(
        &self,
        number: OutboxNumber,
        _outgoing: Outgoing,
        _payload: Option<FoundPayload>,
    ) -> DeliveryOutcome {
        let mut changes = self.changed.subscribe();
        {
            let mut deeds = self.deeds.lock().unwrap();
            deeds.begun_by.insert(self.process);
            deeds.had_two_at_once |= !deeds.under_way.insert(number.0);
        }
        self.changed.send_replace(());
        let together = |deeds: &Deeds| deeds.begun_by.len() >= self.together;
        changes.wait_for(|()| together(&self.deeds.lock().unwrap())).await.unwrap();
        {
            let mut deeds = self.deeds.lock().unwrap();
            deeds.under_way.remove(&number.0);
            *deeds.delivered.entry(number.0).or_default() += 1;
        }
        self.changed.send_replace(());
        DeliveryOutcome::Delivered
    }

    fn try_now(&self) {}

    fn holds(&self) -> bool {
        false
    }

    async fn rest(&self, _is_end: bool) {}
}

/// A process with its loop.
struct LaneProcess {
    context: Arc<DeliveryContext>,
    stop: watch::Sender<()>,
    lane: JoinHandle<()>,
}

struct Shared {
    disk: MemoryDisk,
    clock: Clock,
    deeds: Arc<Mutex<Deeds>>,
    changed: watch::Sender<()>,
}

impl Shared {
    fn new() -> Self {
        Self {
            disk: MemoryDisk::new(Sharing::Shared, 1),
            clock: Clock::manual(NOW),
            deeds: Arc::default(),
            changed: watch::channel(()).0,
        }
    }

    /// What a process needs. Blocks.
    fn context(&self) -> Arc<DeliveryContext> {
        let store = Store::in_memory(&self.disk).unwrap();
        Arc::new(DeliveryContext {
            ids: Arc::new(Ids::load(&store, &SeededRandom::new(1)).unwrap()),
            store,
            clock: self.clock.clone(),
            caller: Arc::new(Caller::new(false)),
            deliveries: Arc::new(Deliveries::default()),
        })
    }

    fn start(&self, context: Arc<DeliveryContext>, process: usize, together: usize) -> LaneProcess {
        let (deeds, changed) = (Arc::clone(&self.deeds), self.changed.clone());
        let courier = Arc::new(NotingCourier { process, together, deeds, changed });
        let (stop, stopped) = watch::channel(());
        let lane = spawn(run(Arc::clone(&context), courier, stopped));
        LaneProcess { context, stop, lane }
    }

    fn queue(&self, items: usize) {
        let store = Store::in_memory(&self.disk).unwrap();
        let account = AccountNumber::FIRST;
        let secret = SecretId { number: SecretNumber { account, sequence: 0 }, random: [0; 15] };
        let event =
            WebhookEvent { kind: WebhookEventKind::SecretViewed, at: NOW, secret, request: None };
        let webhook = WebhookNumber { account, sequence: 0 };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            for _ in 0..items {
                let content = OutgoingContent::Webhook { webhook, event: event.clone() };
                outbox::put(transaction, Some(account), content, None, NOW)?;
            }
            Ok::<_, StoreError>(())
        };
        store.change(put).wait().unwrap();
    }

    async fn wait_for(&self, is_so: impl Fn(&Deeds) -> bool) {
        let mut changes = self.changed.subscribe();
        changes.wait_for(|()| is_so(&self.deeds.lock().unwrap())).await.unwrap();
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn no_item_is_sent_by_two_processes() {
    let shared = Shared::new();
    shared.queue(ITEMS);
    let contexts = [(1, shared.context()), (2, shared.context())];
    block_on(async {
        let processes = contexts.map(|(process, context)| shared.start(context, process, 2));
        shared.wait_for(|deeds| deeds.delivered.len() == ITEMS).await;
        for process in processes {
            drop(process.stop);
            process.lane.await.unwrap();
        }
    });
    let deeds = shared.deeds.lock().unwrap();
    assert!(!deeds.had_two_at_once);
    assert!(deeds.delivered.values().all(|times| *times == 1), "{:?}", deeds.delivered);
    let store = Store::in_memory(&shared.disk).unwrap();
    assert!(outbox::list(&store, OutboxNumber(0), ITEMS).unwrap().0.is_empty());
}

#[test]
fn what_a_dead_process_has_begun_is_sent_by_another_one_later() {
    let shared = Shared::new();
    shared.queue(1);
    let [first, second] = [shared.context(), shared.context()];
    block_on(async {
        let dead = shared.start(first, 1, 2);
        shared.wait_for(|deeds| !deeds.begun_by.is_empty()).await;
        // It ends as a killed process does, without a word.
        dead.lane.abort();
        assert!(dead.lane.await.unwrap_err().is_cancelled());
        shared.deeds.lock().unwrap().under_way.clear();

        let alive = shared.start(second, 2, 1);
        let store = &alive.context.store;
        let due = |now| outbox::due(store, Lane::Webhook, now, 9, |_| false).unwrap();
        let end = NOW.plus(CLAIM_SECONDS);
        assert_eq!(due(NOW), (Vec::new(), Some(end)));
        shared.clock.advance(CLAIM_SECONDS);
        alive.context.deliveries.wake();
        shared.wait_for(|deeds| deeds.delivered.len() == 1).await;
        assert_eq!(shared.deeds.lock().unwrap().begun_by, BTreeSet::from([1, 2]));
        drop(alive.stop);
        alive.lane.await.unwrap();
    });
}
