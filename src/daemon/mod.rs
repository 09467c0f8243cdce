//! The daemon put together: settings, log, store, server, administration socket, and its end.

mod failure;
mod first_start;
mod housekeeping;
mod public_config;
mod serving;

use std::{path::Path, sync::Arc, time::Duration};

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};
use tokio::{
    runtime::{self, Handle, Runtime},
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
    time::timeout,
};

use self::first_start::{first_account, welcome};
pub use self::{public_config::public_config, serving::serve_until};
use crate::{
    admin::{self, Command, CommandError, Create, MailTested, OpenFailure, Opened, Reply, Terms},
    api::{App, Rules, key_service::ServiceRules, load::work::SlowWork, openapi},
    cli::{Engine, Failure, Output},
    clock::{Clock, TimeRecord},
    config::{Loaded, PublicUrl, Settings},
    crypto::{SystemRandom, box_key, stream::sealed_len},
    delivery::{
        Deliveries,
        smtp::{BadMail, Mailer},
    },
    domain::{
        drop_box::Limits,
        secret::{attachment, lifetime::LifetimeRules},
    },
    router::Site,
    server::{ConnectionLimits, Proxies, Server},
    store::{OpenError, Store},
    web::{Look, Web},
};

/// A file in the data directory: see [`known_time`].
const BELIEVE_CLOCK: &str = "believe-clock";
/// How many messages lie in a box at most: a list of them all is held in memory while they are read.
const MAX_MESSAGES: u32 = 100_000;
/// Threads for what blocks, such as payload files and lists, besides those for slow work. More would only
/// take memory.
const MAX_BLOCKING_THREADS: usize = 32;
/// How long an administration command may go on after the last request.
const COMMAND_GRACE: Duration = Duration::from_secs(2);

/// What the command line puts to work, for real.
pub struct Daemon;

impl Engine for Daemon {
    fn serve(&self, loaded: Loaded, output: Output<'_>) -> Result<(), Failure> {
        start_log(loaded.settings.log);
        loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        keep_to_ourselves();
        allow_files(loaded.settings.max_connections);
        let runtime = runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(MAX_BLOCKING_THREADS + SlowWork::default().most_threads())
            .build()
            .map_err(|error| failure::of_system("cannot start threads", &error))?;
        serve(&runtime, &loaded, output)
    }

    fn open(&self, dir: &Path, create: Create) -> Result<Opened, OpenFailure> {
        start_log(tracing::Level::WARN);
        keep_to_ourselves();
        // An empty or half-made directory is as good as none.
        if create == Create::Never && !dir.join("store").exists() {
            return Err(OpenFailure::Other(format!(
                "there is no sealdrop data in {}; give --data or start the daemon first",
                dir.display()
            )));
        }
        let defaults = Settings::default();
        let store = Store::open(dir, defaults.cache_bytes).map_err(|error| match error {
            OpenError::Locked(_) => OpenFailure::Locked,
            other => OpenFailure::Other(other.to_string()),
        })?;
        Ok(Box::new(move |command| {
            let clock = Clock::system(store.time());
            store.keep_time(&clock);
            let now = clock.now();
            // Whether the daemon calls private addresses is not known here: it looks again at each call.
            let terms = Terms { allowance: defaults.allowance, webhook_private: true };
            let reply = admin::run(&store, command, terms, &SystemRandom, now);
            store.close();
            reply
        }))
    }
}

