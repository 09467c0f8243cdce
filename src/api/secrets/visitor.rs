//! Who comes to see a secret, as the logs keep it.

use std::net::IpAddr;

use hyper::header::{HeaderMap, USER_AGENT};

use crate::{
    api::{ApiError, App, Client},
    config::ViewerIp,
    domain::secret::{view::View, viewing::LateTry},
};

/// The visitor of this request, now.
pub(crate) fn entry(app: &App, client: Client, headers: &HeaderMap) -> View {
    let agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let address = kept_address(app.rules.viewer_ip, client.address);
    View::new(app.clock.now(), address, agent.as_deref())
}

/// Puts a try aside that found nothing, for the log.
///
/// Nobody waits for it, and it is put aside whatever the reason: neither the time that this answer takes
/// nor that of the next one tells whether there is something to log.
pub(crate) fn note_too_late<T>(
    app: &App,
    client: Client,
    late: LateTry,
    outcome: Result<T, ApiError>,
) -> Result<T, ApiError> {
    if matches!(outcome, Err(ApiError::NotFound)) {
        app.late_tries.add(client, late);
    }
    outcome
}

/// As much of a viewer's address as the operator wants to keep.
fn kept_address(kept: ViewerIp, address: IpAddr) -> Option<IpAddr> {
    match (kept, address) {
        (ViewerIp::Full, _) => Some(address),
        (ViewerIp::Off, _) => None,
        (ViewerIp::Truncated, IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            Some(IpAddr::from([a, b, c, 0]))
        }
        (ViewerIp::Truncated, IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            Some(IpAddr::from([a, b, c, 0, 0, 0, 0, 0]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_as_the_operator_wants() {
        let cases = [
            (ViewerIp::Full, "192.0.2.77", Some("192.0.2.77")),
            (ViewerIp::Truncated, "192.0.2.77", Some("192.0.2.0")),
            (ViewerIp::Truncated, "2001:db8:1:2:3::4", Some("2001:db8:1::")),
            (ViewerIp::Off, "192.0.2.77", None),
        ];
        for (kept, address, expected) in cases {
            let expected = expected.map(|text: &str| text.parse().unwrap());
            assert_eq!(
                kept_address(kept, address.parse().unwrap()),
                expected,
                "{kept:?} {address}"
            );
        }
    }
}
