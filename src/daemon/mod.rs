//! The daemon: opens the store, binds the address and the administration socket, runs, and stops.

mod administration;
mod examination;
mod failure;
mod first_start;
mod housekeeping;
mod https;
mod listening;
mod log;
mod monitoring;
mod process;
#[cfg(test)]
mod processes_tests;
mod public_config;
mod replacement;
mod ring;
mod rules;
mod service_manager;
mod serving;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{runtime, sync::watch, task::JoinHandle, time::timeout};

pub use self::{
    administration::{open_backup, open_store, protect},
    public_config::public_config,
    serving::serve_until,
};
use self::{
    examination::Examination,
    first_start::{first_start, welcome},
    https::Https,
    listening::{BoundListeners, InheritedSockets, listen},
    process::{HarmlessSignals, StopSignals},
    replacement::Successor,
};
use crate::{
    admin,
    api::{App, load::work::SlowWork, openapi},
    cli::{Failure, Output, qr},
    clock::{Clock, TimeRecord},
    config::{Loaded, PublicUrl, Settings},
    crypto::SystemRandom,
    delivery::{
        Deliveries,
        smtp::{BadMail, Mailer},
    },
    router::{Observation, Site},
    server::{LocalAddress, Server, Stop},
    store::Store,
    web::{BadLook, PageLook, ServedWeb, Web},
};

/// A file in the data directory: see [`known_time`].
const BELIEVE_CLOCK: &str = "believe-clock";
/// Threads for blocking work, such as payload files and lists, besides those for slow work. Each thread
/// takes memory.
const MAX_BLOCKING_THREADS: usize = 32;
/// How long an administration command may continue after the last request.
const COMMAND_GRACE: Duration = Duration::from_secs(2);

/// Runs the daemon until a signal stops it.
///
/// Starts the log, logs the warnings, and writes the line with the address to `output` when requests are
/// answered. `upgrade` allows it to bring the data directory to the present format.
///
/// # Errors
///
/// [`Exit::Usage`](crate::cli::Exit::Usage) for settings that cannot be used;
/// [`Exit::Busy`](crate::cli::Exit::Busy) for a cause that may pass.
pub fn serve(loaded: Loaded, upgrade: bool, output: Output<'_>) -> Result<(), Failure> {
    let inherited = InheritedSockets::take();
    let settings = &loaded.settings;
    log::start(settings.log, settings.log_format);
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    process::protect();
    process::allow_files(settings.max_connections);
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(MAX_BLOCKING_THREADS + SlowWork::default().most_threads())
        .build()
        .map_err(|error| failure::of_system("cannot start threads", &error))?;
    let _context = runtime.enter();
    // Before anything else: by default these signals end the process.
    let harmless = HarmlessSignals::listen()
        .map_err(|error| failure::of_system("cannot listen for signals", &error))?;

    let Open { store, site, believed } = open(&loaded, upgrade)?;
    let app = Arc::clone(&site.app);
    let mut https = Https::from_settings(&loaded)?;
    https.report_to(&app.metrics);
    let monitored = runtime.block_on(monitoring::bind(&loaded))?;
    let bound = listen(&runtime, &loaded, inherited)?;
    let (origins, has_http) = (bound.origins, !bound.redirect.is_empty());
    let (server, addresses) = server(&loaded, bound, Arc::clone(&site), &https)?;
    if let Some(asked) = believed {
        // Not before: a start that fails must not use it up.
        forget_request(&asked)?;
    }
    let (stop, stopped) = watch::channel(());
    let base = base_address(settings, &addresses);
    let examination = Examination {
        evidence: server.proxy_evidence(),
        settings: settings.clone(),
        addresses: addresses.clone(),
        base: base.clone(),
    };
    let administration = administrate(&app, examination, stopped)?;
    let mut signals = StopSignals::listen()
        .map_err(|error| failure::of_system("cannot listen for signals", &error))?;
    let renewals = https.keep_fresh(has_http, &app.clock);
    announce(&app, settings, &addresses, &base, &https, output)?;

    let reloading = {
        let (site, settings, addresses) = (Arc::clone(&site), settings.clone(), addresses.clone());
        runtime.spawn(harmless.handle(move || {
            service_manager::reloading();
            reload(&site, &settings);
            https.reload();
            service_manager::ready(&addresses);
        }))
    };
    let monitoring = match monitored {
        Some(listener) => {
            let address = listener.local_addr().map_err(|e| Failure::failed(e.to_string()))?;
            tracing::info!(%address, "metrics are at this address");
            Some(runtime.spawn(monitoring::serve(listener, site)))
        }
        None => None,
    };
    let watchdog = runtime.spawn(service_manager::keep_alive());
    service_manager::ready(&addresses);
    let successor = Arc::new(
        Successor::note()
            .map_err(|error| failure::of_system("cannot find the program itself", &error))?,
    );
    let checked = Arc::clone(&successor);
    let mut is_replaced = false;
    let listeners = runtime.block_on(serve_until(server, &app, async {
        is_replaced = signals.received(move || checked.check()).await;
        match is_replaced {
            true => service_manager::reloading(),
            false => service_manager::stopping(),
        }
        // Sockets of a service manager stay open, for the daemon that it starts next.
        if is_replaced || origins.outlive_us() { Stop::HandOver } else { Stop::Now }
    }));
    watchdog.abort();
    reloading.abort();
    monitoring.inspect(|monitoring| monitoring.abort());
    drop((renewals, stop));
    // The deletion of a large account stops here, and continues at the next start.
    if runtime.block_on(async { timeout(COMMAND_GRACE, administration).await }).is_err() {
        tracing::warn!("an administration command was not finished");
    }
    store.close();
    if is_replaced && !runtime.block_on(signals.is_stopped()) {
        let error = successor.begin(&listeners, origins);
        return Err(failure::of_system("cannot start the program again", &error));
    }
    tracing::info!("stopped");
    Ok(())
}