fn serve(runtime: &Runtime, loaded: &Loaded, output: Output<'_>) -> Result<(), Failure> {
    let settings = &loaded.settings;
    // First of all: what they do by default is to end the process.
    let reloading = runtime
        .block_on(async { HarmlessSignals::listen() })
        .map_err(|error| failure::of_system("cannot listen for signals", &error))?;
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let store =
        Store::open(&settings.data, settings.cache_bytes).map_err(|e| failure::of_store(&e))?;
    let asked = settings.data.join(BELIEVE_CLOCK);
    let is_believed = asked
        .try_exists()
        .map_err(|error| failure::of_system("cannot look for believe-clock", &error))?;
    let clock = Clock::system(known_time(&store, is_believed));
    let (rules, service_rules) = (rules(settings), service_rules(settings));
    let mailer = Mailer::from_settings(settings)
        .map_err(|BadMail { setting, problem }| Failure::from(loaded.bad(setting, problem)))?;
    if let Err(error) = Mailer::check_token(settings) {
        tracing::warn!("{error}; no mail can be sent until that file is there");
    }
    let look = Look::load(&settings.site)
        .map_err(|problem| Failure::from(loaded.bad("site_logo", problem)))?;
    let config = public_config(&rules, &service_rules);
    let web = Web::new(&look, &config, settings.mail.language.tag(), openapi::document());
    let random = Arc::new(SystemRandom);
    let mut app = App::new(store.clone(), clock.clone(), random, rules, service_rules)
        .map_err(|error| failed(&error))?;
    app.deliveries = Arc::new(Deliveries::new(mailer));
    app.cors = settings.cors.clone();
    let app = Arc::new(app);
    let sub_path = settings.public_url.as_ref().map_or("", PublicUrl::path).to_owned();
    let site = Arc::new(Site { app: Arc::clone(&app), web, sub_path });

    let bind = Server::bind(
        settings.listen,
        site,
        Proxies::new(settings.trusted_proxies.clone(), settings.client_ip_header.clone()),
        ConnectionLimits {
            all: settings.max_connections,
            of_client: settings.max_connections_per_client,
        },
    );
    let server = runtime.block_on(bind).map_err(|error| {
        let problem = format!("cannot listen on {}: {error}", settings.listen);
        failure::of_setting(&loaded.bad("listen", problem), &error)
    })?;
    let address = server.address().map_err(|error| failed(&error))?;
    if is_believed {
        // Not before: a start that fails must not use it up.
        forget_request(&asked)?;
    }
    let (stop, stopped) = watch::channel(());
    let administration = {
        let _context = runtime.enter();
        let socket = admin::bind(&settings.data)
            .map_err(|error| failure::of_system("cannot make the socket admin.sock", &error))?;
        runtime.spawn(admin::serve(socket, commands(&app, settings), until_dropped(stopped)))
    };
    let signals = runtime
        .block_on(async {
            Ok::<_, std::io::Error>([
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
            ])
        })
        .map_err(|error| failure::of_system("cannot listen for signals", &error))?;

    let base = settings.public_url.as_ref().map(|url| url.as_str().to_owned());
    let base = base.unwrap_or_else(|| format!("http://{address}"));
    let first = first_account(&app, settings, &base, &output)?;
    writeln!(output.out, "sealdrop listening on http://{address}")?;
    output.out.flush()?;
    if let Some(keys) = first
        && let Err(error) = welcome(&keys, &settings.data, output)
    {
        tracing::warn!(
            %error,
            "cannot tell of the first account: sealdrop first-keys shows its keys, or sealdrop apikey \
             create makes others"
        );
    }
    tracing::info!(%address, data = %settings.data.display(), "ready");

    let reloading = runtime.spawn(reloading.heed(Arc::clone(&app), settings.clone()));
    runtime.block_on(serve_until(server, &app, until_signal(signals)));
    reloading.abort();
    drop(stop);
    // A long deletion of an account is broken off, and goes on at the next start.
    if runtime.block_on(async { timeout(COMMAND_GRACE, administration).await }).is_err() {
        tracing::warn!("an administration command was not finished");
    }
    store.close();
    tracing::info!("stopped");
    Ok(())
}

/// What the store knows of the time; nothing where the operator has asked, by a file, for the clock to be
/// believed once.
fn known_time(store: &Store, is_believed: bool) -> TimeRecord {
    if !is_believed {
        return store.time();
    }
    tracing::warn!(
        forgotten = %store.time().floor,
        "the clock is believed, as {BELIEVE_CLOCK} asks for: what has expired by a later time may open again"
    );
    TimeRecord::default()
}

/// Takes back what was asked for by the file `asked`, which counts for one start.
fn forget_request(asked: &Path) -> Result<(), Failure> {
    std::fs::remove_file(asked)
        .map_err(|error| Failure::failed(format!("cannot remove {}: {error}", asked.display())))
}

fn rules(settings: &Settings) -> Rules {
    let expiration = &settings.expiration;
    Rules {
        max_ciphertext: usize::try_from(settings.max_ciphertext_bytes).unwrap_or(usize::MAX),
        lifetime: LifetimeRules {
            min: expiration.min_hours().into(),
            max: expiration.max_hours().into(),
            default: expiration.default_hours().map_or(0, |hours| hours.get().into()),
        },
        create: settings.create,
        viewer_ip: settings.viewer_ip,
        keep_log_seconds: u64::from(settings.keep_log_days) * 24 * 3600,
        request_allowance: settings.request_allowance,
        webhook_private: settings.webhook_private,
        limits: settings.limits,
        attachments: attachment::Limits {
            max_bytes: settings.max_upload_bytes.map(sealed_len),
            max_count: settings.max_attachments,
            max_account_bytes: settings.max_account_bytes,
            max_storage_bytes: settings.max_storage_bytes,
        },
    }
}

