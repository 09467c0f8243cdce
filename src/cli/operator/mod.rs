//! Commands of the operator, over the administration socket or the data directory.

pub(crate) mod account;
pub(crate) mod administration;
pub(crate) mod apikey;
pub(crate) mod backup;
pub(crate) mod claim;
pub(crate) mod first_keys;
pub(crate) mod mail;
pub(crate) mod master_key;
pub(crate) mod ring;
pub(crate) mod server_status;
pub(crate) mod store;
pub(crate) mod webhook;
