//! One open connection: whether a request is in progress, or since when it has been idle.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::Notify;

/// The most requests in a row over HTTP/2 that a client may take back before their answers are read.
const MAX_ABANDONED: u64 = 100;
/// No request is in progress, and the last answer is not written yet. The number of requests in progress
/// follows.
const ANSWERED: u64 = 0;
/// From here, a phase is the moment at which a connection became idle.
pub(super) const FIRST_MOMENT: u64 = 1 << 32;
/// It was idle and had to end.
const ENDED: u64 = u64::MAX;

/// One open connection. It is idle until the head of its first request is complete, and between an answer
/// and the head of the next request.
pub(super) struct OpenConnection {
    /// [`ANSWERED`], the number of requests in progress, the moment at which it became idle, or [`ENDED`].
    phase: AtomicU64,
    moments: Arc<AtomicU64>,
    /// Whether too many abandoned requests end it.
    limits_abandoned: AtomicBool,
    /// The number of requests so far.
    requests: AtomicU64,
    /// The number of requests, since the last whole answer, that ended before all of theirs was read.
    abandoned: AtomicU64,
    /// It was ended while the last part of an answer was being written, and some of that is lost.
    is_cut: AtomicBool,
    ended: Notify,
}

impl OpenConnection {
    pub(super) fn new(moments: &Arc<AtomicU64>) -> Self {
        Self {
            phase: AtomicU64::new(moments.fetch_add(1, Ordering::Relaxed)),
            moments: Arc::clone(moments),
            limits_abandoned: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            ended: Notify::new(),
        }
    }

    /// Records a new request. Returns false if the connection had to end before.
    pub(super) fn begin_request(&self) -> bool {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let busy = |phase| match phase {
            ENDED => None,
            FIRST_MOMENT.. => Some(1),
            requests => Some(requests + 1),
        };
        self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, busy).is_ok()
    }

    /// The number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether it waits for a request, and no answer is being written.
    pub(super) fn is_idle(&self) -> bool {
        self.idle_since().is_some()
    }

    /// The moment at which it became idle; `None` if it is not.
    pub(super) fn idle_since(&self) -> Option<u64> {
        Some(self.phase.load(Ordering::Acquire)).filter(|phase| *phase >= FIRST_MOMENT)
    }

    /// The moment at which it became idle; `None` if it is not, or has ended.
    pub(super) fn can_end_since(&self) -> Option<u64> {
        self.idle_since().filter(|phase| *phase != ENDED)
    }

    /// Records that an answer is complete.
    pub(super) fn answered(&self) {
        let fewer = |phase| match phase {
            ANSWERED | FIRST_MOMENT.. => None,
            requests => Some(requests - 1),
        };
        // It fails for a connection that had ended before the request began.
        let _ = self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
    }

    /// Whether all answers are complete, and the last one is not written yet.
    pub(super) fn is_answered(&self) -> bool {
        self.phase.load(Ordering::Acquire) == ANSWERED
    }

    /// Records that all of an answer was read.
    pub(super) fn keep_request(&self) {
        self.abandoned.store(0, Ordering::Release);
    }

    /// Records that a request ended without a whole answer. Too many in a row may end the connection.
    pub(super) fn abandon_request(&self) {
        let is_limited = self.limits_abandoned.load(Ordering::Relaxed);
        if is_limited && self.abandoned.fetch_add(1, Ordering::AcqRel) >= MAX_ABANDONED {
            self.ended.notify_one();
        }
    }

    /// Whether too many requests in a row ended without a whole answer.
    pub(super) fn has_abandoned_many(&self) -> bool {
        self.abandoned.load(Ordering::Acquire) > MAX_ABANDONED
    }

    /// Too many abandoned requests will end the connection.
    pub(super) fn limit_abandoned(&self) {
        self.limits_abandoned.store(true, Ordering::Relaxed);
    }

    fn next_moment(&self) -> u64 {
        self.moments.fetch_add(1, Ordering::Relaxed)
    }

    /// Ends the connection, if it is still idle since that moment.
    pub(super) fn end(&self, idle_since: u64) -> bool {
        let ended =
            self.phase.compare_exchange(idle_since, ENDED, Ordering::AcqRel, Ordering::Relaxed);
        if ended.is_ok() {
            self.ended.notify_one();
        }
        ended.is_ok()
    }

    /// Records that all data was written, or is about to be: when a client has read an answer, its
    /// connection counts as idle. Returns the moment at which it became idle, if it was not before.
    pub(super) fn written(&self) -> Option<u64> {
        let phase = &self.phase;
        if phase.load(Ordering::Acquire) != ANSWERED {
            return None;
        }
        let idle = self.next_moment();
        let changed = phase.compare_exchange(ANSWERED, idle, Ordering::AcqRel, Ordering::Relaxed);
        changed.is_ok().then_some(idle)
    }

    /// Corrects `written`, which returned `since`: not all data was written.
    pub(super) fn not_written(&self, since: u64) {
        let phase = &self.phase;
        let changed = phase.compare_exchange(since, ANSWERED, Ordering::AcqRel, Ordering::Relaxed);
        if changed.is_err() {
            self.is_cut.store(true, Ordering::Release);
        }
    }

    /// Returns once the connection must end.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Whether the connection ended while the last part of an answer was being written, and some of it is
    /// lost.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }
}
