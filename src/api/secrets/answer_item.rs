//! An answer to a secret request or a secret, as the person who can open it sees it.

use std::num::NonZeroU8;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    api::{App, json_time::JsonTime, links::PageLink},
    clock::UnixSeconds,
    domain::{sealed_part::SealedHalf, secret::sealed_answer::SealedAnswer},
};

/// A secret that answers a secret request, or another secret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Answer")]
pub(in crate::api) struct AnswerItem {
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
    /// The public half of the link, encrypted for `answer_key` or `reply_key`. Null if the sender of the
    /// answer has the link instead.
    sealed_part: Option<String>,
}

impl AnswerItem {
    pub(in crate::api) fn new(app: &App, answer: SealedAnswer, now: UnixSeconds) -> Self {
        let SealedAnswer { number, secret, sealed_part, viewed_at } = answer;
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
