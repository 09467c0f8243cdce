//! `/api/public/captcha`: proofs of work, for secrets whose sender wants one.

use std::sync::Arc;

use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};

use super::super::{ApiError, App, response::Body};

/// `GET /api/public/captcha`: a challenge, in the form that the ALTCHA widget asks for.
pub(super) async fn challenge(app: &Arc<App>) -> Result<Response<Body>, ApiError> {
    let turn = app.slow_work.turn().await?;
    let worker = Arc::clone(app);
    let work = move || worker.captchas.challenge(&*worker.random, worker.clock.now());
    let challenge = turn.run(work).await?;
    let mut response = Response::new(Bytes::from(challenge).into());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