/// The store and all that answers requests.
struct Open {
    store: Store,
    site: Arc<Site>,
    /// The file that tells the daemon to trust the clock, if there is one.
    believed: Option<PathBuf>,
}

/// Opens the store, and makes the handlers and the pages from the settings.
fn open(loaded: &Loaded, upgrade: bool) -> Result<Open, Failure> {
    let settings = &loaded.settings;
    let options = ring::store_options(loaded, upgrade)?;
    let store =
        Store::open_with(&settings.data, options).map_err(|error| failure::of_store(&error))?;
    let asked = settings.data.join(BELIEVE_CLOCK);
    let is_believed = asked
        .try_exists()
        .map_err(|error| failure::of_system("cannot look for believe-clock", &error))?;
    let clock = Clock::system(known_time(&store, is_believed));
    let (rules, service_rules) = (rules::rules(settings), rules::service_rules(settings));
    let mailer = Mailer::from_settings(settings)
        .map_err(|BadMail { setting, problem }| Failure::from(loaded.bad(setting, problem)))?;
    if let Err(error) = Mailer::check_token(settings) {
        tracing::warn!("{error}; no mail can be sent until this file exists");
    }
    let look = PageLook::load(&settings.site)
        .map_err(|BadLook { setting, problem }| Failure::from(loaded.bad(setting, problem)))?;
    if look.css.is_some() {
        tracing::warn!(
            "custom_css can hide warnings and move buttons on every page: only people whom you trust with \
             this server may change that file"
        );
    }
    let web = ServedWeb::new(pages(settings, &look));
    let random = Arc::new(SystemRandom);
    let mut app = App::new(store.clone(), clock, random, rules, service_rules)
        .map_err(|error| Failure::failed(error.to_string()))?;
    app.deliveries = Arc::new(Deliveries::new(mailer));
    app.cors = settings.cors.clone();
    let sub_path = settings.public_url.as_ref().map_or("", PublicUrl::path).to_owned();
    let mut observation = Observation::new(&SystemRandom);
    observation.access_log = settings.access_log;
    observation.metrics_token = monitoring::token(loaded)?;
    let site = Arc::new(Site { app: Arc::new(app), web, sub_path, observation });
    Ok(Open { store, site, believed: is_believed.then_some(asked) })
}

/// The pages with this look.
fn pages(settings: &Settings, look: &PageLook) -> Web {
    let config = public_config(&rules::rules(settings), &rules::service_rules(settings));
    Web::new(look, &config, settings.mail.language.tag(), openapi::document())
}

/// The server, which does not accept connections yet, and its addresses.
fn server(
    loaded: &Loaded,
    bound: BoundListeners,
    site: Arc<Site>,
    https: &Https,
) -> Result<(Server, Vec<LocalAddress>), Failure> {
    let settings = &loaded.settings;
    let (proxies, limits) = (rules::proxies(settings), rules::connection_limits(settings));
    let mut server = Server::new(bound.site, site, proxies, limits);
    let addresses = server.addresses().map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(certificates) = https.resolver() {
        server = server.with_certificates(certificates);
    }
    if !bound.redirect.is_empty() {
        let port = addresses.iter().find_map(LocalAddress::port).unwrap_or_default();
        server = server.with_redirect(bound.redirect, https.redirect(settings, port));
    }
    // A certificate for trials must not keep browsers from plain HTTP later.
    if matches!(https, Https::Domains { .. }) && !settings.acme_staging {
        server = server.https_only();
    }
    if settings.proxy_protocol {
        server = server.with_proxy_protocol();
    }
    Ok((server, addresses))
}

