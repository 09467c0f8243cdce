//! Administration commands: in the running daemon, or on a store that is opened for one command.

use std::{io::Write, path::Path, sync::Arc};

use tokio::{runtime::Handle, sync::watch};

use super::{examination::Examination, log, process};
use crate::{
    admin::{
        self, Command, CommandError, DaemonHealth, MailLoginTested, MailTested, OpenFailure,
        OpenedBackup, OpenedStore, OperatorTerms, Reply, RingTurned, StoreCreation,
    },
    api::{App, health, status::status},
    clock::Clock,
    config::{LogFormat, Settings},
    crypto::SystemRandom,
    master_key::{self, MASTER_KEY_FILE},
    store::{Store, StoreOpenError, StoreOptions, backup::BackupOrder},
};

/// Opens the store in the data directory `dir` for one command.
///
/// # Errors
///
/// [`OpenFailure::Locked`] if another process has it.
pub fn open_store(dir: &Path, create: StoreCreation) -> Result<OpenedStore, OpenFailure> {
    let (store, defaults) = open(dir, create)?;
    Ok(Box::new(move |command| {
        let clock = Clock::system(store.time());
        store.keep_time(&clock);
        let now = clock.now();
        // The setting of the daemon is unknown here. The daemon checks the address at each call.
        let terms = OperatorTerms { allowance: defaults.allowance, webhook_private: true };
        let reply = admin::run(&store, command, terms, &SystemRandom, now);
        store.close();
        reply
    }))
}

/// Opens the store in the data directory `dir` for a backup.
///
/// # Errors
///
/// As [`open_store`].
pub fn open_backup(dir: &Path) -> Result<OpenedBackup, OpenFailure> {
    let (store, _) = open(dir, StoreCreation::Never)?;
    Ok(Box::new(move |out, order| {
        let clock = Clock::system(store.time());
        let made = back_up(&store, &clock, out, order, &|| false);
        store.close();
        made
    }))
}

/// Makes files readable only for the user of this process, and turns off core dumps.
pub fn protect() {
    process::protect();
}

fn back_up(
    store: &Store,
    clock: &Clock,
    out: &mut dyn Write,
    order: BackupOrder<'_>,
    stops: &dyn Fn() -> bool,
) -> Result<(), CommandError> {
    let made = store.back_up(out, order, &SystemRandom, &|| clock.now(), stops);
    made.map(drop).map_err(|error| CommandError::new(admin::ErrorKind::Failed, error.to_string()))
}

fn open(dir: &Path, create: StoreCreation) -> Result<(Store, Settings), OpenFailure> {
    log::start(tracing::Level::WARN, LogFormat::Human);
    process::protect();
    // An empty or incomplete directory has no data either.
    if create == StoreCreation::Never && !dir.join("store").exists() {
        return Err(OpenFailure::Other(format!(
            "there is no sealdrop data in {}; give --data or start the daemon first",
            dir.display()
        )));
    }
    let defaults = Settings::default();
    let master_key = std::env::var_os(MASTER_KEY_FILE)
        .map(|path| master_key::read_named(Path::new(&path)))
        .transpose()
        .map_err(OpenFailure::Other)?;
    let options = StoreOptions { master_key, ..StoreOptions::new(defaults.cache_bytes) };
    let store = Store::open_with(dir, options).map_err(|error| match error {
        StoreOpenError::Locked(_) => OpenFailure::Locked,
        other => OpenFailure::Other(other.to_string()),
    })?;
    Ok((store, defaults))
}

/// Sends backups through the administration socket of the running daemon.
pub(super) fn backups(
    app: &Arc<App>,
) -> impl Fn(&mut dyn Write, BackupOrder<'_>, &dyn Fn() -> bool) -> Result<(), CommandError>
+ Send
+ Sync
+ 'static {
    let app = Arc::clone(app);
    move |out: &mut dyn Write, order: BackupOrder<'_>, stops: &dyn Fn() -> bool| {
        back_up(&app.store, &app.clock, out, order, stops)
    }
}

