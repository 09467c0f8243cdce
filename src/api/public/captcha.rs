//! `/api/public/captcha`: proofs of work, for secrets whose sender requires one.

use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};

use super::super::App;
use crate::http::response::Body;

/// `GET /api/public/captcha`: a challenge in the format of the ALTCHA widget.
pub(in crate::api) fn challenge(app: &App) -> Response<Body> {
    let challenge = app.attempts.captchas.challenge(&*app.random, app.clock.now());
    let mut response = Response::new(Bytes::from(challenge).into());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
