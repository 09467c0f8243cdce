//! A request with its answers, for the requester: with an API key, or with a manage token.

use std::{num::NonZeroU8, sync::Arc};

use hyper::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::RequestListItem;
use crate::{
    api::{
        ApiError, App, json_time::JsonTime, links::PageLink, load::work::blocking, secrets::offset,
    },
    clock::UnixSeconds,
    domain::{
        account,
        numbers::AccountNumber,
        request::answers::{self, AnsweredRequest, RequestAnswer},
        request_id::RequestId,
        sealed_part::{SealedHalf, StoredAnswerKey},
    },
    http::response::{Body, DataAnswer, json},
};

/// `GET /api/secret_requests/<id>`.
pub(in crate::api) async fn show(
    app: &Arc<App>,
    account: AccountNumber,
    id: &str,
    query: Option<&str>,
) -> Result<Response<Body>, ApiError> {
    let id = RequestId::parse(id).ok_or(ApiError::NotFound)?;
    let offset = offset(query)?;
    let (reader, now) = (Arc::clone(app), app.clock.now());
    let allowance = app.rules.request_allowance;
    let read = move || {
        let found = answers::find(&reader.store, account, &id, offset)?;
        let owner = account::read_live(&reader.store, account);
        Ok::<_, ApiError>((found, owner.map_err(|_| ApiError::NotFound)?))
    };
    let (found, owner) = blocking(read).await??;
    let data = RequestStatusItem::new(app, found, now);
    let metadata = owner.request_metadata(now, allowance);
    Ok(json(StatusCode::OK, &DataAnswer { data, metadata }))
}

/// A secret request with its answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RequestStatus")]
pub(in crate::api) struct RequestStatusItem {
    #[serde(flatten)]
    request: RequestListItem,
    /// The public key for answers that the request was created with.
    answer_key: Option<String>,
    /// The answers that were not deleted, oldest first, at most 50 after `offset`.
    #[schemars(length(max = 50))]
    answers: Vec<AnswerItem>,
}

/// A secret that was created through a request.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Answer")]
struct AnswerItem {
    #[schemars(example = &"3vQB7B6MrGQZaxCuFg4oh1qX8Zy9Kd2")]
    id: String,
    #[serde(flatten)]
    link: PageLink,
    created_at: JsonTime,
    /// Null if the secret does not expire.
    #[schemars(example = &"2026-11-29T12:00:00Z")]
    expires_at: Option<JsonTime>,
    expired: bool,
    /// Whether attachments are missing. A draft cannot be viewed.
    draft: bool,
    /// The number of views until now.
    view_times: u8,
    #[schemars(range(max = 100))]
    max_views: NonZeroU8,
    /// The time of the last view. Null before the first one.
    viewed_at: Option<JsonTime>,
    /// The public half of the link, encrypted for `answer_key`. Null if the sender of the answer has the link
    /// instead.
    sealed_part: Option<String>,
}

impl RequestStatusItem {
    pub(in crate::api) fn new(app: &App, found: AnsweredRequest, now: UnixSeconds) -> Self {
        let AnsweredRequest { entry, answer_key, answers } = found;
        Self {
            request: RequestListItem::new(app, entry, now),
            answer_key: answer_key.map(StoredAnswerKey::into_text),
            answers: answers.into_iter().map(|answer| AnswerItem::new(app, answer, now)).collect(),
        }
    }
}

impl AnswerItem {
    fn new(app: &App, answer: RequestAnswer, now: UnixSeconds) -> Self {
        let RequestAnswer { number, secret, sealed_part, viewed_at } = answer;
        let id = app.ids.text(&secret.id(number));
        Self {
            link: PageLink::of_secret(app, &id),
            id,
            created_at: JsonTime(secret.created_at),
            expires_at: secret.expires_at.map(JsonTime),
            expired: secret.is_expired(now),
            draft: secret.is_draft,
            view_times: secret.view_times,
            max_views: secret.max_views,
            viewed_at: viewed_at.map(JsonTime),
            sealed_part: sealed_part.map(SealedHalf::into_text),
        }
    }
}
