//! Tells systemd about the state of the daemon (`sd_notify(3)`). Sends nothing if no service manager listens.

use std::{io, time::Duration};

use sd_notify::{NotifyState, notify, watchdog_enabled};

use super::housekeeping::repeat;
use crate::server::LocalAddress;

/// The daemon answers requests at `addresses`: after the start, and after a reload.
pub(super) fn ready(addresses: &[LocalAddress]) {
    let status = format!("Listening on {}", LocalAddress::list(addresses));
    send(Ok(&[NotifyState::Ready, NotifyState::Status(&status)]));
}

/// A reload has begun; [`ready`] ends it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(Ok(&[NotifyState::Reloading, now])),
        Err(error) => send(Err(error)),
    }
}

/// The daemon finishes the requests in progress.
pub(super) fn stopping() {
    send(Ok(&[NotifyState::Stopping, NotifyState::Status("Finishing requests")]));
}

/// Reports regularly that the daemon is alive, if the unit has `WatchdogSec=`, until the future is dropped. A
/// report needs both kinds of threads, so that it stops if either kind hangs.
pub(super) async fn keep_alive() {
    let Some(limit) = watchdog_enabled().filter(|limit| *limit > Duration::ZERO) else { return };
    repeat(limit / 3, None, || send(Ok(&[NotifyState::Watchdog]))).await;
}

fn send(states: io::Result<&[NotifyState<'_>]>) {
    if let Err(error) = states.and_then(notify) {
        tracing::warn!(%error, "cannot report the state to the service manager (NOTIFY_SOCKET)");
    }
}
