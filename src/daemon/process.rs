//! The process: file mode, limits of the system, signals.

use std::{io, sync::Arc};

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
};

/// Raises the limit of open files: each connection is one, and the usual soft limit is the default of
/// `max_connections`, without the files of the store.
pub(super) fn allow_files(max_connections: usize) {
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

/// Makes files readable only for the user of this process, and turns off core dumps, which could contain
/// secrets.
pub(super) fn protect() {
    umask(Mode::RWXG | Mode::RWXO);
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "cannot turn off core dumps, which could contain secrets");
    }
}

/// The signals that stop the daemon.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes the signals over. Needs the context of a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = self.interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
    }
}

/// Signals that end a process by default, but not this one.
pub(super) struct HarmlessSignals {
    hang_up: Signal,
    user: [Signal; 2],
}

impl HarmlessSignals {
    /// Takes the signals over. Needs the context of a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        let user = [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?];
        Ok(Self { hang_up: signal(SignalKind::hangup())?, user })
    }

    /// Calls `reload` at SIGHUP, on a thread that may block; logs SIGUSR1 and SIGUSR2.
    pub(super) async fn handle(mut self, reload: impl Fn() + Send + Sync + 'static) {
        let [user1, user2] = &mut self.user;
        let reload = Arc::new(reload);
        loop {
            tokio::select! {
                Some(()) = self.hang_up.recv() => {
                    let reload = Arc::clone(&reload);
                    if let Err(error) = spawn_blocking(move || reload()).await {
                        tracing::error!(%error, "SIGHUP: reading the files again failed unexpectedly");
                    }
                }
                Some(()) = user1.recv() => tracing::info!("SIGUSR1: ignored"),
                Some(()) = user2.recv() => tracing::info!("SIGUSR2: ignored"),
                else => return,
            }
        }
    }
}
