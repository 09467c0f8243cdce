//! What the subcommands `account`, `apikey` and `webhook` have in common.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde::Serialize;

use crate::{
    admin::{self, Command, Reply},
    cli::{Context, Failure},
    config,
};

/// The flags by which the data directory is found, as given.
pub(crate) struct DirectoryFlags {
    pub(crate) data: Option<String>,
    pub(crate) config: Option<String>,
}

impl DirectoryFlags {
    /// The data directory, by these flags or the environment.
    pub(crate) fn directory(self, context: &Context<'_>) -> Result<PathBuf, Failure> {
        let flags = [("data", self.data), ("config", self.config)];
        let flags = flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        Ok(config::data_directory(flags, context.environment.iter().cloned())?)
    }
}

/// Carries out `command` on the data directory that `place` and the environment name.
pub(crate) fn execute(
    place: DirectoryFlags,
    command: Command,
    context: &Context<'_>,
) -> Result<Reply, Failure> {
    let dir = place.directory(context)?;
    Ok(admin::execute(&dir, command, context.daemon.open_store)?)
}

/// Writes `value` as one line of JSON.
pub(crate) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// Writes what was made, which is of no use to anybody who does not hear of it: to standard error where
/// standard output fails.
pub(crate) fn write_made(
    context: &mut Context<'_>,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let written = write(context.out).and_then(|()| context.out.flush());
    if let Err(error) = written {
        write(context.err)?;
        return Err(error.into());
    }
    Ok(())
}

/// A reply to another command than the one that was asked.
pub(crate) fn unexpected() -> Failure {
    Failure::failed("the daemon's answer belongs to another command; is it of another version?")
}
