//! `sealdrop master-key rotate`

use std::path::Path;

use crate::{
    cli::{Context, Failure, flags::command},
    crypto::WrappingKey,
    master_key,
    store::change_master_key,
};

command! {
    /// Encrypt the ring under another master key, while the daemon is stopped. Without --new, the ring is not
    /// encrypted any more; without --old, it was not.
    #[argh(
        subcommand,
        name = "rotate",
        help_triggers("-h", "--help"),
        usage = "[--old FILE] [--new FILE] [--data DIR] [--config FILE]",
        example = "{command_name} --old master-key --new new-master-key --data /var/lib/sealdrop"
    )]
    pub(crate) struct MasterKeyRotateCommand: directory {
        /// the file with the present master key
        #[argh(option, arg_name = "FILE")]
        old: Option<String>,

        /// the file with the next one, from sealdrop master-key create
        #[argh(option, arg_name = "FILE")]
        new: Option<String>,
    }
}

impl MasterKeyRotateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let dir = self.directory().directory(context)?;
        if self.old.is_none() && self.new.is_none() {
            return Err(Failure::usage("give --old FILE, --new FILE or both"));
        }
        let old = key(self.old.as_deref(), "--old")?;
        let new = key(self.new.as_deref(), "--new")?;
        let is_encrypted = new.is_some();
        change_master_key(&dir, old, new).map_err(|error| Failure::failed(error.to_string()))?;
        let next = match is_encrypted {
            true => "start the daemon with the new key (--master-key-file)",
            false => "it is not encrypted now: start the daemon without --master-key-file",
        };
        Ok(writeln!(
            context.out,
            "the ring of {} was written again; {next}; it writes the copies",
            dir.display()
        )?)
    }
}

fn key(path: Option<&str>, flag: &str) -> Result<Option<WrappingKey>, Failure> {
    let read = |path: &str| {
        master_key::read(Path::new(path))
            .map_err(|problem| Failure::usage(format!("{flag}: {path}: {problem}")))
    };
    path.map(read).transpose()
}