/// Starts the administration socket; it ends when the sender of `stopped` is dropped.
fn administrate(
    app: &Arc<App>,
    examination: Examination,
    stopped: watch::Receiver<()>,
) -> Result<JoinHandle<()>, Failure> {
    let socket = admin::bind(&examination.settings.data)
        .map_err(|error| failure::of_system("cannot make the socket admin.sock", &error))?;
    let commands = administration::commands(app, examination);
    let backups = administration::backups(app);
    let stop = administration::until_dropped(stopped);
    Ok(tokio::spawn(admin::serve(socket, commands, backups, stop)))
}

/// The address that people open, without a slash at the end: `--public-url`, or the first bound address.
fn base_address(settings: &Settings, addresses: &[LocalAddress]) -> String {
    if let Some(url) = &settings.public_url {
        return url.as_str().to_owned();
    }
    let own = addresses.iter().find(|address| matches!(address, LocalAddress::Tcp(_)));
    match own {
        Some(address) => own_address(address, settings.is_https()),
        // A proxy is in front, and only the operator knows its address.
        None => {
            tracing::warn!(
                "links will not work: set public_url (--public-url) to the address of your proxy"
            );
            "http://localhost".to_owned()
        }
    }
}

fn own_address(address: &LocalAddress, is_https: bool) -> String {
    match address {
        LocalAddress::Tcp(address) if is_https => format!("https://{address}"),
        LocalAddress::Tcp(address) => format!("http://{address}"),
        LocalAddress::Unix(_) => address.to_string(),
    }
}

/// Writes the addresses to `output`, and at the first start creates the first account.
fn announce(
    app: &App,
    settings: &Settings,
    addresses: &[LocalAddress],
    base: &str,
    https: &Https,
    output: Output<'_>,
) -> Result<(), Failure> {
    let first = first_start(app, settings, base, &output)?;
    for address in addresses {
        let address = own_address(address, settings.is_https());
        writeln!(output.out, "sealdrop listening on {address}")?;
    }
    match https {
        Https::Files(certificate) if settings.tls_self_signed => {
            writeln!(
                output.out,
                "The certificate is self-signed. Its SHA-256 fingerprint, to compare in the browser:\n  {}",
                certificate.fingerprint()
            )?;
            if output.is_terminal {
                qr::draw(base, output.out)?;
            }
        }
        Https::Domains { certificates, .. } => {
            let domains = certificates.domains().iter();
            let missing: Vec<&str> = domains
                .filter(|domain| certificates.validity(domain).is_none())
                .map(String::as_str)
                .collect();
            if !missing.is_empty() {
                writeln!(
                    output.out,
                    "Asking for a certificate for {}; until it is here, https does not work. The log tells \
                     how it goes.",
                    missing.join(", ")
                )?;
            }
        }
        _ => {}
    }
    output.out.flush()?;
    if let Some(first) = first
        && let Err(error) = welcome(&first, &settings.data, output)
    {
        tracing::warn!(
            %error,
            "cannot show the first account: sealdrop claim prints a link to it, and sealdrop first-keys \
             its keys"
        );
    }
    tracing::info!(addresses = LocalAddress::list(addresses), data = %settings.data.display(), "ready");
    Ok(())
}

/// The newest time in the store; `None` if the operator's file tells the daemon to trust the clock once.
fn known_time(store: &Store, is_believed: bool) -> TimeRecord {
    if !is_believed {
        return store.time();
    }
    tracing::warn!(
        forgotten = %store.time().floor,
        "the clock is trusted because of the file {BELIEVE_CLOCK}: secrets that had expired may open again"
    );
    TimeRecord::default()
}

/// Removes the file `asked`, which is valid for one start.
fn forget_request(asked: &Path) -> Result<(), Failure> {
    std::fs::remove_file(asked)
        .map_err(|error| Failure::failed(format!("cannot remove {}: {error}", asked.display())))
}

/// Reads the files of mails and of the look again, since they can change while the daemon runs. Changes
/// nothing if one of them is wrong. Blocks.
fn reload(site: &Site, settings: &Settings) {
    let mailer = match Mailer::from_settings(settings) {
        Ok(mailer) => mailer,
        Err(error) => return tracing::warn!(%error, "SIGHUP: nothing was changed"),
    };
    let look = match PageLook::load(&settings.site) {
        Ok(look) => look,
        Err(error) => return tracing::warn!(%error, "SIGHUP: nothing was changed"),
    };
    let (deliveries, is_set_up) = (&site.app.deliveries, mailer.is_some());
    deliveries.replace_mailer(mailer);
    // Items that failed with the old password are tried at once.
    deliveries.try_now();
    if *site.web.current().look() != look {
        site.web.replace(pages(settings, &look));
    }
    tracing::info!(
        mail = is_set_up,
        "SIGHUP: read the password of the mail server, the texts of mails, the certificate authorities, the \
         logo and the custom CSS again; other settings need a restart"
    );
}
