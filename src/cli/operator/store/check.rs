//! `sealdrop store check`

use serde::Serialize;

use super::options;
use crate::{
    cli::{Context, Failure, flags::command, operator::administration::write_json},
    size::size_text,
    store::Store,
};

command! {
    /// Read all of the data and compare it with its checksums, as each start of the daemon does. Payload files are
    /// compared by their length only: what they have is checked when it is read.
    #[argh(
        subcommand,
        name = "check",
        help_triggers("-h", "--help"),
        usage = "[--json] [--data DIR] [--config FILE]",
        example = "{command_name} --data /var/lib/sealdrop"
    )]
    pub(crate) struct StoreCheckCommand: json, directory {}
}

/// The result.
#[derive(Serialize)]
struct CheckedDirectory {
    records: u64,
    database_bytes: u64,
    slot_bytes: u64,
    file_bytes: u64,
}

impl StoreCheckCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        let store = Store::open_with(&dir, options(&dir, context)?)
            .map_err(|error| Failure::failed(error.to_string()))?;
        let (records, size) = (store.figures().records(), store.size());
        store.close();
        let size = size.map_err(|error| Failure::failed(format!("{}: {error}", dir.display())))?;
        let checked = CheckedDirectory {
            records,
            database_bytes: size.database,
            slot_bytes: size.slots,
            file_bytes: size.files,
        };
        if self.json {
            return Ok(write_json(context.out, &checked)?);
        }
        Ok(writeln!(
            context.out,
            "{} is complete: {records} entries; database {}, key slots {}, files {}",
            dir.display(),
            size_text(size.database),
            size_text(size.slots),
            size_text(size.files)
        )?)
    }
}
