//! The store alone, without HTTP: the cost of a commit, and its share for each change of a group.
//!
//! `waiting/64` is 64 changes submitted together, as 64 connections do; its throughput is per change.

use std::{cell::Cell, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sealdrop::{
    crypto::SystemRandom,
    store::{Key, Payload, Record, Store, StoreError},
};
use serde::{Deserialize, Serialize};

/// About the size of a secret's own record.
#[derive(Serialize, Deserialize)]
struct Fields(Vec<u8>);
impl Record for Fields {
    const VERSION: u8 = 1;
}

fn key(prefix: u8, number: u64) -> Key {
    Key::new(prefix).with(&number.to_be_bytes())
}

fn sealed(store: &Store, bytes: usize) -> Payload {
    store.seal(&SystemRandom, b"bench", vec![7; bytes]).expect("room on the disk")
}

/// A create like that of the Secrets API: a record with its payload, and an index entry.
fn create(
    store: &Store,
    number: u64,
    bytes: usize,
) -> sealdrop::store::PendingChange<(), StoreError> {
    let payload = sealed(store, bytes);
    store.change(move |transaction| {
        transaction.put_sealed(&key(b's', number), &Fields(vec![1; 120]), &payload)?;
        transaction.put(&key(b'e', number), &Fields(Vec::new()))
    })
}

fn burn(store: &Store, number: u64) -> sealdrop::store::PendingChange<(), StoreError> {
    store.change(move |transaction| {
        let key = key(b's', number);
        black_box(transaction.payload(&key)?);
        transaction.burn(&key)?;
        transaction.put(&key, &Fields(vec![2; 150]))
    })
}

fn store_benches(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let store = Store::open(dir.path(), 32 << 20).expect("a new store");
    let next = Cell::new(0_u64);
    let number = || next.replace(next.get() + 1);

    let mut group = criterion.benchmark_group("create");
    for (waiting, bytes) in [(1, 1024), (16, 1024), (64, 1024), (256, 1024), (64, 100 << 10)] {
        group.throughput(Throughput::Elements(waiting));
        group.bench_function(BenchmarkId::new(format!("{bytes} bytes"), waiting), |bencher| {
            bencher.iter(|| {
                let pending: Vec<_> =
                    (0..waiting).map(|_| create(&store, number(), bytes)).collect();
                pending.into_iter().for_each(|pending| pending.wait().expect("a create"));
            });
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("burn");
    for waiting in [1, 64] {
        group.throughput(Throughput::Elements(waiting));
        group.bench_function(BenchmarkId::new("1024 bytes", waiting), |bencher| {
            bencher.iter_batched(
                || {
                    let created: Vec<u64> = (0..waiting).map(|_| number()).collect();
                    let pending: Vec<_> =
                        created.iter().map(|number| create(&store, *number, 1024)).collect();
                    pending.into_iter().for_each(|pending| pending.wait().expect("a create"));
                    created
                },
                |created| {
                    let pending: Vec<_> =
                        created.iter().map(|number| burn(&store, *number)).collect();
                    pending.into_iter().for_each(|pending| pending.wait().expect("a burn"));
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();

    criterion.bench_function("get", |bencher| {
        let last = number();
        create(&store, last, 1024).wait().expect("a create");
        bencher.iter(|| black_box(store.get::<Fields>(&key(b's', last)).expect("a record")));
    });
    store.close();
}

criterion_group!(benches, store_benches);
criterion_main!(benches);
