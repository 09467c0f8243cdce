//! A ring that a master key encrypts.

use super::{ring::NOW, *};

fn open_with_master(home: &Home, key: Option<u8>) -> Result<Store, StoreOpenError> {
    let master_key = key.map(|byte| WrappingKey::from_bytes([byte; 32]));
    Store::open_with(home.0.path(), StoreOptions { master_key, ..StoreOptions::new(8 << 20) })
}

#[test]
fn a_master_key_encrypts_the_ring() {
    let (home, store) = Home::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    store.turn_ring(NOW).unwrap();
    store.close();
    drop(store);
    let plain = fs::read(home.path("ring")).unwrap();
    for turn in 0..3 {
        let store = open_with_master(&home, Some(1)).unwrap();
        assert_eq!(opened(&store, "one").unwrap(), b"secret");
        store.finish_turn().unwrap();
        if turn > 0 {
            store.turn_ring(NOW).unwrap();
        }
        store.close();
        drop(store);
        let ring = fs::read(home.path("ring")).unwrap();
        assert!(cells(&ring).iter().all(|cell| cell[8] == 1 || cell == &[0; 64]), "{ring:?}");
        let key = cells(&plain).into_iter().find(|cell| *cell != [0; 64]).unwrap();
        assert!(!ring.windows(16).any(|bytes| bytes == &key[16..32]), "the plain key is left");
    }
    let refused = |key| open_with_master(&home, key).err().unwrap().to_string();
    assert!(refused(None).contains("give the master key"), "{}", refused(None));
    assert!(refused(Some(2)).contains("the master key does not open it"), "{}", refused(Some(2)));
    let store = open_with_master(&home, Some(1)).unwrap();
    assert_eq!(opened(&store, "one").unwrap(), b"secret");
    store.close();
}

/// The master key changes, and the disk fails at each step: one of both keys opens the ring.
#[test]
fn a_change_of_the_master_key_that_is_interrupted_leaves_one_of_both() {
    let (home, store) = Home::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    store.close();
    drop(store);
    let key = |byte: Option<u8>| byte.map(|byte| WrappingKey::from_bytes([byte; 32]));
    for (old, new) in [(None, Some(1)), (Some(1), Some(2)), (Some(2), None)] {
        let before = fs::read(home.path("ring")).unwrap();
        change_master_key(home.0.path(), key(old), key(new)).unwrap();
        let after = fs::read(home.path("ring")).unwrap();
        // The key under the new master key is written into the other cell first.
        let mut between = before.clone();
        for offset in [4096, 8192] {
            if before[offset..offset + 64] == [0; 64] {
                between[offset..offset + 64].copy_from_slice(&after[offset..offset + 64]);
            }
        }
        assert_ne!(between, before);
        for master in [old, new] {
            fs::write(home.path("ring"), &between).unwrap();
            let store = open_with_master(&home, master).unwrap();
            assert_eq!(opened(&store, "one").unwrap(), b"secret", "{master:?}");
            store.finish_turn().unwrap();
            store.close();
            drop(store);
            let ring = fs::read(home.path("ring")).unwrap();
            assert_eq!(cells(&ring).iter().filter(|cell| **cell != [0; 64]).count(), 1);
        }
        fs::write(home.path("ring"), &after).unwrap();
    }
}

/// The cells of a ring, each of which has the key of an epoch or is empty.
pub(super) fn cells(ring: &[u8]) -> [[u8; 64]; 2] {
    [4096, 8192].map(|offset| ring[offset..offset + 64].try_into().unwrap())
}
