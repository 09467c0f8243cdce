//! The administration: executes the operator's commands in the one process that may write.
//!
//! A command goes through the socket of the daemon if a daemon runs on the data directory; otherwise the
//! command line opens the store itself. Only the permissions of the file system control access.

mod backup;
mod claim;
mod client;
mod command;
mod examination;
mod first_keys;
mod outbox;
mod run;
mod socket;
mod webhook;

use std::{fs, io, os::unix::fs::MetadataExt, path::Path, thread, time::Duration};

pub use self::{
    backup::{IncomingBackup, OpenedBackup, begin_backup},
    claim::{FIRST_ACCOUNT, create_claim},
    client::{SocketError, call},
    command::{
        AccountCreated, AccountDeleted, AccountRow, ApiKeyCreated, ApiKeyRenamed, ApiKeyRevoked,
        ApiKeyRow, ClaimCreated, Command, CommandError, DaemonHealth, DisplayNameSet, ErrorKind,
        MailTested, NotifyEmailSet, OutboxChanged, OutboxPage, OutboxRow, Reply, RingTurned,
        WebhookAdded, WebhookRemoved, WebhookRow, WebhookTested,
    },
    examination::{MailLoginTested, RequestArrival, ServingFacts},
    first_keys::{FIRST_KEYS_NAME, FirstKeys, NoFirstKeys},
    run::{OperatorTerms, mailbox, run},
    socket::{SOCKET_NAME, bind, serve},
    webhook::test as test_webhook,
};

use self::client::call_within;
use crate::domain::account::AccountName;

/// The time that a daemon may take from its lock to its socket, or from its last answer to its end. In
/// between it opens and checks the store, a second for 100,000 secrets.
const RETRIES: u32 = 100;
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// An opened store: executes one command on it and closes it.
pub type OpenedStore = Box<dyn FnOnce(Command) -> Result<Reply, CommandError>>;

/// Whether opening may create a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCreation {
    /// Also the data directory itself.
    IfMissing,
    /// A mistyped `--data` must not create a new store.
    Never,
}

/// The reason why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailure {
    /// Another process has locked it.
    #[error("the data directory is in use by another process")]
    Locked,
    /// Any other reason, for the operator.
    #[error("{0}")]
    Other(String),
}

/// Executes `command` on the data directory `dir`: through the daemon if one runs there, otherwise on the
/// store that `open` opens. Waits up to 5 s for a daemon that is starting.
///
/// Only [`Command::CreateAccount`] may create the directory.
///
/// # Errors
///
/// The error of the command, or the obstacle and a remedy.
pub fn execute(
    dir: &Path,
    command: Command,
    open: impl Fn(&Path, StoreCreation) -> Result<OpenedStore, OpenFailure>,
) -> Result<Reply, CommandError> {
    execute_patiently(dir, command, open, pauses())
}

/// Waits between two attempts; false after the last one.
fn pauses() -> impl FnMut() -> bool {
    let mut retries = 0..RETRIES;
    move || {
        thread::sleep(RETRY_PAUSE);
        retries.next().is_some()
    }
}

/// Executes `command` in the daemon that runs on the data directory `dir`, which must answer within `limit`.
/// Without a daemon it does not open the store, so it does not lock out one that starts.
///
/// # Errors
///
/// The error of the command, or the obstacle and a remedy.
pub fn ask_daemon(dir: &Path, command: &Command, limit: Duration) -> Result<Reply, CommandError> {
    call_within(dir, command, Some(limit)).map_err(|error| explain(error, dir))
}

/// `wait` waits between two attempts; it returns false after the last one.
fn execute_patiently(
    dir: &Path,
    command: Command,
    open: impl Fn(&Path, StoreCreation) -> Result<OpenedStore, OpenFailure>,
    wait: impl FnMut() -> bool,
) -> Result<Reply, CommandError> {
    let create = match &command {
        Command::CreateAccount { name, .. } => {
            // Before the directory is created: bad input changes nothing.
            AccountName::new(name)
                .map_err(|bad| CommandError { kind: ErrorKind::Usage, message: bad.to_string() })?;
            StoreCreation::IfMissing
        }
        _ => StoreCreation::Never,
    };
    let opened = patiently(
        dir,
        create,
        || call(dir, &command).map(Done::Asked),
        || open(dir, create).map(Done::Opened),
        wait,
    )?;
    match opened {
        Done::Asked(reply) => Ok(reply),
        Done::Opened(run) => run(command),
    }
}

/// A command that the daemon has executed, or a store that executes it.
enum Done {
    Asked(Reply),
    Opened(OpenedStore),
}

/// Asks the daemon with `ask`, or calls `open` where none runs. Repeats that while another process has the
/// directory and `wait` returns true.
fn patiently<T>(
    dir: &Path,
    create: StoreCreation,
    ask: impl Fn() -> Result<T, SocketError>,
    open: impl Fn() -> Result<T, OpenFailure>,
    mut wait: impl FnMut() -> bool,
) -> Result<T, CommandError> {
    loop {
        let owner = owner(dir, create)?;
        match ask() {
            Err(SocketError::NotThere) => {}
            Err(error) => return Err(explain(error, dir)),
            Ok(done) => return Ok(done),
        }
        owner.map_or(Ok(()), |owner| refuse_foreign(dir, owner))?;
        match open() {
            Ok(done) => return Ok(done),
            // A daemon without its socket yet, or another command that will end soon.
            Err(OpenFailure::Locked) if wait() => {}
            Err(OpenFailure::Locked) => {
                return Err(failed(format!(
                    "{} is in use by another process, but no daemon answers at its {SOCKET_NAME}: \
                     it may be starting or stopping; try again, or read its log",
                    dir.display(),
                )));
            }
            Err(OpenFailure::Other(message)) => return Err(failed(message)),
        }
    }
}

