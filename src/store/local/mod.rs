//! The embedded engine: sled, the slot file and payload files in one data directory.

pub(super) mod directory;
pub(super) mod engine;
pub(super) mod growing_file;
pub(super) mod manifest;
pub(super) mod new_file;
pub(super) mod payload_files;
pub(super) mod slots;
pub(super) mod space;
pub(super) mod sync_hook;
pub(super) mod verify;
pub(super) mod writer;
