//! `sealdrop store copy`

use std::path::Path;

use super::{now, options};
use crate::{
    cli::{Context, Failure, flags::command},
    store::backup::copy_store,
};

command! {
    /// Copy the data into an empty or missing directory, which gets a ring of its own.
    #[argh(
        subcommand,
        name = "copy",
        help_triggers("-h", "--help"),
        usage = "--to DIR [--data DIR] [--config FILE]",
        example = "{command_name} --data /var/lib/sealdrop --to /mnt/disk/sealdrop"
    )]
    pub(crate) struct StoreCopyCommand: directory {
        /// the directory of the copy
        #[argh(option, arg_name = "DIR")]
        to: String,
    }
}

impl StoreCopyCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        let copied = copy_store(&dir, Path::new(&self.to), options(&dir, context)?, now())
            .map_err(|error| Failure::failed(error.to_string()))?;
        let (records, files) = (copied.counts.records, copied.counts.files);
        Ok(writeln!(context.out, "copied {records} entries and {files} files to {}", self.to)?)
    }
}
