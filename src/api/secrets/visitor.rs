//! Entries about viewers in the log of a secret.

use std::net::IpAddr;

use hyper::header::{HeaderMap, USER_AGENT};

use crate::{
    api::{ApiError, App, Client},
    config::ViewerIp,
    domain::{secret::viewing::LateTry, view::View},
};

/// The log entry for this request, with the current time.
pub(crate) fn entry(app: &App, client: Client, headers: &HeaderMap) -> View {
    let agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let address = kept_address(app.rules.viewer_ip, client.address);
    View::new(app.clock.now(), address, agent.as_deref())
}

/// Passes `outcome` on. If it is "not found", `late` is added to the late attempts.
///
/// The request does not wait for the log, and every such attempt is added. So neither the time of this
/// answer nor that of the next one shows whether the secret existed.
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

/// The part of a viewer's address that the operator wants to keep.
pub(crate) fn kept_address(kept: ViewerIp, address: IpAddr) -> Option<IpAddr> {
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
