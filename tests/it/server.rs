//! A server in this process: real sockets, and a clock that the test moves.

use std::{sync::Arc, thread::JoinHandle};

use tempfile::TempDir;

use crate::http::Client;
use sealdrop::{
    api::{App, Rules, key_service::ServiceRules, openapi},
    clock::{Clock, UnixSeconds},
    config::{Boxes, CrossOrigin, SecretCreation, TryLimits, ViewerIp},
    crypto::{RsaBits, SecretText, SystemRandom},
    daemon::{public_config, serve_until},
    delivery::{Deliveries, smtp::Mailer},
    domain::{
        account::find_account, claim, drop_box::BoxLimits, lifetime::LifetimeRules,
        numbers::AccountNumber, operator, secret::attachment,
    },
    router::{Observation, Site},
    server::{ConnectionLimits, Listener, Server, Stop},
    store::Store,
    web::{PageLook, ServedWeb, Web},
};
use tokio::sync::oneshot;

/// 2026-11-22T12:00:00Z.
pub(crate) const START: UnixSeconds = UnixSeconds(1_795_348_800);

/// A running server with one account; stopped when dropped.
pub(crate) struct TestServer {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Clock,
    /// Has the account's private key.
    pub(crate) client: Client,
    /// Has its public key.
    pub(crate) public: Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    dir: Option<TempDir>,
}

/// The settings of a test.
pub(crate) struct Options {
    pub(crate) rules: Rules,
    pub(crate) service_rules: ServiceRules,
    pub(crate) trusted_proxies: Vec<&'static str>,
    pub(crate) cors: CrossOrigin,
    pub(crate) allowance: u64,
    pub(crate) connections: ConnectionLimits,
    /// A mail server, and its settings.
    pub(crate) mailer: Option<Mailer>,
    /// How the pages look.
    pub(crate) look: PageLook,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rules: Rules {
                max_ciphertext: 1 << 20,
                lifetime: LifetimeRules { min: 1, max: 350, default: 168 },
                create: SecretCreation::Account,
                viewer_ip: ViewerIp::Full,
                keep_log_seconds: 90 * 24 * 3600,
                // The ring turns when a test wants it, not while it reads the files.
                ring_turn_seconds: u64::MAX,
                request_allowance: 10_000,
                webhook_private: false,
                limits: TryLimits::default(),
                attachments: attachment::AttachmentLimits {
                    max_bytes: Some(64 << 20),
                    max_count: 10,
                    max_account_bytes: None,
                    max_storage_bytes: None,
                },
            },
            service_rules: ServiceRules {
                creation: Boxes::Open,
                rsa_bits: RsaBits::Bits2048,
                key_pool: 0,
                iterations: 1000,
                max_text: 1 << 20,
                max_upload: Some(100 << 20),
                limits: BoxLimits { max_bytes: None, max_messages: 1000 },
                public_url: None,
                is_https: false,
            },
            trusted_proxies: Vec::new(),
            cors: CrossOrigin::Any,
            allowance: 1_000_000,
            connections: ConnectionLimits { all: 1024, of_client: 256 },
            mailer: None,
            look: PageLook::default(),
        }
    }
}

impl TestServer {
    /// The token of a new claim link for the account.
    pub(crate) fn claim(&self) -> SecretText {
        let Self { app, clock, .. } = self;
        claim::create(&app.store, "tester", &*app.random, clock.now()).expect("a claim").token
    }

    pub(crate) fn start() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let clock = Clock::manual(START);
        let store = Store::open(dir.path(), 16 << 20).expect("a new store");
        let random = Arc::new(SystemRandom);
        let keys = operator::create_account(&store, "tester", options.allowance, &*random, START)
            .expect("an account");
        let Options { rules, service_rules, look, .. } = options;
        let config = public_config(&rules, &service_rules);
        let web = ServedWeb::new(Web::new(&look, &config, "en", openapi::document()));
        let mut app = App::new(store, clock.clone(), random, rules, service_rules).expect("an app");
        app.deliveries = Arc::new(Deliveries::new(options.mailer));
        app.cors = options.cors;
        let app = Arc::new(app);
        let trusted: Vec<ipnet::IpNet> =
            options.trusted_proxies.iter().map(|net| net.parse().expect("a network")).collect();
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, address) = std::sync::mpsc::channel();
        let served = Arc::clone(&app);
        let observation = Observation::new(&SystemRandom);
        let sub_path = String::new();
        let site = Arc::new(Site { app: Arc::clone(&app), web, sub_path, observation });
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listen = "127.0.0.1:0".parse().expect("an address");
                let listener = Listener::tcp(listen).await.expect("a free port");
                ready.send(listener.address().expect("its address")).expect("a waiting thread");
                let server = Server::new(vec![listener], site, trusted, options.connections);
                let stop = async {
                    stopped.await.unwrap_or(());
                    Stop::Now
                };
                serve_until(server, &served, stop).await;
            });
        });
        let base = format!("http://{}", address.recv().expect("an address"));
        Self {
            app,
            clock,
            client: Client::new(base.clone(), keys.private_key.expose_secret()),
            public: Client::new(base, keys.public_key.expose_secret()),
            stop: Some(stop),
            thread: Some(thread),
            dir: Some(dir),
        }
    }

    /// The data directory.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.as_ref().expect("not taken").path()
    }

    /// Stops it. Its data directory is free afterwards.
    pub(crate) fn stop(mut self) -> TempDir {
        self.dir.take().expect("not taken")
    }

    /// The number of its account.
    pub(crate) fn account(&self) -> AccountNumber {
        find_account(&self.app.store, "tester").expect("the account")
    }

    /// A second account's private key.
    pub(crate) fn other_account(&self) -> Client {
        let App { store, random, clock, .. } = &*self.app;
        let keys = operator::create_account(store, "other", 10, &**random, clock.now())
            .expect("another account");
        self.app.api_keys.reload(store).expect("its keys");
        self.client.with_key(keys.private_key.expose_secret())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a server that stops without an error");
        }
        self.app.store.close();
    }
}
