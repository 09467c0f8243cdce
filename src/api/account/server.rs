//! `/api/account/server`: the state of the server, for the account of its operator.

use std::sync::Arc;

use hyper::{Response, StatusCode};

use super::figures_now;
use crate::{
    api::{ApiError, App, load::work::blocking, status::status},
    domain::numbers::AccountNumber,
    http::response::{Body, DataAnswer, json},
};

/// `GET /api/account/server`: for the first account only.
pub(in crate::api) async fn show(
    app: &Arc<App>,
    account: AccountNumber,
) -> Result<Response<Body>, ApiError> {
    if !is_owner(account) {
        return Err(ApiError::Forbidden("Only the server's first account can see its state"));
    }
    let metadata = figures_now(app, account).await?;
    let reader = Arc::clone(app);
    let data = blocking(move || status(&reader)).await??;
    Ok(json(StatusCode::OK, &DataAnswer { data, metadata }))
}

/// Whether an account can see the state of the server: the first one, which the operator uses. Others share
/// the server, and learn nothing about it.
pub(super) fn is_owner(account: AccountNumber) -> bool {
    account == AccountNumber::FIRST
}
