//! Slow and broken webhooks: their calls wait without delaying those of other webhooks.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{clock::MonotonicSeconds, domain::numbers::WebhookNumber};

/// The pause after a failed call; doubled after each failure.
const FIRST_PAUSE_SECONDS: u64 = 60;
const LONGEST_PAUSE_SECONDS: u64 = 15 * 60;
/// An endpoint that accepts calls within this time is quick.
const QUICK: Duration = Duration::from_secs(1);
/// The concurrent calls to a webhook that was quick the last time; any other gets one.
const MAX_QUICK_CALLS: usize = 4;
/// The concurrent calls to all webhooks that are not quick, so that some places stay free.
const MAX_OTHER_CALLS: usize = 5;
/// How long another call to a quick webhook waits for a place.
const PATIENCE: Duration = Duration::from_millis(200);
/// The longest time of a call: other calls to a slow webhook are retried after it.
const CALL_SECONDS: u64 = 15;

/// The recent behaviour of all endpoints.
#[derive(Default)]
pub(super) struct Hosts {
    hosts: Mutex<HashMap<WebhookNumber, Host>>,
    ended: Notify,
}

#[derive(Clone, Copy, Default)]
struct Host {
    calls: usize,
    health: Health,
}

#[derive(Clone, Copy, Default)]
enum Health {
    /// Not called yet, or slow.
    #[default]
    Unknown,
    /// The last call was accepted quickly.
    Quick,
    /// The last call failed: the end of the pause, and its length.
    Paused(MonotonicSeconds, u64),
}

/// A call in progress. Dropped without [`HostCall::end`], it does not change the state of the endpoint.
pub(super) struct HostCall<'a> {
    hosts: &'a Hosts,
    webhook: WebhookNumber,
    began: Instant,
}

impl Hosts {
    /// Begins a call.
    ///
    /// # Errors
    ///
    /// The number of seconds after which to try again, if no call is possible now.
    pub(super) async fn begin(
        &self,
        webhook: WebhookNumber,
        now: MonotonicSeconds,
    ) -> Result<HostCall<'_>, u64> {
        let began = Instant::now();
        loop {
            let ended = self.ended.notified();
            match self.try_begin(webhook, now) {
                Ok(()) => return Ok(HostCall { hosts: self, webhook, began: Instant::now() }),
                Err(Some(seconds)) => return Err(seconds),
                Err(None) => {}
            }
            if timeout_at(began + PATIENCE, ended).await.is_err() {
                return Err(CALL_SECONDS);
            }
        }
    }

    /// The error is `None` if a call that ends soon makes room.
    fn try_begin(&self, webhook: WebhookNumber, now: MonotonicSeconds) -> Result<(), Option<u64>> {
        let mut hosts = self.hosts();
        let others = hosts.values().filter(|host| !host.is_quick()).map(|host| host.calls);
        let others: usize = others.sum();
        let host = hosts.entry(webhook).or_default();
        match host.health {
            Health::Quick if host.calls >= MAX_QUICK_CALLS => return Err(None),
            Health::Quick => {}
            Health::Paused(until, _) if now < until => return Err(Some(until.since(now))),
            Health::Paused(..) | Health::Unknown => {
                if host.calls > 0 || others >= MAX_OTHER_CALLS {
                    return Err(Some(CALL_SECONDS));
                }
            }
        }
        host.calls += 1;
        Ok(())
    }

    /// Ends all pauses, on the operator's request.
    pub(super) fn try_now(&self) {
        for host in self.hosts().values_mut() {
            if let Health::Paused(until, _) = &mut host.health {
                *until = MonotonicSeconds(0);
            }
        }
    }

    /// Removes the state of a webhook that is removed.
    pub(super) fn forget(&self, webhook: WebhookNumber) {
        self.hosts().remove(&webhook);
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<WebhookNumber, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    fn is_quick(&self) -> bool {
        matches!(self.health, Health::Quick)
    }
}

