//! `sealdrop first-keys`

use super::administration::write_json;
use crate::{
    admin::{FIRST_KEYS_NAME, FirstKeys, NoFirstKeys},
    cli::{Context, Exit, Failure, flags::command},
};

command! {
    /// Show the API keys of the account from the first start, once, and delete their file. At a terminal, the
    /// first start shows the keys itself and writes no file.
    #[argh(
        subcommand,
        name = "first-keys",
        help_triggers("-h", "--help"),
        usage = "[--json] [--data DIR] [--config FILE]",
        example = "{command_name}\n\
                   sudo -u sealdrop {command_name} --data /var/lib/sealdrop",
        error_code(2, "the keys were shown before, or there are none")
    )]
    pub(crate) struct FirstKeysCommand: json, directory {}
}

impl FirstKeysCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        if context.out_is_closed {
            return Err(Failure::usage("standard output is closed: the keys would be lost"));
        }
        let dir = self.directory().directory(context)?;
        let place = dir.join(FIRST_KEYS_NAME);
        let failed = |problem: &dyn std::fmt::Display| {
            Failure::failed(format!("cannot use {}: {problem}", place.display()))
        };
        let taken = FirstKeys::take(&dir).map_err(|error| match error {
            NoFirstKeys::Gone if !dir.join("store").exists() => Failure::failed(format!(
                "there is no sealdrop data in {}; give --data or start the daemon first",
                dir.display()
            )),
            NoFirstKeys::Gone => Failure {
                exit: Exit::Gone,
                message: format!(
                    "the first keys of {} were already shown, or there are none because an account was \
                     created before the first start: create another key with sealdrop apikey create NAME \
                     (sealdrop account list shows the names)",
                    dir.display()
                ),
            },
            NoFirstKeys::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                failed(&format!(
                    "{error}; run this as the user of the daemon (sudo -u sealdrop sealdrop …)"
                ))
            }
            NoFirstKeys::Io(error) => failed(&error),
            NoFirstKeys::Damaged => failed(&error),
        })?;
        // Shown before they are removed: a full disk or a closed pipe must not lose the keys.
        match self.json {
            true => write_json(context.out, &taken.keys.account)?,
            false => taken.keys.show(context.out)?,
        }
        context.out.flush()?;
        taken.remove().map_err(|error| {
            failed(&format!("the keys were shown, but the file could not be deleted: {error}"))
        })
    }
}
