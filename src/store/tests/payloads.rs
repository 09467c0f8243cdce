//! Sealed payloads and their files.

use std::io::{Read as _, Write as _};

use super::*;

fn opened_beside(store: &Store, name: &str) -> (Vec<u8>, Vec<u8>) {
    let (head, file) = found(store, name).unwrap().open_beside(name.as_bytes()).unwrap();
    let Some(BesideFile::Open(mut file)) = file else { panic!("no open file beside the head") };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    (head.expose_secret().to_vec(), bytes)
}

fn put_beside(
    store: &Store,
    name: &str,
    head: &[u8],
    file: NewFile,
) -> PendingChange<(), StoreError> {
    let payload = store.seal_beside(&SystemRandom, name.as_bytes(), head.to_vec(), file).unwrap();
    let (key, value) = (key(name), note(name));
    store.change(move |transaction| transaction.put_sealed(&key, &value, &payload))
}

#[test]
fn a_payload_stays_with_its_record_until_it_is_burned() {
    let (home, store) = Home::new();
    for secret in [&b"small"[..], &LARGE] {
        put_sealed(&store, "one", secret).wait().unwrap();
        put(&store, "one", "another text").wait().unwrap();
        assert_eq!(store.get(&key("one")).unwrap(), Some(note("another text")));
        assert_eq!(opened(&store, "one").unwrap(), secret);

        let slot = slot(&store, "one").unwrap();
        let raw = |home: &Home| raw_slot(home, slot);
        assert!(!raw(&home).starts_with(b"burned"));
        let burned = store.change(|transaction| {
            let found = transaction.payload(&key("one"))?;
            transaction.burn(&key("one"))?;
            assert!(transaction.payload(&key("one"))?.is_none());
            Ok::<_, StoreError>(found)
        });
        let burned = burned.wait().unwrap().unwrap();
        assert!(raw(&home).starts_with(b"burned by commit"), "wiped before the result is returned");
        assert_eq!(
            burned.open(b"one").unwrap().expose_secret(),
            secret,
            "the found payload still opens"
        );
        assert!(found(&store, "one").is_none());
        assert_eq!(store.get(&key("one")).unwrap(), Some(note("another text")));
    }
    let store = home.reopen(store);
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);
    assert!(found(&store, "one").is_none());
}

#[test]
fn a_payload_comes_and_goes_within_a_group() {
    let (home, store) = Home::new();
    for secret in [&b"small"[..], &LARGE] {
        let held = hold(&store);
        let put = put_sealed(&store, "one", secret);
        let found = store.change(|transaction| transaction.payload(&key("one")));
        let deleted = delete(&store, "one");
        let again = put_sealed(&store, "one", b"again");
        drop(held);
        put.wait().unwrap();
        let found = found.wait().unwrap().unwrap();
        deleted.wait().unwrap();
        again.wait().unwrap();
        assert_eq!(found.open(b"one").unwrap().expose_secret(), secret);
        assert_eq!(opened(&store, "one").unwrap(), b"again");
    }
    let store = home.reopen(store);
    assert_eq!(opened(&store, "one").unwrap(), b"again");
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);
    let keys = slots_with_keys(&home.path("store"));
    assert_eq!(keys.len(), 1, "only the key of the record exists");
}

fn replace_sealed(store: &Store, name: &str, secret: &[u8]) -> PendingChange<(), StoreError> {
    let payload = store.seal(&SystemRandom, name.as_bytes(), secret.to_vec()).unwrap();
    let (key, note) = (key(name), note(name));
    store.change(move |transaction| {
        transaction.burn_last();
        transaction.put_sealed(&key, &note, &payload)?;
        assert!(transaction.payload(&key)?.is_some());
        Ok(())
    })
}

#[test]
fn a_replaced_payload_is_wiped_before_the_result() {
    let (home, store) = Home::new();
    for (old, new) in [(&b"old"[..], &LARGE[..]), (&LARGE[..], &b"new"[..])] {
        put_sealed(&store, "one", old).wait().unwrap();
        let place = slot(&store, "one").unwrap();
        replace_sealed(&store, "one", new).wait().unwrap();
        assert!(raw_slot(&home, place).starts_with(b"burned by commit"));
        assert_eq!(opened(&store, "one").unwrap(), new);
    }
    // In one group with the changes around it.
    let held = hold(&store);
    let changes = [
        put_sealed(&store, "one", b"first"),
        replace_sealed(&store, "one", b"second"),
        replace_sealed(&store, "one", b"third"),
        put_sealed(&store, "two", b"another"),
    ];
    drop(held);
    changes.into_iter().for_each(|change| change.wait().unwrap());
    let store = home.reopen(store);
    assert_eq!(opened(&store, "one").unwrap(), b"third");
    assert_eq!(opened(&store, "two").unwrap(), b"another");
    assert_eq!(slots_with_keys(&home.path("store")).len(), 2, "no replaced key is left");
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);
}

