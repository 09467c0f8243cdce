//! `sealdrop store upgrade`

use super::options;
use crate::{
    cli::{Context, Failure, flags::command},
    store::{Store, StoreOptions},
};

command! {
    /// Bring the data directory of an earlier version to the present format, as a start with --upgrade does. Earlier
    /// versions cannot read it afterwards: copy it before.
    #[argh(
        subcommand,
        name = "upgrade",
        help_triggers("-h", "--help"),
        usage = "[--data DIR] [--config FILE]",
        example = "{command_name} --data /var/lib/sealdrop"
    )]
    pub(crate) struct StoreUpgradeCommand: directory {}
}

impl StoreUpgradeCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        let options = StoreOptions { upgrade: true, ..options(&dir, context)? };
        let store =
            Store::open_with(&dir, options).map_err(|error| Failure::failed(error.to_string()))?;
        store.close();
        Ok(writeln!(context.out, "{} has the present format", dir.display())?)
    }
}
