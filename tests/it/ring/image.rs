//! The blocks of a disk after a burn and a turn, on a file system in an image.

use std::{fs, path::Path};

use super::shown;
use crate::{
    daemon::Daemon,
    faults::Disk,
    key_files::{epochs, keys},
};

fn find(image: &[u8], part: &[u8]) -> bool {
    // The first byte is looked for by a fast search.
    let mut rest = image;
    while let Some(place) = rest.iter().position(|byte| *byte == part[0]) {
        rest = &rest[place..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn current_epoch(data: &Path) -> [u8; 32] {
    let ring = fs::read(data.join("ring")).expect("the ring");
    let (_, key) = epochs(&ring).pop_last().expect("an epoch");
    *key.expose_secret()
}

pub(super) fn nothing_is_left() {
    let disk = Disk::new(200);
    let data = disk.mount().join("data");
    let (daemon, client) = Daemon::start_first(&data, &[]);
    let live = client.create(serde_json::json!({}));
    let before = keys(&data);
    let burned = client.create(serde_json::json!({}));
    let burned_key = *keys(&data).iter().find(|key| !before.contains(key)).expect("its key");
    shown(&["ring", "turn"], &data);
    let old = current_epoch(&data);
    assert_eq!(client.view(&burned).status, 200);
    shown(&["ring", "turn"], &data);
    let new = current_epoch(&data);
    assert_ne!(old, new);
    assert_eq!(client.view(&live).status, 200);
    assert!(daemon.stop().0.success());
    let image = disk.unmounted_image();
    assert!(find(&image, &new), "the test would find a key");
    assert!(!find(&image, &old), "the key of an older epoch is on the disk");
    assert!(!find(&image, &burned_key), "the key of a payload is on the disk as it is");
}
