//! `sealdrop store compact`

use super::{now, options};
use crate::{
    cli::{Context, Failure, flags::command},
    size::size_text,
    store::{StoreSize, backup::compact},
};

command! {
    /// Write the data anew, so that it takes only the room that it needs: the file of the database never shrinks by
    /// itself. This needs free space for a second copy, which takes the place of the first one in one step.
    #[argh(
        subcommand,
        name = "compact",
        help_triggers("-h", "--help"),
        usage = "[--data DIR] [--config FILE]",
        example = "{command_name} --data /var/lib/sealdrop"
    )]
    pub(crate) struct StoreCompactCommand: directory {}
}

impl StoreCompactCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        let compacted = compact(&dir, options(&dir, context)?, now())
            .map_err(|error| Failure::failed(error.to_string()))?;
        let all = |size: StoreSize| size_text(size.database + size.slots + size.files);
        Ok(writeln!(
            context.out,
            "{} had {} and has {}",
            dir.display(),
            all(compacted.before),
            all(compacted.after)
        )?)
    }
}
