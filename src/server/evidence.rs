//! What the server has noticed about the proxies in front of it, for `sealdrop doctor`.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hyper::header::{HeaderMap, HeaderName};

use crate::crypto::bytes_equal;

/// The header with the token of a request that `sealdrop doctor` sends through the public URL.
pub const DOCTOR_HEADER: HeaderName = HeaderName::from_static("x-sealdrop-doctor");
/// The number of untrusted addresses that are remembered; more would only fill the log.
const MAX_REMEMBERED: usize = 8;

/// What is known about proxies. It is told only over the administration socket.
#[derive(Default)]
pub struct ProxyEvidence {
    /// Addresses that sent a header of proxies and are not trusted.
    untrusted: Mutex<BTreeSet<IpAddr>>,
    is_full: AtomicBool,
    is_proxy_used: AtomicBool,
    /// One request at a time: a later token replaces an earlier one.
    awaited: Mutex<Option<AwaitedRequest>>,
    is_awaiting: AtomicBool,
}

/// A request that the operator sends, known by its token.
struct AwaitedRequest {
    token: String,
    seen: Option<ArrivedRequest>,
}

/// How a request arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivedRequest {
    /// The other side of the connection.
    pub peer: IpAddr,
    /// The client that was found.
    pub client: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub is_trusted: bool,
    /// Whether the header that trusted proxies use names an address.
    pub names_client: bool,
    /// A header of proxies in it, used or not.
    pub header: Option<String>,
}

impl ProxyEvidence {
    /// Remembers an untrusted address that sent a header of proxies. Returns whether the log may warn about it:
    /// once, and only about a few.
    pub(super) fn notes_untrusted(&self, peer: IpAddr) -> bool {
        if self.is_full.load(Ordering::Relaxed) {
            return false;
        }
        let mut untrusted = self.untrusted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = untrusted.len() < MAX_REMEMBERED && untrusted.insert(peer);
        self.is_full.store(untrusted.len() >= MAX_REMEMBERED, Ordering::Relaxed);
        is_new
    }

    /// Remembers that a trusted proxy has sent a request.
    pub(super) fn note_proxy(&self) {
        if !self.is_proxy_used.load(Ordering::Relaxed) {
            self.is_proxy_used.store(true, Ordering::Relaxed);
        }
    }

    /// Remembers how a request arrived, if it has the token that is awaited.
    pub(super) fn note_awaited(&self, headers: &HeaderMap, seen: impl FnOnce() -> ArrivedRequest) {
        if !self.is_awaiting.load(Ordering::Relaxed) {
            return;
        }
        let Some(token) = headers.get(DOCTOR_HEADER) else { return };
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(awaited) = &mut *awaited
            && bytes_equal(awaited.token.as_bytes(), token.as_bytes())
        {
            awaited.seen = Some(seen());
        }
    }

    /// Waits for a request with this token in the header [`DOCTOR_HEADER`].
    pub fn await_request(&self, token: String) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        *awaited = Some(AwaitedRequest { token, seen: None });
        self.is_awaiting.store(true, Ordering::Relaxed);
    }

    /// How the awaited request arrived, if it did. It is not awaited any more.
    pub fn take_awaited(&self) -> Option<ArrivedRequest> {
        self.is_awaiting.store(false, Ordering::Relaxed);
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).take()?.seen
    }

    /// The untrusted addresses that sent a header of proxies since the start, at most 8.
    #[must_use]
    pub fn untrusted(&self) -> Vec<IpAddr> {
        let untrusted = self.untrusted.lock().unwrap_or_else(PoisonError::into_inner);
        untrusted.iter().copied().collect()
    }

    /// Whether a trusted proxy has sent a request since the start.
    #[must_use]
    pub fn is_proxy_used(&self) -> bool {
        self.is_proxy_used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn warnings_are_few() {
        let evidence = ProxyEvidence::default();
        let of = |number: u8| IpAddr::from([192, 0, 2, number]);
        let warned = [1, 1, 2, 1].map(|number| evidence.notes_untrusted(of(number)));
        assert_eq!(warned, [true, false, true, false]);
        let more = (3..=255).filter(|number| evidence.notes_untrusted(of(*number))).count();
        assert_eq!(more, MAX_REMEMBERED - 2);
        assert_eq!(evidence.untrusted().len(), MAX_REMEMBERED);
    }

    #[test]
    fn only_the_awaited_request_is_noted_once() {
        let evidence = ProxyEvidence::default();
        let address = IpAddr::from([192, 0, 2, 1]);
        let seen = ArrivedRequest {
            peer: address,
            client: address,
            is_trusted: false,
            names_client: false,
            header: None,
        };
        let headers = |token: &'static str| {
            HeaderMap::from_iter([(DOCTOR_HEADER, HeaderValue::from_static(token))])
        };
        evidence.note_awaited(&headers("right"), || seen.clone());
        assert_eq!(evidence.take_awaited(), None, "nothing is awaited");
        for (token, expected) in [("wrong", None), ("right", Some(seen.clone()))] {
            evidence.await_request("right".into());
            evidence.note_awaited(&headers(token), || seen.clone());
            assert_eq!(evidence.take_awaited(), expected, "{token}");
            assert_eq!(evidence.take_awaited(), None, "it is told once");
        }
    }
}
