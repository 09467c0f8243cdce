//! The first start: an account, whose keys are shown at a terminal, else left in a file.

use std::{io, path::Path};

use crate::{
    admin::{AccountCreated, FIRST_KEYS_NAME, FirstKeys},
    api::App,
    cli::{Failure, Output},
    config::Settings,
    domain::{
        account::AccountError,
        operator::{self, NewAccount},
    },
};

/// The account that a first start makes.
const FIRST_ACCOUNT: &str = "default";

/// Makes the first account of a store that has never had one; returns its keys. Where `output` is no
/// terminal, the keys are in a file of the data directory as well.
///
/// The file is on disk before the account is, so that the account never exists without its keys.
pub(super) fn first_account(
    app: &App,
    settings: &Settings,
    base: &str,
    output: &Output<'_>,
) -> Result<Option<FirstKeys>, Failure> {
    let failed = |error: AccountError| Failure::failed(error.to_string());
    if operator::has_had_accounts(&app.store).map_err(failed)? {
        remove_useless(app, &settings.data);
        return Ok(None);
    }
    let (keys, draft) = operator::draft_account(FIRST_ACCOUNT, &*app.random).map_err(failed)?;
    let NewAccount { private_key, public_key } = keys;
    let account = FIRST_ACCOUNT.to_owned();
    let keys = FirstKeys {
        account: AccountCreated { account, private_key, public_key },
        base: base.to_owned(),
    };
    if !output.is_terminal {
        keys.leave(&settings.data).map_err(|error| {
            let file = settings.data.join(FIRST_KEYS_NAME);
            super::failure::of_system(&format!("cannot write {}", file.display()), &error)
        })?;
    }
    draft.store(&app.store, settings.allowance, app.clock.now()).map_err(failed)?;
    app.api_keys.reload(&app.store).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Some(keys))
}

/// Tells the operator of the first account: the keys at a terminal, else how to read them.
pub(super) fn welcome(keys: &FirstKeys, data: &Path, output: Output<'_>) -> io::Result<()> {
    let Output { out, is_terminal } = output;
    if is_terminal {
        writeln!(out, "\nThis is the first start.")?;
        return keys.show(out);
    }
    // Another directory may be the working directory where the command is typed.
    let data = std::path::absolute(data)?;
    write!(
        out,
        "\nThis is the first start: the account {:?} was created. Its keys are in {} until\n\
         they are read, once, by this command, as the user of this daemon:\n\n  \
         sealdrop first-keys --data {}\n\n",
        keys.account.account,
        data.join(FIRST_KEYS_NAME).display(),
        quoted(&data.display().to_string()),
    )?;
    out.flush()
}

/// A start that ended before it had created its account leaves keys that open nothing, if the account was
/// then created by a command.
fn remove_useless(app: &App, dir: &Path) {
    let Ok(taken) = FirstKeys::take(dir) else { return };
    let AccountCreated { private_key, public_key, .. } = &taken.keys.account;
    let is_useless = [private_key, public_key]
        .iter()
        .all(|key| app.api_keys.find(key.expose_secret().as_bytes()).is_none());
    if is_useless && let Err(error) = taken.remove() {
        tracing::warn!(%error, "cannot remove {FIRST_KEYS_NAME}, whose keys open nothing");
    }
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%".contains(&byte);
    match text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        for (path, word) in [
            ("/var/lib/sealdrop", "/var/lib/sealdrop"),
            ("/srv/a b", "'/srv/a b'"),
            ("/srv/it's $HOME", "'/srv/it'\\''s $HOME'"),
            ("/srv/ä", "'/srv/ä'"),
        ] {
            assert_eq!(quoted(path), word);
        }
    }
}
