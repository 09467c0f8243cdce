//! The requests: how many, how they were answered, how long they took.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use hyper::{Method, StatusCode};

use super::{
    AtomicHistogram,
    definitions::{HTTP_REQUEST_DURATION_SECONDS, HTTP_REQUESTS},
    exposition::Exposition,
};

/// The methods that have a label of their own. Clients can send any word as the method.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER];
/// The status codes that answers have.
const STATUSES: [u16; 25] = [
    200, 201, 202, 204, 206, 301, 302, 304, 308, 400, 401, 403, 404, 405, 408, 409, 413, 415, 416,
    422, 429, 500, 501, 503, 507,
];
/// The label of a path, a method or a status that has none of its own.
const OTHER: &str = "other";

/// The figures of all requests.
pub struct RequestFigures {
    routes: Vec<RouteFigures>,
}

struct RouteFigures {
    label: &'static str,
    methods: [MethodFigures; METHODS.len()],
}

struct MethodFigures {
    /// By the place in [`STATUSES`], and one for all others.
    statuses: [AtomicU64; STATUSES.len() + 1],
    seconds: AtomicHistogram,
}

/// The place of a request in the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSlot {
    route: usize,
    method: usize,
}

impl RequestFigures {
    /// Figures for these routes, and for requests with an unknown path.
    #[must_use]
    pub(super) fn new(routes: Vec<&'static str>) -> Self {
        let routes = routes.into_iter().chain([OTHER]).map(|label| RouteFigures {
            label,
            methods: std::array::from_fn(|_| MethodFigures {
                statuses: std::array::from_fn(|_| AtomicU64::new(0)),
                seconds: AtomicHistogram::of_durations(),
            }),
        });
        Self { routes: routes.collect() }
    }

    /// The place of a request. `route` is a place in the list of routes, `None` for an unknown path.
    #[must_use]
    pub fn slot(&self, route: Option<usize>, method: &Method) -> RequestSlot {
        let other = self.routes.len() - 1;
        let method = METHODS.iter().position(|name| *name == method.as_str());
        RequestSlot {
            route: route.map_or(other, |route| route.min(other)),
            method: method.unwrap_or(METHODS.len() - 1),
        }
    }

    /// The labels of a place: the route and the method.
    #[must_use]
    pub fn labels(&self, slot: RequestSlot) -> (&'static str, &'static str) {
        let route = self.routes.get(slot.route).map_or(OTHER, |route| route.label);
        (route, METHODS.get(slot.method).copied().unwrap_or(OTHER))
    }

    /// Counts a request that was answered with `status` after `duration`.
    pub fn record(&self, slot: RequestSlot, status: StatusCode, duration: Duration) {
        let figures = self.routes.get(slot.route).and_then(|route| route.methods.get(slot.method));
        let Some(figures) = figures else { return };
        let place = STATUSES.binary_search(&status.as_u16()).unwrap_or(STATUSES.len());
        if let Some(count) = figures.statuses.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        figures.seconds.observe_duration(duration);
    }

    /// Writes the figures of the routes and methods that were requested.
    pub(super) fn expose(&self, out: &mut Exposition<'_>) -> std::fmt::Result {
        let seen = || {
            self.routes.iter().flat_map(|route| {
                let methods = METHODS.iter().zip(&route.methods);
                methods.map(|(method, figures)| (route.label, *method, figures))
            })
        };
        out.counters(
            &HTTP_REQUESTS,
            seen().flat_map(|(route, method, figures)| {
                figures.statuses.iter().enumerate().filter_map(move |(place, count)| {
                    let count = count.load(Ordering::Relaxed);
                    let status = STATUSES.get(place).map_or(OTHER.to_owned(), u16::to_string);
                    let labels = [route.to_owned(), method.to_owned(), status];
                    (count > 0).then_some((labels, count))
                })
            }),
        )?;
        out.histograms(
            &HTTP_REQUEST_DURATION_SECONDS,
            seen().filter_map(|(route, method, figures)| {
                let values = figures.seconds.values();
                (values.count > 0).then_some(([route.to_owned(), method.to_owned()], values))
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_paths_methods_and_statuses_share_a_label() {
        let figures = RequestFigures::new(vec!["/a"]);
        let brew = Method::from_bytes(b"BREW").unwrap();
        // (route, method, labels)
        let cases = [
            (Some(0), &Method::GET, ("/a", "GET")),
            (Some(0), &brew, ("/a", "other")),
            (None, &Method::PUT, ("other", "PUT")),
            (Some(99), &brew, ("other", "other")),
        ];
        for (route, method, labels) in cases {
            let slot = figures.slot(route, method);
            assert_eq!(figures.labels(slot), labels);
            figures.record(slot, StatusCode::IM_A_TEAPOT, Duration::ZERO);
        }
        assert!(STATUSES.is_sorted(), "they are searched");
    }
}
