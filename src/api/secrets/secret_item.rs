//! A secret in the format of the list and of the answer to its creation.

use std::{net::IpAddr, num::NonZeroU8};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    api::{
        App, attachments::AttachmentForViewer, json_time::JsonTime, links::PageLink,
        secrets::answer_item::AnswerItem,
    },
    clock::UnixSeconds,
    domain::secret::{
        MessageShown, event::SecretEventKind, list::SecretListEntry, reply::SecretReply,
    },
};

/// A secret as its owner sees it, without its content.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Secret")]
pub(crate) struct SecretListItem {
    /// 31 letters and digits.
    #[schemars(example = &"3vQB7B6MrGQZaxCuFg4oh1qX8Zy9Kd2")]
    id: String,
    #[serde(flatten)]
    link: PageLink,
    created_at: JsonTime,
    /// The text that viewers see.
    message: Option<String>,
    message_shown: ItemMessageShown,
    /// The owner's own text.
    #[schemars(example = &"for Bob")]
    description: Option<String>,
    /// Whether the page asks for a click before it shows the secret.
    view_button: bool,
    /// Whether viewers without an API key must do a proof of work.
    captcha: bool,
    /// Whether the secret has a password.
    password: bool,
    /// The lifetime in hours, counted from the creation or the last change of it; 0 for no end.
    #[schemars(example = 24)]
    expiration: u64,
    /// Null if the secret does not expire.
    #[schemars(example = &"2026-11-23T12:00:00Z")]
    expires_at: Option<JsonTime>,
    expired: bool,
    /// Whether the secret was locked after 100 wrong passwords. A locked secret cannot be viewed.
    locked: bool,
    /// The number of views until now.
    view_times: u8,
    #[schemars(range(max = 100))]
    max_views: NonZeroU8,
    views: Vec<ItemView>,
    events: Vec<ItemEvent>,
    /// Whether attachments are missing. A draft cannot be viewed.
    draft: bool,
    /// The attachments, each with the number of stored bytes.
    attachments: Vec<AttachmentForViewer>,
    /// The public key for a reply. Null if the sender has not allowed one.
    reply_key: Option<String>,
    /// The reply of a viewer, if there is one.
    reply: Option<AnswerItem>,
}

/// When viewers see the message.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum ItemMessageShown {
    /// With the secret, after the view is spent.
    With,
    /// Before the view as well, to each client with the link.
    Before,
}

/// A view of a secret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "View")]
struct ItemView {
    viewed_at: JsonTime,
    /// The viewer's address: whole, truncated or null, as the operator has set (`--viewer-ip`).
    viewed_by_ip: Option<IpAddr>,
    /// The `User-Agent`, 256 bytes at most.
    viewed_by_user_agent: Option<String>,
}

/// An event of a secret other than a view. The first 50 events of each kind are stored.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
struct ItemEvent {
    event: ItemEventName,
    at: JsonTime,
    /// The visitor's address: whole, truncated or null, as the operator has set (`--viewer-ip`).
    ip: Option<IpAddr>,
    /// The `User-Agent`, 256 bytes at most.
    user_agent: Option<String>,
}

/// The kind of the event.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum ItemEventName {
    /// A visitor has opened the page, which spends no view.
    Opened,
    /// A viewer has deleted the key before the lease ended.
    Burned,
    /// The server has deleted the key because the last lease ended.
    LeaseEnded,
    /// A visitor came after the last view or the expiry.
    TriedAfter,
    /// The sender or owner has changed the lifetime, the number of views or the content.
    Changed,
}

impl SecretListItem {
    pub(crate) fn new(app: &App, listed: SecretListEntry, now: UnixSeconds) -> Self {
        let SecretListEntry {
            number,
            secret,
            description,
            message,
            views,
            events,
            attachments,
            reply,
        } = listed;
        let (reply_key, reply) = match reply {
            Some(SecretReply { key, answer }) => (Some(key.into_text()), answer),
            None => (None, None),
        };
        let attachments = attachments.into_iter().map(|(n, found)| (n, found.received));
        let views = views.into_iter().map(|view| ItemView {
            viewed_at: JsonTime(view.at),
            viewed_by_ip: view.address,
            viewed_by_user_agent: view.agent,
        });
        let events = events.into_iter().map(|event| ItemEvent {
            event: event.kind.into(),
            at: JsonTime(event.at),
            ip: event.address,
            user_agent: event.agent,
        });
        let id = app.ids.text(&secret.id(number));
        Self {
            link: PageLink::of_secret(app, &id),
            id,
            created_at: JsonTime(secret.created_at),
            message,
            message_shown: secret.message_shown.into(),
            description,
            view_button: secret.view_button,
            captcha: secret.captcha,
            password: secret.has_password,
            expiration: secret.expiration_hours,
            expires_at: secret.expires_at.map(JsonTime),
            expired: secret.is_expired(now),
            locked: secret.is_locked(),
            view_times: secret.view_times,
            max_views: secret.max_views,
            views: views.collect(),
            events: events.collect(),
            draft: secret.is_draft,
            attachments: attachments.map(AttachmentForViewer::one).collect(),
            reply_key,
            reply: reply.map(|answer| AnswerItem::new(app, answer, now)),
        }
    }
}

impl From<MessageShown> for ItemMessageShown {
    fn from(shown: MessageShown) -> Self {
        match shown {
            MessageShown::With => Self::With,
            MessageShown::Before => Self::Before,
        }
    }
}

impl From<SecretEventKind> for ItemEventName {
    fn from(kind: SecretEventKind) -> Self {
        match kind {
            SecretEventKind::Opened => Self::Opened,
            SecretEventKind::Burned => Self::Burned,
            SecretEventKind::LeaseEnded => Self::LeaseEnded,
            SecretEventKind::TriedAfter => Self::TriedAfter,
            SecretEventKind::Changed => Self::Changed,
        }
    }
}
