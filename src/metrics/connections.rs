//! The connections of the listeners.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    EventCount,
    definitions::{CONNECTIONS, CONNECTIONS_ACCEPTED},
    exposition::Exposition,
};

/// How a connection arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionKind {
    /// Whether it speaks TLS.
    pub is_tls: bool,
    /// Whether its other end is a trusted proxy.
    pub is_proxy: bool,
}

/// The figures of all connections. Clones are the same figures.
#[derive(Clone, Default)]
pub struct ConnectionFigures(Arc<[OneKind; 4]>);

#[derive(Default)]
struct OneKind {
    open: AtomicU64,
    accepted: EventCount,
}

/// Counts a connection as open until it is dropped.
pub struct OpenConnectionCount {
    figures: Arc<[OneKind; 4]>,
    kind: ConnectionKind,
}

impl ConnectionKind {
    const ALL: [Self; 4] = [
        Self { is_tls: false, is_proxy: false },
        Self { is_tls: false, is_proxy: true },
        Self { is_tls: true, is_proxy: false },
        Self { is_tls: true, is_proxy: true },
    ];

    fn of(self, kinds: &[OneKind; 4]) -> &OneKind {
        let [plain, plain_proxy, tls, tls_proxy] = kinds;
        match self {
            Self { is_tls: false, is_proxy: false } => plain,
            Self { is_tls: false, is_proxy: true } => plain_proxy,
            Self { is_tls: true, is_proxy: false } => tls,
            Self { is_tls: true, is_proxy: true } => tls_proxy,
        }
    }

    fn labels(self) -> [String; 2] {
        let protocol = if self.is_tls { "https" } else { "http" };
        let peer = if self.is_proxy { "proxy" } else { "client" };
        [protocol.to_owned(), peer.to_owned()]
    }
}

impl ConnectionFigures {
    /// Counts a new connection.
    #[must_use]
    pub fn open(&self, kind: ConnectionKind) -> OpenConnectionCount {
        let figures = kind.of(&self.0);
        figures.accepted.add_one();
        figures.open.fetch_add(1, Ordering::Relaxed);
        OpenConnectionCount { figures: Arc::clone(&self.0), kind }
    }

    /// The number of open connections.
    #[must_use]
    pub fn now_open(&self) -> u64 {
        self.0.iter().map(|kind| kind.open.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn expose(&self, out: &mut Exposition<'_>) -> std::fmt::Result {
        let kinds = || ConnectionKind::ALL.into_iter().map(|kind| (kind, kind.of(&self.0)));
        out.gauges(
            &CONNECTIONS,
            kinds().map(|(kind, figures)| {
                (kind.labels(), figures.open.load(Ordering::Relaxed) as f64)
            }),
        )?;
        out.counters(
            &CONNECTIONS_ACCEPTED,
            kinds().map(|(kind, figures)| (kind.labels(), figures.accepted.get())),
        )
    }
}

impl Drop for OpenConnectionCount {
    fn drop(&mut self) {
        self.kind.of(&self.figures).open.fetch_sub(1, Ordering::Relaxed);
    }
}
