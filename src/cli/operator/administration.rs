//! Shared parts of the commands of the operator: the data directory, the reply, JSON.

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

/// The flags that name the data directory.
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

/// Executes `command` on the data directory that `flags` or the environment names.
pub(crate) fn execute(
    flags: DirectoryFlags,
    command: Command,
    context: &Context<'_>,
) -> Result<Reply, Failure> {
    let dir = flags.directory(context)?;
    Ok(admin::execute(&dir, command, context.daemon.open_store)?)
}

/// Writes `value` as one line of JSON.
pub(crate) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// Writes a new key or link to standard output, or to standard error if that fails, because it cannot be
/// shown again.
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

/// The failure for a reply that belongs to another command.
pub(crate) fn unexpected() -> Failure {
    Failure::failed(
        "the daemon's answer belongs to another command; does the daemon have another version?",
    )
}

/// Executes a command and takes the value out of the reply `$Reply`; returns from the function on a failure
/// and on any other reply.
macro_rules! reply {
    ($Reply:ident, $flags:expr, $command:expr, $context:expr) => {
        match $crate::cli::operator::administration::execute($flags, $command, $context)? {
            $crate::admin::Reply::$Reply(value) => value,
            _ => return Err($crate::cli::operator::administration::unexpected()),
        }
    };
}
pub(crate) use reply;
