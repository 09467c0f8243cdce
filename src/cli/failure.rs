//! The end of a run: the exit code and the message.

use std::{io, process::ExitCode, time::Duration};

use super::terminal_text;
use crate::{
    admin::{CommandError, ErrorKind},
    client::{ClientError, link::BadLink, proxy::BadProxy},
    config::BadSetting,
};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: something failed.
    Failed,
    /// 2: a secret, a request or a box is gone or unknown.
    Gone,
    /// 3: a key, a password or a passphrase is missing or wrong.
    Refused,
    /// 64: the command line or a setting is wrong (`EX_USAGE` of sysexits(3)).
    Usage,
    /// 65: a link, its secret or box, or the data directory is damaged (`EX_DATAERR`).
    Damaged,
    /// 69: the server cannot be reached (`EX_UNAVAILABLE`).
    Unreachable,
    /// 75: the server is busy or a limit is reached, or the daemon cannot start now; a later attempt may
    /// succeed (`EX_TEMPFAIL`).
    Busy,
    /// 130: Ctrl-C, as shells report it.
    Interrupted,
    /// 141: the reader of the output has closed it (`SIGPIPE`), as shells report it.
    ClosedPipe,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Gone => 2,
            Exit::Refused => 3,
            Exit::Usage => 64,
            Exit::Damaged => 65,
            Exit::Unreachable => 69,
            Exit::Busy => 75,
            Exit::Interrupted => 130,
            Exit::ClosedPipe => 141,
        })
    }
}

/// The failure of a subcommand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Not [`Exit::Done`].
    pub exit: Exit,
    /// The problem and a remedy, without secrets. Empty for no message.
    pub message: String,
}

impl Failure {
    /// A failure that is not an error of the command line.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// The reader of the output, such as `head`, has closed it. No message is printed.
    pub(crate) fn closed_pipe() -> Self {
        Self { exit: Exit::ClosedPipe, message: String::new() }
    }

    /// The command line is wrong, and nothing was changed.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Gone => Exit::Gone,
            ClientError::Refused { .. } => Exit::Refused,
            // The value of a flag.
            ClientError::Rejected { field: Some(_), .. } => Exit::Usage,
            ClientError::Rejected { .. }
            | ClientError::Failed { .. }
            | ClientError::File { .. }
            | ClientError::Misunderstood { .. } => Exit::Failed,
            ClientError::InFront { status, .. } => match status.as_u16() {
                401 | 403 | 407 => Exit::Refused,
                408 | 429 | 502..=504 => Exit::Busy,
                _ => Exit::Failed,
            },
            ClientError::Busy { .. } => Exit::Busy,
            ClientError::Unreachable { .. } => Exit::Unreachable,
            ClientError::Damaged(_) => Exit::Damaged,
        };
        let flag = match &error {
            ClientError::Rejected { field: Some(field), .. }
            | ClientError::Refused { field: Some(field), .. } => flag_of(field),
            _ => None,
        };
        let hint = flag.map_or(String::new(), |flag| format!(" ({flag})"));
        let told = terminal_text::escaped(&error.to_string());
        let wait = match &error {
            ClientError::Busy { retry_after, .. } | ClientError::InFront { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        };
        // Unless the server's message has it.
        let wait =
            wait.filter(|wait| !wait.is_zero() && !told.to_lowercase().contains("try again in"));
        let wait = wait.map_or(String::new(), |wait| format!("; try again in {}", in_words(wait)));
        Self { exit, message: format!("{told}{hint}{wait}") }
    }
}

impl From<BadLink> for Failure {
    fn from(bad: BadLink) -> Self {
        Self { exit: Exit::Damaged, message: format!("this link cannot be used: {bad}") }
    }
}

impl From<BadProxy> for Failure {
    fn from(bad: BadProxy) -> Self {
        Self::usage(bad.to_string())
    }
}

impl From<BadSetting> for Failure {
    fn from(bad: BadSetting) -> Self {
        Self { exit: Exit::Usage, message: bad.to_string() }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let exit = match error.kind {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Failed => Exit::Failed,
        };
        Self { exit, message: error.message }
    }
}

/// The subcommands use `?` only for standard input, output and error.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::closed_pipe();
        }
        Self::failed(format!("cannot use standard input or output: {error}"))
    }
}

/// A time to wait, rounded up so that a retry is not too early.
fn in_words(time: Duration) -> String {
    const UNITS: [(u64, u64, &str); 4] =
        [(1, 90, "second"), (60, 90, "minute"), (3600, 48, "hour"), (86_400, u64::MAX, "day")];
    let seconds = time.as_secs().max(1);
    let units = UNITS.iter().map(|(unit, most, name)| (seconds.div_ceil(*unit), *most, *name));
    let mut fitting = units.filter(|(count, most, _)| count <= most);
    let (count, _, name) = fitting.next().unwrap_or((seconds, 0, "second"));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

/// The argument that sets a field of the API.
fn flag_of(field: &str) -> Option<&'static str> {
    match field {
        "ciphertext" => Some("the text, together with the names of the files, is too long"),
        "attachments" => Some("FILE"),
        "expiration" | "expires_at" => Some("--expires"),
        "max_views" => Some("--views"),
        "message" => Some("--message"),
        "message_shown" => Some("--message-shown"),
        "description" => Some("--description"),
        "password" | "secret_password" => Some("--password-file"),
        "limit" => Some("--limit"),
        "send_request_to_email" => Some("--mail-to"),
        "send_to_email" => Some("--send-to"),
        "secret_expiration" => Some("--secret-expires"),
        "secret_max_views" => Some("--secret-views"),
        "secret_message" => Some("--secret-message"),
        "secret_description" => Some("--secret-description"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_in_words() {
        let cases = [
            (0, "1 second"),
            (1, "1 second"),
            (45, "45 seconds"),
            (90, "90 seconds"),
            (91, "2 minutes"),
            (720, "12 minutes"),
            (721, "13 minutes"),
            (3600, "60 minutes"),
            (5401, "2 hours"),
            (86_400, "24 hours"),
            (200_000, "3 days"),
        ];
        for (seconds, words) in cases {
            assert_eq!(in_words(Duration::from_secs(seconds)), words, "{seconds}");
        }
        let busy = |message: &str| {
            let retry_after = Some(Duration::from_secs(700));
            Failure::from(ClientError::Busy { message: message.into(), retry_after }).message
        };
        assert!(busy("Too many").ends_with("Too many; try again in 12 minutes"));
        assert!(busy("Too many: try again in 11 minutes").ends_with("in 11 minutes"));
    }
}