impl HostCall<'_> {
    /// Records whether the call was accepted.
    pub(super) fn end(self, is_taken: bool, now: MonotonicSeconds) {
        if let Some(host) = self.hosts.hosts().get_mut(&self.webhook) {
            host.health = match host.health {
                _ if is_taken && self.began.elapsed() < QUICK => Health::Quick,
                _ if is_taken => Health::Unknown,
                // Failures of calls that were already in progress do not extend the pause.
                Health::Paused(until, seconds) if now < until => Health::Paused(until, seconds),
                Health::Paused(_, seconds) => {
                    let seconds = (seconds * 2).min(LONGEST_PAUSE_SECONDS);
                    Health::Paused(now.plus(seconds), seconds)
                }
                Health::Unknown | Health::Quick => {
                    Health::Paused(now.plus(FIRST_PAUSE_SECONDS), FIRST_PAUSE_SECONDS)
                }
            };
        }
    }
}

impl Drop for HostCall<'_> {
    fn drop(&mut self) {
        if let Some(host) = self.hosts.hosts().get_mut(&self.webhook) {
            host.calls = host.calls.saturating_sub(1);
        }
        self.hosts.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::numbers::AccountNumber;

    const NOW: MonotonicSeconds = MonotonicSeconds(1000);

    fn webhook(sequence: u32) -> WebhookNumber {
        WebhookNumber { account: AccountNumber::NOBODY, sequence }
    }

    async fn begin(hosts: &Hosts, sequence: u32) -> Result<HostCall<'_>, u64> {
        hosts.begin(webhook(sequence), NOW).await
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_quick_has_places_and_who_is_not_leaves_some() {
        let hosts = Hosts::default();
        let first = begin(&hosts, 1).await.unwrap();
        assert_eq!(begin(&hosts, 1).await.err(), Some(15), "its state is unknown");
        first.end(true, NOW);
        let mut calls = Vec::new();
        for _ in 0..MAX_QUICK_CALLS {
            calls.push(begin(&hosts, 1).await.unwrap());
        }
        assert_eq!(begin(&hosts, 1).await.err(), Some(15), "after its patience");
        let ends = async {
            tokio::time::sleep(PATIENCE / 2).await;
            calls.pop().unwrap().end(true, NOW);
        };
        let (began, ()) = tokio::join!(begin(&hosts, 1), ends);
        assert!(began.is_ok(), "it has waited for the place");

        let mut others = Vec::new();
        for sequence in 2..10 {
            others.extend(begin(&hosts, sequence).await.ok());
        }
        assert_eq!(others.len(), MAX_OTHER_CALLS);
        tokio::time::advance(QUICK).await;
        others.pop().unwrap().end(true, NOW);
        let slow = begin(&hosts, 6).await.unwrap();
        assert!(begin(&hosts, 6).await.is_err(), "accepted, but slowly");
        drop(slow);
        assert!(begin(&hosts, 6).await.is_ok(), "a caller that gives up frees its place");
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_one_is_left_alone_for_longer_and_longer() {
        let hosts = Hosts::default();
        let (mut now, mut pauses) = (NOW, Vec::new());
        for _ in 0..6 {
            hosts.begin(webhook(1), now).await.ok().unwrap().end(false, now);
            let pause = hosts.begin(webhook(1), now).await.err().unwrap();
            pauses.push(pause);
            now = now.plus(pause);
        }
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900]);
        let call = hosts.begin(webhook(1), now).await.ok().unwrap();
        assert!(
            hosts.begin(webhook(1), now).await.is_err(),
            "one call tests whether it works again"
        );
        call.end(false, now);
        hosts.try_now();
        hosts.begin(webhook(1), now).await.ok().unwrap().end(true, now);
        assert!(hosts.hosts()[&webhook(1)].is_quick());
        hosts.forget(webhook(1));
        assert!(hosts.hosts().is_empty());
    }
}