/// The state after a crash between the records and the wipe of the old key.
#[test]
fn an_old_key_that_a_crash_has_left_is_wiped_at_the_start() {
    let (home, store) = Home::new();
    put_sealed(&store, "one", b"old").wait().unwrap();
    let place = slot_offset(slot(&store, "one").unwrap());
    let path = home.path("store/slots");
    let old = fs::read(&path).unwrap()[place..place + 32].to_vec();
    replace_sealed(&store, "one", b"new").wait().unwrap();
    store.close();
    drop(store);
    let mut slots = fs::read(&path).unwrap();
    slots[place..place + 32].copy_from_slice(&old);
    fs::write(&path, slots).unwrap();
    let store = home.open();
    assert_eq!(opened(&store, "one").unwrap(), b"new");
    assert!(!fs::read(&path).unwrap().windows(32).any(|key| key == old));
}

#[test]
fn a_payload_opens_with_its_own_context_only() {
    let (_home, store) = Home::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    let found = found(&store, "one").unwrap();
    assert!(matches!(found.open(b"two"), Err(StoreError::Damaged(_))));
}

#[test]
fn a_staged_file_goes_with_its_payload() {
    let (home, store) = Home::new();
    let payload = store.seal(&SystemRandom, b"", LARGE.to_vec()).unwrap();
    assert_eq!(home.payload_files().len(), 1);
    drop(payload);
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);
}

#[test]
fn files_without_a_record_are_swept() {
    let (home, mut store) = Home::new();
    put_sealed(&store, "large", &LARGE).wait().unwrap();
    let named = home.payload_files();
    let orphans = [&"ab".repeat(16), &("cd".repeat(16) + ".tmp")]
        .map(|name| home.path("store/payloads").join(name));

    // Writing a file may take hours; no sweep may delete it in that time.
    let mut written = store.new_file(&SystemRandom).unwrap();
    orphans.iter().for_each(|path| fs::write(path, "left over").unwrap());
    store.tidy().unwrap();
    assert_eq!(home.payload_files().len(), 2);
    written.write_all(b"ciphertext").unwrap();
    put_beside(&store, "late", b"head", written).wait().unwrap();
    store.tidy().unwrap();
    assert_eq!(opened_beside(&store, "late"), (b"head".to_vec(), b"ciphertext".to_vec()));
    delete(&store, "late").wait().unwrap();

    store = home.reopen(store);
    orphans.iter().for_each(|path| fs::write(path, "left over").unwrap());
    store = home.reopen(store);
    assert_eq!(home.payload_files(), named);
    assert_eq!(opened(&store, "large").unwrap(), LARGE);
}

#[test]
fn a_file_beside_a_head_comes_and_goes_with_it() {
    let (home, store) = Home::new();
    let mut file = store.new_file(&SystemRandom).unwrap();
    file.write_all(&LARGE).unwrap();
    put_beside(&store, "one", b"head", file).wait().unwrap();
    put(&store, "one", "another text").wait().unwrap();
    let store = home.reopen(store);
    assert_eq!(opened_beside(&store, "one"), (b"head".to_vec(), LARGE.to_vec()));
    assert_eq!(home.payload_files().len(), 1);
    let head = store.change(|transaction| transaction.payload_head(&key("one")));
    let (head, file) = head.wait().unwrap().unwrap().open_beside(b"one").unwrap();
    assert_eq!(head.expose_secret(), b"head");
    assert!(matches!(file, Some(BesideFile::Closed { bytes }) if bytes == LARGE.len() as u64));
    delete(&store, "one").wait().unwrap();
    let store = home.reopen(store);
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);

    let mut small = store.new_file(&SystemRandom).unwrap().limited_to(Some(10));
    small.write_all(b"0123456789").unwrap();
    let full = small.write_all(b"0").map_err(StoreError::from);
    assert!(matches!(full, Err(StoreError::Full)));
    drop(small);

    let too_long = vec![0; MAX_INLINE_BYTES];
    let file = store.new_file(&SystemRandom).unwrap();
    let refused = store.seal_beside(&SystemRandom, b"", too_long, file);
    assert!(matches!(refused, Err(StoreError::TooLarge(_))));
    assert_eq!(home.payload_files(), [] as [PathBuf; 0]);
}
