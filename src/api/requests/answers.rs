//! A request with its answers, for the requester: with an API key, or with a manage token.

use std::sync::Arc;

use hyper::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::RequestListItem;
use crate::{
    api::{
        ApiError, App, load::work::blocking, paging::page_start, secrets::answer_item::AnswerItem,
    },
    clock::UnixSeconds,
    domain::{
        account::{self, AccountCounts},
        id::CursorList,
        numbers::AccountNumber,
        request::answers::{self, AnsweredRequest},
        request_id::RequestId,
        sealed_part::StoredAnswerKey,
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
    let list = CursorList::Answers(id.clone());
    let start = page_start(app, account, &list, query)?;
    let (reader, now) = (Arc::clone(app), app.clock.now());
    let allowance = app.rules.request_allowance;
    let read = move || {
        let found = answers::find(&reader.store, account, &id, start)?;
        let owner = account::read_live(&reader.store, account)?;
        let counts = AccountCounts::read(&reader.store, account, &owner)?;
        Ok::<_, ApiError>((found, counts.request_metadata(&owner, now, allowance)))
    };
    let (found, metadata) = blocking(read).await??;
    let data = RequestStatusItem::new(app, found, now);
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
    /// The answers that were not deleted, oldest first, at most 50 after `offset` or `cursor`.
    #[schemars(length(max = 50))]
    answers: Vec<AnswerItem>,
    /// The `cursor` of the next answers; null after the last one.
    #[schemars(example = &"5dRk0s2bQyHcU7xWm3LzPfA8vNtJe1G")]
    next_cursor: Option<String>,
}

impl RequestStatusItem {
    pub(in crate::api) fn new(app: &App, found: AnsweredRequest, now: UnixSeconds) -> Self {
        let AnsweredRequest { entry, answer_key, answers, next } = found;
        let list = CursorList::Answers(entry.request.id().clone());
        Self {
            next_cursor: next.map(|next| app.ids.cursor(&list, next)),
            request: RequestListItem::new(app, entry, now),
            answer_key: answer_key.map(StoredAnswerKey::into_text),
            answers: answers.into_iter().map(|answer| AnswerItem::new(app, answer, now)).collect(),
        }
    }
}
