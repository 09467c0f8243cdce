//! Backups without keys, and what a restore needs beside them.

use super::{
    sealed_values::{own, tell, told},
    *,
};
use crate::store::backup::{
    BackupOrder, BackupReader, KeySource, RestoreError, RestoredStore, restore_with,
};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// A store whose turns write a key table, and what was kept of it elsewhere.
struct Kept {
    home: Home,
    elsewhere: TempDir,
}

impl Kept {
    fn new() -> (Self, Store) {
        let kept = Self {
            home: Home(tempfile::tempdir().unwrap()),
            elsewhere: tempfile::tempdir().unwrap(),
        };
        let keys_out = Some(kept.elsewhere.path().to_path_buf());
        let options = StoreOptions { keys_out, ..StoreOptions::new(8 << 20) };
        let store = Store::open_with(kept.home.0.path(), options).unwrap();
        (kept, store)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.elsewhere.path().join(name)
    }

    /// Keeps the ring and the key table of now under another name.
    fn keep(&self, name: &str) {
        fs::copy(self.home.path("ring"), self.path(&format!("ring {name}"))).unwrap();
        fs::copy(self.path("keys"), self.path(&format!("keys {name}"))).unwrap();
    }

    fn restore(
        &self,
        backup: &[u8],
        keys: &str,
        ring: &str,
    ) -> Result<(Home, RestoredStore), RestoreError> {
        let (table, ring) = (self.path(keys), self.path(ring));
        let source = KeySource { table: &table, ring: &ring, master_key: None };
        let dir = tempfile::tempdir().unwrap();
        let mut backup = BackupReader::begin(backup)?;
        let options = StoreOptions::new(8 << 20);
        let restored = restore_with(&mut backup, dir.path(), Some(source), &options)?;
        Ok((Home(dir), restored))
    }
}

fn backup_without_keys(store: &Store) -> Vec<u8> {
    let mut backup = Vec::new();
    let order = BackupOrder::full(false);
    let counts = store.back_up(&mut backup, order, &SystemRandom, &|| NOW, &|| false).unwrap();
    assert_eq!(counts.keys, 0);
    backup
}

#[test]
fn what_was_burned_since_stays_burned() {
    let (kept, store) = Kept::new();
    for name in ["small", "small burned", "later burned"] {
        put_sealed(&store, name, name.as_bytes()).wait().unwrap();
    }
    for name in ["large", "large burned"] {
        put_sealed(&store, name, &LARGE).wait().unwrap();
    }
    let backup = backup_without_keys(&store);
    put_sealed(&store, "made later", b"in no backup").wait().unwrap();
    assert_eq!(store.key_table_time(), None);
    store.turn_ring(NOW).unwrap();
    assert_eq!(store.key_table_time(), Some(NOW));
    kept.keep("first");
    let (whole, restored) = kept.restore(&backup, "keys first", "ring first").unwrap();
    assert_eq!(restored.burned, 0);
    let copy = whole.open();
    assert_eq!(opened(&copy, "small burned").unwrap(), b"small burned");
    assert_eq!(opened(&copy, "large burned").unwrap(), LARGE);
    copy.close();

    for name in ["small burned", "large burned"] {
        delete(&store, name).wait().unwrap();
    }
    // Its key takes the slot of a burned one.
    put_sealed(&store, "in its slot", b"in no backup").wait().unwrap();
    store.turn_ring(NOW.plus(1)).unwrap();
    kept.keep("second");
    let (part, restored) = kept.restore(&backup, "keys second", "ring second").unwrap();
    assert_eq!(restored.burned, 2);
    let mut copy = part.open();
    for _ in 0..2 {
        assert_eq!(opened(&copy, "small").unwrap(), b"small");
        assert_eq!(opened(&copy, "large").unwrap(), LARGE);
        assert_eq!(opened(&copy, "later burned").unwrap(), b"later burned");
        for name in ["small burned", "large burned"] {
            assert!(found(&copy, name).is_none(), "{name}");
            assert_eq!(copy.get(&key(name)).unwrap(), Some(note(name)), "its record is there");
        }
        assert_eq!(copy.get::<Note>(&key("made later")).unwrap(), None);
        assert_eq!(part.payload_files().len(), 1);
        copy.turn_ring(NOW).unwrap();
        copy = part.reopen(copy);
    }
    copy.close();

    // Parts of different turns open nothing.
    for (keys, ring) in [("keys first", "ring second"), ("keys second", "ring first")] {
        let refused = kept.restore(&backup, keys, ring).err().unwrap().to_string();
        assert!(refused.contains("is an older copy"), "{refused}");
    }
    store.close();
}