fn service_rules(settings: &Settings) -> ServiceRules {
    ServiceRules {
        creation: settings.boxes,
        rsa_bits: settings.rsa_bits,
        key_pool: settings.key_pool,
        iterations: box_key::ITERATIONS,
        max_text: usize::try_from(settings.max_ciphertext_bytes).unwrap_or(usize::MAX),
        max_upload: settings.max_upload_bytes,
        limits: Limits { max_bytes: settings.max_box_bytes, max_messages: MAX_MESSAGES },
        public_url: settings.public_url.as_ref().map(|url| url.as_str().to_owned()),
    }
}

/// Carries out commands of the administration socket in the running daemon.
fn commands(
    app: &Arc<App>,
    settings: &Settings,
) -> impl Fn(Command) -> Result<Reply, CommandError> + Send + Sync + 'static {
    let app = Arc::clone(app);
    let terms = Terms { allowance: settings.allowance, webhook_private: settings.webhook_private };
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
            command => admin::run(store, command, terms, &**random, clock.now()),
        };
        // Also after a failure: a deletion may have come half way.
        let reloaded = app.api_keys.reload(&app.store);
        let mut reply = reply?;
        match &mut reply {
            Reply::OutboxRetried(_) => app.deliveries.try_now(),
            Reply::NotifyEmailSet(set) => set.mail_ready = Some(app.mail_ready()),
            _ => {}
        }
        reloaded.map_err(|error| {
            CommandError::new(admin::ErrorKind::Failed, format!("done, but: {error}"))
        })?;
        Ok(reply)
    }
}

/// Logs to standard error; standard output is for what a script reads.
fn start_log(level: tracing::Level) {
    // Only a test that starts several daemons in one process finds a log already there.
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .try_init();
}

/// Each connection is a file, and the usual soft limit is the default of `max_connections`, with nothing
/// left for the store.
fn allow_files(max_connections: usize) {
    const FOR_THE_STORE: u64 = 512;
    let limit = getrlimit(Resource::Nofile);
    let wanted = max_connections as u64 + FOR_THE_STORE;
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "cannot raise the limit of open files");
        }
    }
    if let Some(current) = getrlimit(Resource::Nofile).current.filter(|current| *current < wanted) {
        tracing::warn!(
            "{max_connections} connections need {wanted} open files, and {current} are allowed: raise \
             the limit (ulimit -n) or lower --max-connections"
        );
    }
}

/// What this process writes is for its user only, and no core dump writes the secrets in memory.
fn keep_to_ourselves() {
    umask(Mode::RWXG | Mode::RWXO);
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "cannot forbid core dumps, which could hold secrets");
    }
}

async fn until_signal([mut terminate, mut interrupt]: [tokio::signal::unix::Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
    }
}

/// Signals that end a process by default, and this one not.
struct HarmlessSignals {
    hang_up: tokio::signal::unix::Signal,
    user: [tokio::signal::unix::Signal; 2],
}

impl HarmlessSignals {
    /// To be called within the runtime.
    fn listen() -> std::io::Result<Self> {
        let user = [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?];
        Ok(Self { hang_up: signal(SignalKind::hangup())?, user })
    }

    /// Reads files again at SIGHUP; SIGUSR1 and SIGUSR2 are only logged.
    async fn heed(mut self, app: Arc<App>, settings: Settings) {
        let [user1, user2] = &mut self.user;
        let settings = Arc::new(settings);
        loop {
            tokio::select! {
                Some(()) = self.hang_up.recv() => {
                    let (app, settings) = (Arc::clone(&app), Arc::clone(&settings));
                    if let Err(error) = spawn_blocking(move || reload(&app, &settings)).await {
                        tracing::error!(%error, "SIGHUP: reading again ended badly");
                    }
                }
                Some(()) = user1.recv() => tracing::info!("SIGUSR1: ignored"),
                Some(()) = user2.recv() => tracing::info!("SIGUSR2: ignored"),
                else => return,
            }
        }
    }
}

/// Reads the files again that the settings name for mails: what changes while a service runs. Keeps what there
/// is where one of them is wrong.
fn reload(app: &App, settings: &Settings) {
    match Mailer::from_settings(settings) {
        Ok(mailer) => {
            let is_set_up = mailer.is_some();
            app.deliveries.replace_mailer(mailer);
            // What failed for the old password need not wait any longer.
            app.deliveries.try_now();
            tracing::info!(
                mail = is_set_up,
                "SIGHUP: read the password of the mail server, the texts of mails and the certificate \
                 authorities again; other settings need a restart"
            );
        }
        Err(error) => tracing::warn!(%error, "SIGHUP: nothing is changed"),
    }
}

async fn until_dropped(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}