/// Carries out commands of the administration socket in the running daemon.
pub(super) fn commands(
    app: &Arc<App>,
    examination: Examination,
) -> impl Fn(Command) -> Result<Reply, CommandError> + Send + Sync + 'static {
    let app = Arc::clone(app);
    let Settings { allowance, webhook_private, .. } = examination.settings;
    let terms = OperatorTerms { allowance, webhook_private };
    move |command| {
        let App { store, random, clock, caller, .. } = &*app;
        let reply = match command {
            Command::TestWebhook { id } => {
                return admin::test_webhook(store, caller, id, &**random, clock.now());
            }
            Command::TestMail { to } => {
                let to = admin::mailbox(&to)?;
                // Commands run on blocking threads, where waiting is allowed.
                let tested = Handle::current().block_on(app.deliveries.test(&**random, clock, &to));
                return match tested {
                    Ok(reply) => Ok(Reply::MailTested(MailTested { reply })),
                    Err(error) => Err(CommandError::new(admin::ErrorKind::Failed, error)),
                };
            }
            Command::TurnRing => {
                let now = clock.now();
                return match store.turn_ring(now) {
                    Ok(()) => Ok(Reply::RingTurned(RingTurned { turned_at: now.to_string() })),
                    Err(error) => Err(CommandError::new(
                        admin::ErrorKind::Failed,
                        format!("the ring was not turned: {error}"),
                    )),
                };
            }
            Command::ShowStatus => {
                let status = status(&app).map_err(|error| {
                    CommandError::new(admin::ErrorKind::Failed, error.to_string())
                })?;
                return Ok(Reply::Status(Box::new(status)));
            }
            Command::DescribeServing => {
                return Ok(Reply::Serving(Box::new(examination.facts(&app))));
            }
            Command::AwaitRequest { token } => {
                examination.evidence.await_request(token);
                return Ok(Reply::Awaited);
            }
            Command::ShowAwaited => return Ok(Reply::Arrival(examination.arrival())),
            Command::TestMailLogin => {
                let tested = app.deliveries.mailer().map(|mailer| {
                    Handle::current().block_on(async move { mailer.server.log_in().await })
                });
                let problem = tested.and_then(Result::err);
                return Ok(Reply::MailLogin(MailLoginTested { problem }));
            }
            Command::CreateClaim { account } => {
                let created =
                    admin::create_claim(store, account, &examination.base, &**random, clock.now());
                return created.map(Reply::ClaimCreated);
            }
            Command::CheckHealth => {
                // On a blocking thread, as above.
                return match Handle::current().block_on(health::store_trouble(&app)) {
                    Some(trouble) => Err(CommandError::new(admin::ErrorKind::Failed, trouble)),
                    None => Ok(Reply::Health(DaemonHealth {
                        not_ready: health::obstacle(&app).map(Into::into),
                    })),
                };
            }
            command => {
                if matches!(command, Command::ListApiKeys { .. }) {
                    // The list has the uses until now.
                    app.api_keys.write_uses(store).map_err(|error| {
                        CommandError::new(admin::ErrorKind::Failed, error.to_string())
                    })?;
                }
                admin::run(store, command, terms, &**random, clock.now())
            }
        };
        // Also after a failure: a deletion may have deleted some keys.
        let reloaded = app.api_keys.reload(&app.store);
        let mut reply = reply?;
        match &mut reply {
            Reply::OutboxRetried(_) => app.deliveries.try_now(),
            Reply::NotifyEmailSet(set) => set.mail_ready = Some(app.mail_ready()),
            _ => {}
        }
        reloaded.map_err(|error| {
            CommandError::new(admin::ErrorKind::Failed, format!("executed, but: {error}"))
        })?;
        Ok(reply)
    }
}

/// Waits until the sender is dropped: the daemon stops.
pub(super) async fn until_dropped(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}