#[test]
fn sealed_values_that_were_deleted_since_are_missing() {
    let (kept, store) = Kept::new();
    for name in ["a", "b"] {
        own(&store, name).unwrap();
        tell(&store, &format!("{name}/1"), name).unwrap();
    }
    let backup = backup_without_keys(&store);
    delete(&store, "a").wait().unwrap();
    own(&store, "c").unwrap();
    store.turn_ring(NOW).unwrap();
    kept.keep("now");
    let (home, restored) = kept.restore(&backup, "keys now", "ring now").unwrap();
    assert_eq!(restored.burned, 0, "payloads only");
    let copy = home.open();
    assert_eq!((told(&copy, "a/1"), told(&copy, "b/1").unwrap()), (None, "b".into()));
    // The record that has lost its key can be written again.
    own(&copy, "a").unwrap();
    assert_eq!(told(&copy, "a/1"), None);
    tell(&copy, "a/1", "new").unwrap();
    let copy = home.reopen(copy);
    assert_eq!(told(&copy, "a/1").unwrap(), "new");
    copy.close();
    store.close();
}

#[test]
fn a_key_table_that_was_changed_is_refused() {
    let (kept, store) = Kept::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    let backup = backup_without_keys(&store);
    store.turn_ring(NOW).unwrap();
    kept.keep("now");
    let table = fs::read(kept.path("keys")).unwrap();
    for place in [0, 35, 45, 60, 5000, table.len() / 2, table.len() - 1] {
        let mut changed = table.clone();
        changed[place] ^= 4;
        fs::write(kept.path("changed"), changed).unwrap();
        let refused = kept.restore(&backup, "changed", "ring now").err();
        assert!(matches!(refused, Some(RestoreError::Keys { .. })), "{place}: {refused:?}");
    }
    for length in [0, 20, 48, 6000, table.len() - 1] {
        fs::write(kept.path("changed"), &table[..length]).unwrap();
        let refused = kept.restore(&backup, "changed", "ring now").err();
        assert!(matches!(refused, Some(RestoreError::Keys { .. })), "{length}: {refused:?}");
    }

    let home = tempfile::tempdir().unwrap();
    let alone =
        backup::restore(&mut BackupReader::begin(&backup[..]).unwrap(), home.path(), 8 << 20);
    assert!(matches!(alone, Err(RestoreError::NoKeys)), "{alone:?}");
    let mut with_keys = Vec::new();
    let order = BackupOrder::full(true);
    store.back_up(&mut with_keys, order, &SystemRandom, &|| NOW, &|| false).unwrap();
    let both = kept.restore(&with_keys, "keys now", "ring now").err();
    assert!(matches!(both, Some(RestoreError::HasKeys)), "{both:?}");
    store.close();
}

#[test]
fn a_turn_that_cannot_write_the_key_table_keeps_the_old_key() {
    let (kept, store) = Kept::new();
    put_sealed(&store, "one", b"secret").wait().unwrap();
    let backup = backup_without_keys(&store);
    store.turn_ring(NOW).unwrap();
    kept.keep("before");
    // A directory with the name of the new file.
    fs::create_dir(kept.path("keys.new")).unwrap();
    let failed = store.turn_ring(NOW).unwrap_err().to_string();
    assert!(failed.contains("the key table cannot be written"), "{failed}");
    // The table that is there still fits the ring.
    fs::copy(kept.home.path("ring"), kept.path("ring now")).unwrap();
    assert!(kept.restore(&backup, "keys", "ring now").is_ok());
    fs::remove_dir(kept.path("keys.new")).unwrap();
    store.turn_ring(NOW).unwrap();
    fs::copy(kept.home.path("ring"), kept.path("ring now")).unwrap();
    assert!(kept.restore(&backup, "keys", "ring now").is_ok());
    assert!(kept.restore(&backup, "keys before", "ring now").is_err());
    store.close();
}
