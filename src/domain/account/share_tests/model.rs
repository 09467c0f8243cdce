//! Random creations and deletions by several processes, checked against a simple model.

use std::sync::{Arc, mpsc};

use proptest::prelude::*;

use super::{ACCOUNT, MONTH_SECONDS, NOW, PROCESSES, Processes, create, is_refused};
use crate::{
    clock::UnixSeconds,
    domain::{
        numbers::SecretId,
        secret::{self, SecretError},
    },
    store::faulty::sequences,
};

#[derive(Clone, Debug)]
enum Operation {
    Create {
        process: usize,
        is_draft: bool,
    },
    /// Another process creates one when the first one has read what it reads.
    Race {
        process: usize,
        rival: usize,
    },
    Delete {
        process: usize,
        which: prop::sample::Index,
    },
    NextMonth,
    Allow(u64),
    Replace(usize),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let process = || 0..PROCESSES;
    let operation = prop_oneof![
        8 => (process(), prop::bool::weighted(0.2))
            .prop_map(|(process, is_draft)| Operation::Create { process, is_draft }),
        3 => (process(), process()).prop_map(|(process, rival)| Operation::Race { process, rival }),
        4 => (process(), any::<prop::sample::Index>())
            .prop_map(|(process, which)| Operation::Delete { process, which }),
        1 => Just(Operation::NextMonth),
        1 => (0_u64..40).prop_map(Operation::Allow),
        1 => process().prop_map(Operation::Replace),
    ];
    prop::collection::vec(operation, 1..60)
}

/// What the account has, in a simple model.
struct Expected {
    allowance: u64,
    usage: u64,
    now: UnixSeconds,
    /// Whether it is a draft, and the month of its creation.
    secrets: Vec<(SecretId, bool, u32)>,
}

impl Expected {
    fn expect(&mut self, outcome: Result<SecretId, SecretError>, is_draft: bool) {
        if self.usage < self.allowance {
            self.usage += 1;
            self.secrets.push((outcome.unwrap(), is_draft, self.now.month()));
        } else {
            assert!(is_refused(&outcome));
        }
    }
}

fn check(operations: Vec<Operation>, seed: u64) {
    let mut processes = Processes::new(20, seed);
    processes.disk.make_restless();
    let mut expected = Expected { allowance: 20, usage: 0, now: NOW, secrets: Vec::new() };
    for operation in operations {
        let now = expected.now;
        match operation {
            Operation::Create { process, is_draft } => {
                let store = &processes.stores[process];
                expected.expect(create(store, &processes.random, is_draft, now), is_draft);
            }
            Operation::Race { process, rival } if process != rival => {
                let (sender, receiver) = mpsc::channel();
                let (store, random) =
                    (processes.stores[rival].clone(), Arc::clone(&processes.random));
                processes.disk.before_next_commit(move || {
                    sender.send(create(&store, &random, false, now)).unwrap();
                });
                let outcome = processes.create(process, now);
                expected.expect(receiver.recv().unwrap(), false);
                expected.expect(outcome, false);
            }
            Operation::Delete { process, which } if !expected.secrets.is_empty() => {
                let which = which.index(expected.secrets.len());
                let (id, is_draft, month) = expected.secrets.swap_remove(which);
                let delete = secret::delete(ACCOUNT, id, now);
                processes.stores[process].change(delete).wait().unwrap();
                if is_draft && month == now.month() {
                    expected.usage -= 1;
                }
            }
            Operation::Race { .. } | Operation::Delete { .. } => (),
            Operation::NextMonth => {
                expected.now = now.plus(MONTH_SECONDS);
                expected.usage = 0;
            }
            Operation::Allow(allowance) => {
                processes.set_allowance(allowance);
                expected.allowance = allowance;
            }
            Operation::Replace(process) => processes.replace(process),
        }
        let there = (expected.secrets.len() as u64, expected.usage);
        assert_eq!(processes.counts(expected.now), there);
        assert_eq!(processes.listed(), there.0);
    }
    let left = expected.allowance.saturating_sub(expected.usage);
    assert_eq!(processes.use_up(expected.now), left, "some of the allowance is lost");
}

proptest! {
    #![proptest_config(sequences(400))]

    #[test]
    fn processes_count_as_one(operations in operations(), seed in any::<u64>()) {
        check(operations, seed);
    }
}
