//! Prompts at the terminal.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::Path,
};

use zeroize::Zeroizing;

use super::{Context, Exit, Failure, interrupt, terminal_text};
use crate::{
    crypto::{SecretText, TypedPassword},
    secret_file::{read_passphrase, read_secret},
};

/// Asks for a password at the terminal, even if standard input and output are redirected.
///
/// # Errors
///
/// [`Exit::Refused`] without a terminal; the message names `flag`.
pub(crate) fn password(question: &str, flag: &str) -> Result<SecretText, Failure> {
    let refused = |message| Failure { exit: Exit::Refused, message };
    let typed = hidden(&format!("{question}: "))?.ok_or_else(|| {
        let question = question.to_lowercase();
        refused(format!(
            "a {question} is required, and there is no terminal to ask for it: give {flag} FILE"
        ))
    })?;
    match typed.is_empty() {
        true => Err(refused("nothing was entered".into())),
        false => Ok(typed),
    }
}

/// Reads a line from the terminal without echo; `None` without a terminal.
///
/// # Errors
///
/// [`Exit::Interrupted`] for Ctrl-C.
pub(crate) fn hidden(question: &str) -> Result<Option<SecretText>, Failure> {
    // After the signal, the prompt must restore the terminal.
    let _held = interrupt::hold()?;
    let typed = rpassword::prompt_password(question);
    interrupt::check()?;
    Ok(typed.ok().map(SecretText::new))
}

/// Asks for a new password, twice.
pub(crate) fn new_password(question: &str, flag: &str) -> Result<SecretText, Failure> {
    let first = password(question, flag)?;
    let second = password(&format!("{question} again"), flag)?;
    match first.expose_secret() == second.expose_secret() {
        true => Ok(first),
        false => Err(Failure::usage("the two entries differ; nothing was changed")),
    }
}

/// The password in the file `path`, without blanks and line breaks at its ends.
pub(crate) fn password_in(path: &str, flag: &str) -> Result<SecretText, Failure> {
    read_secret(Path::new(path)).map_err(|problem| {
        Failure::usage(format!("{flag}: {problem}; the file must contain one password"))
    })
}

/// The passphrase of a box in the file `path`, with blanks at its ends.
pub(crate) fn passphrase_in(path: &str, flag: &str) -> Result<SecretText, Failure> {
    read_passphrase(Path::new(path)).map_err(|problem| {
        Failure::usage(format!("{flag}: {problem}; the file must contain one passphrase"))
    })
}

/// The password of a secret, typed or read from `file`.
pub(crate) fn not_blank(
    password: &SecretText,
    file: Option<&str>,
) -> Result<TypedPassword, Failure> {
    let place = file.map(|path| format!("--password-file: {path}: ")).unwrap_or_default();
    TypedPassword::new(password.expose_secret())
        .ok_or_else(|| Failure::usage(format!("{place}a password cannot consist of blanks only")))
}

/// Asks whether to continue, if there is a terminal.
///
/// # Errors
///
/// [`Exit::Failed`] for no.
pub(crate) fn confirm(question: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    match asked(question, context)? {
        Some(false) => Err(Failure::failed("cancelled; nothing was changed")),
        Some(true) | None => Ok(()),
    }
}

/// Asks before an action that cannot be undone.
///
/// # Errors
///
/// [`Exit::Failed`] for no, [`Exit::Usage`] without a terminal.
pub(crate) fn insist(question: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    match asked(question, context)? {
        Some(false) => Err(Failure::failed("cancelled; nothing was changed")),
        Some(true) => Ok(()),
        None => Err(Failure::usage(
            "there is no terminal to ask for confirmation: add --yes to confirm",
        )),
    }
}

/// The answer at the terminal; `None` without one.
fn asked(question: &str, context: &mut Context<'_>) -> Result<Option<bool>, Failure> {
    let mut answer = String::new();
    if context.interactive {
        write!(context.err, "{question} [y/N] ")?;
        context.err.flush()?;
        context.input.read_line(&mut answer)?;
    } else if context.asks_at_tty {
        // Standard input has other data.
        let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else {
            return Ok(None);
        };
        write!(&terminal, "{question} [y/N] ")?;
        BufReader::new(&terminal).read_line(&mut answer)?;
    } else {
        return Ok(None);
    }
    Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// Writes the text of a secret: unchanged, or escaped for a terminal.
pub(crate) fn write_text(text: &str, context: &mut Context<'_>) -> io::Result<()> {
    if context.out_is_terminal {
        let shown = Zeroizing::new(terminal_text::escaped(text));
        context.out.write_all(shown.as_bytes())?;
        if !shown.ends_with('\n') && !shown.is_empty() {
            context.out.write_all(b"\n")?;
        }
    } else {
        context.out.write_all(text.as_bytes())?;
    }
    context.out.flush()
}
