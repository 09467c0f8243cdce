//! The context of a command: streams, environment, and the functions of the daemon.

use std::{
    ffi::OsString,
    io::{BufRead, Write},
    path::Path,
};

use super::Failure;
use crate::{
    admin::{OpenFailure, OpenedBackup, OpenedStore, StoreCreation},
    config::Loaded,
    crypto::WrappingKey,
    master_key::{self, MASTER_KEY_FILE},
};

/// The name that replaces a single `-` for argh, which would take it for a flag without a name.
pub(crate) const STANDARD_INPUT: &str = "/dev/stdin";

/// The functions of the daemon that commands call.
pub struct DaemonCalls<'a> {
    /// Runs the daemon until a signal stops it.
    pub serve: &'a dyn Fn(Loaded, bool, Output<'_>) -> Result<(), Failure>,
    /// Opens the store in a data directory for one command.
    pub open_store: &'a dyn Fn(&Path, StoreCreation) -> Result<OpenedStore, OpenFailure>,
    /// Opens the store in a data directory for a backup.
    pub open_backup: &'a dyn Fn(&Path) -> Result<OpenedBackup, OpenFailure>,
    /// Protects the files and the memory of a process that handles keys.
    pub protect: &'a dyn Fn(),
}

/// Standard output.
pub struct Output<'a> {
    /// The stream.
    pub out: &'a mut dyn Write,
    /// Whether it is a terminal; otherwise a program or a journal reads it.
    pub is_terminal: bool,
}

/// The environment and the streams of one run; tests have their own.
pub(crate) struct Context<'a> {
    pub(in crate::cli) daemon: &'a DaemonCalls<'a>,
    pub(in crate::cli) environment: Vec<(OsString, OsString)>,
    /// Whether `input` is a terminal.
    pub(in crate::cli) interactive: bool,
    /// Whether `/dev/tty` can ask the user although `input` is not a terminal.
    pub(in crate::cli) asks_at_tty: bool,
    /// Whether `out` is a terminal.
    pub(in crate::cli) out_is_terminal: bool,
    /// Whether `out` was closed when the program started, so that output is lost.
    pub(in crate::cli) out_is_closed: bool,
    pub(in crate::cli) input: &'a mut dyn BufRead,
    pub(in crate::cli) out: &'a mut dyn Write,
    pub(in crate::cli) err: &'a mut dyn Write,
}

impl Context<'_> {
    /// The master key for work on a data directory without a daemon, from the environment.
    pub(in crate::cli) fn master_key(&self) -> Result<Option<WrappingKey>, Failure> {
        let named = self.environment.iter().find(|(name, _)| name == MASTER_KEY_FILE);
        let key = named.map(|(_, path)| master_key::read_named(Path::new(path)));
        key.transpose().map_err(Failure::usage)
    }
}
