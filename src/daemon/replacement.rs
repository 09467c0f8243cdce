//! Becoming a new version of the program without refusing a connection: the process keeps its listeners, and
//! runs the program again.

use std::{
    env,
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{self, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use command_fds::{CommandFdExt, FdMapping};

use super::listening::{self, NAMES, SocketOrigins};
use crate::server::KeptListeners;

/// The number of the first inherited socket (`sd_listen_fds(3)`).
const FIRST_SOCKET: i32 = 3;

/// How long the program may take to check the settings, and how often it is asked whether it has.
const CHECK_LIMIT: Duration = Duration::from_secs(30);
const CHECK_PAUSE: Duration = Duration::from_millis(20);

/// The program as it was started, to be started again.
pub(super) struct Successor {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Successor {
    /// Notes how this process was started. The file of the program may be another one later.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn note() -> io::Result<Self> {
        let mut arguments = env::args_os();
        let named = arguments.next().map(PathBuf::from);
        // A path may lead through a link to the newest version. A name alone was looked up.
        let program = match named.filter(|name| name.components().count() > 1) {
            Some(path) => path,
            None => env::current_exe()?,
        };
        Ok(Self { program, arguments: arguments.collect() })
    }

    /// Whether the program that is there now accepts the settings. Blocks.
    ///
    /// # Errors
    ///
    /// What it says, or why it does not run.
    pub(super) fn check(&self) -> Result<(), String> {
        let failed = |error: io::Error| format!("{}: {error}", self.program.display());
        // It says little, which fits into a pipe.
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg("--check")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let start = Instant::now();
        while child.try_wait().map_err(failed)?.is_none() {
            if start.elapsed() > CHECK_LIMIT {
                child.kill().map_err(failed)?;
                break;
            }
            thread::sleep(CHECK_PAUSE);
        }
        let checked = child.wait_with_output().map_err(failed)?;
        match checked.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&checked.stderr);
                Err(format!("{} {}", checked.status, said.trim()))
            }
        }
    }

    /// Replaces this process by the program, which takes the listeners over. Returns only if that fails.
    pub(super) fn begin(&self, listeners: &KeptListeners, origins: SocketOrigins) -> io::Error {
        let sockets = match listening::to_leave(listeners, origins) {
            Ok(sockets) => sockets,
            Err(error) => return error,
        };
        let names: Vec<_> = sockets.iter().map(|(_, name)| *name).collect();
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("LISTEN_FDS", sockets.len().to_string())
            .env("LISTEN_PID", process::id().to_string())
            .env(NAMES, names.join(":"));
        let mappings = sockets.into_iter().zip(FIRST_SOCKET..);
        let mappings = mappings.map(|((parent_fd, _), child_fd)| FdMapping { parent_fd, child_fd });
        match command.fd_mappings(mappings.collect()) {
            Ok(command) => command.exec(),
            Err(error) => io::Error::other(error),
        }
    }
}
