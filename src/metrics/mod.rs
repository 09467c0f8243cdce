//! What the daemon counts about itself, and the form in which `/metrics` reports it.
//!
//! Each part counts with atomics of its own, so that recording takes no lock and no memory. The values are
//! read when `/metrics` is requested. `definitions.rs` defines every metric once: the output, the table in
//! docs/operations.md and the checks of the dashboard and the alerts are made from it.

mod connections;
pub mod definitions;
mod exposition;
mod histogram;
mod refusals;
mod requests;
mod token;

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::clock::UnixSeconds;

pub use self::{
    connections::{ConnectionFigures, ConnectionKind, OpenConnectionCount},
    definitions::{Metric, MetricKind, TABLE},
    exposition::{CONTENT_TYPE, Exposition, exposition},
    histogram::{AtomicHistogram, HistogramValues},
    refusals::{RefusalFigures, RefusedBy},
    requests::{RequestFigures, RequestSlot},
    token::read_token,
};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct EventCount(AtomicU64);

impl EventCount {
    /// Counts one event.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// Counts `events` events.
    pub fn add(&self, events: u64) {
        self.0.fetch_add(events, Ordering::Relaxed);
    }

    /// The number of events so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Returns the end of the present certificate.
type CertificateEnd = Box<dyn Fn() -> Option<UnixSeconds> + Send + Sync>;

/// The figures that are not those of a single part of the daemon.
pub struct Metrics {
    /// The requests, by route.
    pub requests: RequestFigures,
    /// The requests that a limit refused.
    pub refusals: RefusalFigures,
    /// The connections of the listeners.
    pub connections: ConnectionFigures,
    /// The turns of the ring that have failed.
    pub ring_failures: EventCount,
    /// The start of the daemon.
    pub started: UnixSeconds,
    certificate_end: OnceLock<CertificateEnd>,
}

impl Metrics {
    /// Figures for these routes, all zero.
    #[must_use]
    pub fn new(routes: Vec<&'static str>, started: UnixSeconds) -> Self {
        Self {
            requests: RequestFigures::new(routes),
            refusals: RefusalFigures::default(),
            connections: ConnectionFigures::default(),
            ring_failures: EventCount::default(),
            started,
            certificate_end: OnceLock::new(),
        }
    }

    /// Sets the source of the end of the certificate. It is asked each time, because the certificate is
    /// replaced while the daemon runs. Only the first source is used.
    pub fn set_certificate(&self, end: impl Fn() -> Option<UnixSeconds> + Send + Sync + 'static) {
        let _ = self.certificate_end.set(Box::new(end));
    }

    /// The end of the certificate that new connections get; `None` without HTTPS.
    #[must_use]
    pub fn certificate_end(&self) -> Option<UnixSeconds> {
        self.certificate_end.get().and_then(|end| end())
    }
}
