//! The process: file mode, limits of the system, signals.

use std::{io, sync::Arc, time::Duration};

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinSet, spawn_blocking},
    time::timeout,
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

/// The signals that stop the daemon, or replace it.
pub(super) struct StopSignals {
    replace: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes the signals over. Needs the context of a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            replace: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them. Returns whether it is the one to replace this process, which `can_replace`
    /// allows; that is called on a thread that may block.
    pub(super) async fn received(
        &mut self,
        can_replace: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> bool {
        let can_replace = Arc::new(can_replace);
        let mut checks = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(&mut self.terminate, &mut self.interrupt) => return false,
                _ = self.replace.recv(), if checks.is_empty() => {
                    let can_replace = Arc::clone(&can_replace);
                    checks.spawn_blocking(move || can_replace());
                }
                Some(checked) = checks.join_next() => {
                    match checked.map_err(|error| error.to_string()).flatten() {
                        Ok(()) => {
                            tracing::info!("SIGUSR2: the program takes over as it is on disk now");
                            return true;
                        }
                        Err(error) => tracing::error!(
                            "SIGUSR2: this process goes on, because the program does not start: {error}"
                        ),
                    }
                }
            }
        }
    }

    /// Whether a signal to stop has arrived since, while this process was being replaced.
    pub(super) async fn is_stopped(&mut self) -> bool {
        let stopped = stopped(&mut self.terminate, &mut self.interrupt);
        timeout(Duration::ZERO, stopped).await.is_ok()
    }
}

/// Waits for a signal to stop.
async fn stopped(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
    }
}

/// Signals that end a process by default, but not this one.
pub(super) struct HarmlessSignals {
    hang_up: Signal,
    user: Signal,
    /// Taken over before [`StopSignals`] are.
    _replace: Signal,
}

impl HarmlessSignals {
    /// Takes the signals over. Needs the context of a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
            _replace: signal(SignalKind::user_defined2())?,
        })
    }

    /// Calls `reload` at SIGHUP, on a thread that may block; logs SIGUSR1.
    pub(super) async fn handle(mut self, reload: impl Fn() + Send + Sync + 'static) {
        let reload = Arc::new(reload);
        loop {
            tokio::select! {
                Some(()) = self.hang_up.recv() => {
                    let reload = Arc::clone(&reload);
                    if let Err(error) = spawn_blocking(move || reload()).await {
                        tracing::error!(%error, "SIGHUP: reading the files again failed unexpectedly");
                    }
                }
                Some(()) = self.user.recv() => tracing::info!("SIGUSR1: ignored"),
                else => return,
            }
        }
    }
}
