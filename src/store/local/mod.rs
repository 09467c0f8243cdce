//! The embedded engine: sled, the slot file and payload files in one data directory.

pub(super) mod directory;
mod opening;
pub(super) mod payload_files;
pub(super) mod sled_engine;
mod slot_map;
pub(super) mod slots;
mod sync_hook;

pub(super) use self::opening::open;
