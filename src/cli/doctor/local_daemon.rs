//! The daemon on this machine, asked over its administration socket.

use std::{io, os::unix::net::UnixStream, path::PathBuf, time::Duration};

use crate::{
    admin::{
        Command, MailLoginTested, Reply, RequestArrival, SOCKET_NAME, ServingFacts, ask_daemon,
    },
    cli::{Failure, operator::administration::unexpected},
    domain::server_status::ServerStatus,
};

/// How long the daemon may take to answer. Its mail server may take a while for each step of a login.
const PATIENCE: Duration = Duration::from_secs(100);

/// A running daemon.
pub(super) struct LocalDaemon {
    dir: PathBuf,
}

/// Asks for the value of the reply `$Reply`.
macro_rules! ask {
    ($self:expr, $command:expr, $Reply:ident) => {
        match ask_daemon(&$self.dir, &$command, PATIENCE)? {
            Reply::$Reply(value) => Ok(value),
            _ => Err(unexpected()),
        }
    };
}

impl LocalDaemon {
    /// The daemon on the data directory `dir`, and what it says; `None` if none runs. Blocks.
    ///
    /// # Errors
    ///
    /// If it does not answer, or this user may not ask it.
    pub(super) fn at(dir: PathBuf) -> Result<Option<(Self, ServingFacts)>, Failure> {
        // Other errors are explained below.
        if let Err(error) = UnixStream::connect(dir.join(SOCKET_NAME))
            && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
        {
            return Ok(None);
        }
        let daemon = Self { dir };
        let facts = ask!(daemon, Command::DescribeServing, Serving)?;
        Ok(Some((daemon, *facts)))
    }

    pub(super) fn await_request(&self, token: String) -> Result<(), Failure> {
        match ask_daemon(&self.dir, &Command::AwaitRequest { token }, PATIENCE)? {
            Reply::Awaited => Ok(()),
            _ => Err(unexpected()),
        }
    }

    pub(super) fn arrival(&self) -> Result<Option<RequestArrival>, Failure> {
        ask!(self, Command::ShowAwaited, Arrival)
    }

    pub(super) fn mail_login(&self) -> Result<MailLoginTested, Failure> {
        ask!(self, Command::TestMailLogin, MailLogin)
    }

    pub(super) fn status(&self) -> Result<ServerStatus, Failure> {
        let status: Result<_, Failure> = ask!(self, Command::ShowStatus, Status);
        Ok(*status?)
    }
}
