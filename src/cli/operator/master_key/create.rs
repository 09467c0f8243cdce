//! `sealdrop master-key create`

use std::{io::ErrorKind, path::Path};

use argh::{ArgsInfo, FromArgs};

use crate::{
    cli::{Context, Failure},
    crypto::SystemRandom,
    master_key,
};

/// Write a new master key into a new file that only you can read.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "create",
    help_triggers("-h", "--help"),
    usage = "FILE",
    example = "{command_name} /etc/sealdrop/master-key"
)]
pub(crate) struct MasterKeyCreateCommand {
    /// the new file
    #[argh(positional, arg_name = "FILE")]
    file: String,
}

impl MasterKeyCreateCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let path = Path::new(&self.file);
        master_key::create(path, &SystemRandom).map_err(|error| {
            let advice = match error.kind() {
                ErrorKind::AlreadyExists => "; a key that is in use must not be overwritten",
                _ => "",
            };
            Failure::failed(format!("{}: {error}{advice}", path.display()))
        })?;
        writeln!(context.out, "the master key is in {}", path.display())?;
        Ok(writeln!(
            context.out,
            "keep a copy of it elsewhere: without it, nothing that it has encrypted can be opened"
        )?)
    }
}
