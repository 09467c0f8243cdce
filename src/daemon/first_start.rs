//! The first start: an account, a link that signs a browser in to it, and a secret to open.
//!
//! The account's API keys are shown at a terminal, else left in a file.

use std::{io, path::Path};

use crate::{
    admin::{self, AccountCreated, ClaimCreated, FIRST_ACCOUNT, FIRST_KEYS_NAME, FirstKeys},
    api::App,
    cli::{Failure, Output},
    config::Settings,
    crypto::{SecretText, contents::pack},
    domain::{
        account::AccountError,
        lifetime::Lifetime,
        operator::{self, NewAccount},
        secret::{manage, sealed_here},
    },
};

/// What a first start has created.
pub(super) struct FirstStart {
    keys: FirstKeys,
    claim: ClaimCreated,
    /// The complete link of a secret.
    example: SecretText,
}

/// Creates the first account of a store that has never had one, a claim link for it, and a secret. If
/// `output` is not a terminal, the keys are in a file of the data directory as well.
///
/// The file is on disk before the account is, so that the account never exists without its keys. If several
/// processes start on a new store, one of them creates all this, and the others remove their files.
pub(super) fn first_start(
    app: &App,
    settings: &Settings,
    base: &str,
    output: &Output<'_>,
) -> Result<Option<FirstStart>, Failure> {
    let failed = |error: AccountError| Failure::failed(error.to_string());
    if operator::has_had_accounts(&app.store).map_err(failed)? {
        remove_useless(app, &settings.data);
        return Ok(None);
    }
    let (keys, draft) = operator::draft_account(FIRST_ACCOUNT, &*app.random).map_err(failed)?;
    let NewAccount { private_key, public_key } = keys;
    let account = FIRST_ACCOUNT.to_owned();
    let keys = FirstKeys {
        account: AccountCreated { account: account.clone(), private_key, public_key },
        base: base.to_owned(),
    };
    if !output.is_terminal {
        keys.leave(&settings.data).map_err(|error| {
            let file = settings.data.join(FIRST_KEYS_NAME);
            super::failure::of_system(&format!("cannot write {}", file.display()), &error)
        })?;
    }
    let now = app.clock.now();
    let is_first = draft.store_first(&app.store, settings.allowance, now).map_err(failed)?;
    app.api_keys.reload(&app.store).map_err(|error| Failure::failed(error.to_string()))?;
    if !is_first {
        remove_useless(app, &settings.data);
        return Ok(None);
    }
    let claim = admin::create_claim(&app.store, Some(account), base, &*app.random, now)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let example = example(app, base)
        .map_err(|error| Failure::failed(format!("cannot create the example: {error}")))?;
    Ok(Some(FirstStart { keys, claim, example }))
}

/// Creates a secret without an account, so that the list and the figures of the account stay empty. Returns
/// its complete link.
fn example(app: &App, base: &str) -> Result<SecretText, Box<dyn std::error::Error>> {
    let random = &*app.random;
    let lifetime = Lifetime::new(None, app.rules.lifetime)?;
    let contents = pack("It works.", &[]);
    let (new, public) = sealed_here::seal(&app.store, random, &contents, lifetime)?;
    let (_, hash) = manage::generate(random);
    let (number, secret) = app.store.change(manage::create(new, hash, app.clock.now())).wait()?;
    let id = app.ids.text(&secret.id(number));
    Ok(SecretText::new(format!("{base}/{id}/#{}", public.expose_secret())))
}

/// Shows the operator what the first start has created: the links, then the keys at a terminal, else how to
/// read them.
pub(super) fn welcome(first: &FirstStart, data: &Path, output: Output<'_>) -> io::Result<()> {
    let Output { out, is_terminal } = output;
    let FirstStart { keys, claim, example } = first;
    write!(
        out,
        "\nThis is the first start: the account {:?} was created.\n\n\
         Sign a browser in to it with this link, once, within 15 minutes (sealdrop claim prints a new\n\
         one):\n\n  {}\n\n\
         Open this secret, once. It says \"It works.\":\n\n  {}\n\n",
        claim.account,
        claim.link.expose_secret(),
        example.expose_secret(),
    )?;
    if is_terminal {
        return keys.show(out);
    }
    // The command may be typed in another working directory.
    let data = std::path::absolute(data)?;
    write!(
        out,
        "The API keys of the account, for scripts, are in {}\n\
         until they are read, once, by this command, as the user of this daemon:\n\n  \
         sealdrop first-keys --data {}\n\n",
        data.join(FIRST_KEYS_NAME).display(),
        quoted(&data.display().to_string()),
    )?;
    out.flush()
}

/// Deletes the keys of a start that has created no account, because it ended before, or because a command or
/// another process was faster: they are not valid.
fn remove_useless(app: &App, dir: &Path) {
    let Ok(taken) = FirstKeys::take(dir) else { return };
    let AccountCreated { private_key, public_key, .. } = &taken.keys.account;
    let is_useless = [private_key, public_key]
        .iter()
        .all(|key| app.api_keys.find(key.expose_secret().as_bytes()).is_none());
    if is_useless && let Err(error) = taken.remove() {
        tracing::warn!(%error, "cannot delete {FIRST_KEYS_NAME}, whose keys are not valid");
    }
}

/// A text as a word for a shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%".contains(&byte);
    match text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        clock::{Clock, UnixSeconds},
        crypto::SeededRandom,
        daemon::rules::{rules, service_rules},
        domain::census::Census,
        store::{
            Store,
            faulty::{MemoryDisk, Sharing},
        },
    };

    /// A process with a data directory of its own.
    struct StartingProcess {
        app: Arc<App>,
        settings: Settings,
        _dir: tempfile::TempDir,
    }

    impl StartingProcess {
        fn new(disk: &MemoryDisk, seed: u64) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let data = dir.path().to_owned();
            let settings = Settings { data, key_pool: 0, ..Settings::default() };
            let app = App::new(
                Store::in_memory(disk).unwrap(),
                Clock::manual(UnixSeconds(1_800_000_000)),
                Arc::new(SeededRandom::new(seed)),
                rules(&settings),
                service_rules(&settings),
            );
            Self { app: Arc::new(app.unwrap()), settings, _dir: dir }
        }

        /// Whether this start was the first one.
        fn start(&self) -> bool {
            let mut out = Vec::new();
            let output = Output { out: &mut out, is_terminal: false };
            let started = first_start(&self.app, &self.settings, "http://a", &output);
            started.ok().unwrap().is_some()
        }

        /// Whether the keys in its directory are valid; `None` without a file.
        fn left_keys(&self) -> Option<bool> {
            let taken = FirstKeys::take(&self.settings.data).ok()?;
            let key = taken.keys.account.private_key.expose_secret().as_bytes();
            Some(self.app.api_keys.find(key).is_some())
        }
    }

    #[test]
    fn of_two_processes_one_makes_the_first_start() {
        let disk = MemoryDisk::new(Sharing::Shared, 1);
        let one = StartingProcess::new(&disk, 1);
        let other = Arc::new(StartingProcess::new(&disk, 2));
        let rival = Arc::clone(&other);
        // The other process starts while this one creates the account.
        disk.before_next_commit(move || assert!(rival.start()));
        assert!(!one.start());
        assert_eq!((one.left_keys(), other.left_keys()), (None, Some(true)));
        assert_eq!(operator::accounts(&one.app.store).unwrap().len(), 1);
        let examples = [&one, &*other].map(|it| Census::of(&it.app.store).secrets_created);
        assert_eq!(examples, [0, 1]);
        assert!(!other.start() && other.left_keys() == Some(true));
    }

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