/// The user who owns `dir`; `None` if it does not exist but may be created.
fn owner(dir: &Path, create: StoreCreation) -> Result<Option<u32>, CommandError> {
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(Some(found.uid())),
        Ok(_) => Err(failed(format!("{} is not a directory; give --data", dir.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create {
            StoreCreation::IfMissing => Ok(None),
            StoreCreation::Never => Err(CommandError::new(
                ErrorKind::NotFound,
                format!(
                    "there is no data directory at {}; give --data or start the daemon first",
                    dir.display(),
                ),
            )),
        },
        Err(error) => Err(failed(format!("cannot access {}: {error}", dir.display()))),
    }
}

/// Root can write anywhere, but the daemon could not use files of root in the data directory.
fn refuse_foreign(dir: &Path, owner: u32) -> Result<(), CommandError> {
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(failed(format!(
        "no daemon answers, and {} belongs to another user, who could not use the files made by \
         this command: start the daemon first, or run this as that user (sudo -u '#{owner}' \
         sealdrop …)",
        dir.display(),
    )))
}

fn explain(error: SocketError, dir: &Path) -> CommandError {
    let dir = dir.display();
    match error {
        SocketError::Refused(error) => error,
        SocketError::NotThere => failed(format!("no daemon answers at {dir}; start it first")),
        SocketError::NotAllowed => failed(format!(
            "permission denied at {dir}: run this as the user of the daemon (sudo -u sealdrop \
             sealdrop …)",
        )),
        error @ SocketError::BrokenOff => {
            failed(format!("{error}: use the list command to see whether the command was executed"))
        }
        error @ SocketError::Silent => {
            failed(format!("{error}: it is overloaded, or hangs and needs a restart"))
        }
        error @ SocketError::Io(_) => {
            failed(format!("{error}; does the daemon have another version?"))
        }
    }
}

fn failed(message: String) -> CommandError {
    CommandError::new(ErrorKind::Failed, message)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, path::PathBuf};

    use super::*;

    fn created(name: String) -> Reply {
        Reply::ApiKeyRevoked(ApiKeyRevoked { id: "opened".into(), account: name })
    }

    fn opens(_: &Path, _: StoreCreation) -> Result<OpenedStore, OpenFailure> {
        Ok(Box::new(|command| Ok(created(format!("{command:?}")))))
    }

    fn locked(_: &Path, _: StoreCreation) -> Result<OpenedStore, OpenFailure> {
        Err(OpenFailure::Locked)
    }

    fn message(outcome: Result<Reply, CommandError>) -> String {
        outcome.err().unwrap().message
    }

    #[test]
    fn without_a_daemon_the_store_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let Ok(Reply::ApiKeyRevoked(reply)) = execute(dir.path(), Command::ListAccounts, opens)
        else {
            panic!("not carried out");
        };
        assert_eq!(reply.account, "ListAccounts");
    }

    #[test]
    fn only_a_new_account_makes_a_data_directory() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("absent");
        let text = message(execute(&dir, Command::ListAccounts, |_, _| panic!("opened")));
        let expected = format!(
            "there is no data directory at {}; give --data or start the daemon first",
            dir.display()
        );
        assert_eq!(text, expected);

        let asked = Cell::new(None);
        let create = Command::CreateAccount { name: "x".into(), allowance: None };
        let outcome = execute(&dir, create, |dir, create| {
            asked.set(Some((dir.to_owned(), create)));
            opens(dir, create)
        });
        assert!(outcome.is_ok());
        assert_eq!(asked.take(), Some((dir, StoreCreation::IfMissing)));

        let file: PathBuf = root.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(message(execute(&file, Command::ListAccounts, opens)).contains("not a directory"));
    }

    #[test]
    fn a_lock_without_a_socket_is_waited_for_and_then_explained() {
        let dir = tempfile::tempdir().unwrap();
        let mut left = 3;
        let outcome = execute_patiently(dir.path(), Command::ListAccounts, locked, || {
            left -= 1;
            left > 0
        });
        assert_eq!(left, 0);
        let text = message(outcome);
        assert!(text.contains("in use by another process") && text.contains("try again"), "{text}");
    }

    #[tokio::test]
    async fn a_daemon_that_is_just_starting_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let (late, mut listener) = tokio::sync::mpsc::channel(1);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let runtime = tokio::runtime::Handle::current();
        let client = thread::spawn(move || {
            let outcome = execute_patiently(&path, Command::ListAccounts, locked, || {
                let _in_runtime = runtime.enter();
                late.try_send(bind(&path).unwrap()).is_ok()
            });
            stop.send(()).unwrap();
            outcome
        });
        let listener = listener.recv().await.unwrap();
        let run = |command| Ok(created(format!("through the socket: {command:?}")));
        let no_backup = |_: &mut dyn std::io::Write,
                         _: crate::store::backup::BackupOrder<'_>,
                         _: &dyn Fn() -> bool| Err(failed(String::new()));
        serve(listener, run, no_backup, async { stopped.await.unwrap() }).await;
        let Ok(Reply::ApiKeyRevoked(reply)) = client.join().unwrap() else {
            panic!("not carried out");
        };
        assert_eq!(reply.account, "through the socket: ListAccounts");
    }

    #[test]
    fn a_directory_of_somebody_else_is_not_written_to() {
        let me = rustix::process::geteuid().as_raw();
        assert!(refuse_foreign(Path::new("/x"), me).is_ok());
        let text = refuse_foreign(Path::new("/x"), me + 1).unwrap_err().message;
        assert!(text.contains(&format!("sudo -u '#{}'", me + 1)), "{text}");
    }
}
