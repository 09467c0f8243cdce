//! The embedded engine: sled, the slot file and payload files in one data directory.

pub(super) mod bucket_table;
mod buckets;
pub(super) mod directory;
pub(super) mod files;
mod io_threads;
pub(super) mod key_files;
pub(super) mod key_table;
mod master_key;
mod opening;
pub(super) mod payload_files;
mod rekeying;
pub(super) mod ring;
mod ring_place;
pub(super) mod sled_engine;
pub(super) mod slot_form;
mod slot_growth;
mod slot_map;
pub(super) mod slots;
mod sync_hook;
mod upgrade;

pub(super) use self::{master_key::change_master_key, opening::open};
