//! `sealdrop store`: the data directory itself, while no daemon uses it.

mod check;
mod compact;
mod copy;
mod upgrade;

use std::path::Path;

use crate::{
    cli::{Context, Failure, flags::command_group},
    clock::{Clock, TimeRecord, UnixSeconds},
    config::Settings,
    store::StoreOptions,
};

command_group! {
    /// Check, copy, compact or upgrade the data directory while the daemon is stopped. While it runs, sealdrop backup makes
    /// copies.
    #[argh(
        subcommand,
        name = "store",
        help_triggers("-h", "--help"),
        example = "{command_name} check --data /var/lib/sealdrop\n\
                   {command_name} compact --data /var/lib/sealdrop"
    )]
    pub(crate) struct StoreCommand: StoreAction {
        Check(check::StoreCheckCommand),
        Copy(copy::StoreCopyCommand),
        Compact(compact::StoreCompactCommand),
        Upgrade(upgrade::StoreUpgradeCommand),
    }
}

/// How the store in `dir` is opened, which must be there.
fn options(dir: &Path, context: &Context<'_>) -> Result<StoreOptions, Failure> {
    (context.daemon.protect)();
    if !dir.join("store").exists() {
        return Err(Failure::failed(format!(
            "there is no sealdrop data in {}; give --data",
            dir.display()
        )));
    }
    Ok(StoreOptions {
        master_key: context.master_key()?,
        ..StoreOptions::new(Settings::default().cache_bytes)
    })
}

/// The time for what is only shown and compared.
fn now() -> UnixSeconds {
    Clock::system(TimeRecord::default()).now()
}
