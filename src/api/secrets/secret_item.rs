//! A secret in the format of the list and of the answer to its creation.

use std::{net::IpAddr, num::NonZeroU8};

use serde::Serialize;

use crate::{
    api::{App, attachments::AttachmentForViewer, links::PageLink},
    clock::UnixSeconds,
    domain::secret::{event::SecretEventKind, list::SecretListEntry},
};

/// A secret, for its owner.
#[derive(Serialize)]
pub(crate) struct SecretListItem {
    id: String,
    #[serde(flatten)]
    link: PageLink,
    created_at: String,
    message: Option<String>,
    description: Option<String>,
    view_button: bool,
    captcha: bool,
    password: bool,
    expiration: u64,
    expires_at: Option<String>,
    expired: bool,
    locked: bool,
    view_times: u8,
    max_views: NonZeroU8,
    views: Vec<ItemView>,
    events: Vec<ItemEvent>,
    draft: bool,
    attachments: Vec<AttachmentForViewer>,
}

#[derive(Serialize)]
struct ItemView {
    viewed_at: String,
    viewed_by_ip: Option<IpAddr>,
    viewed_by_user_agent: Option<String>,
}

#[derive(Serialize)]
struct ItemEvent {
    event: &'static str,
    at: String,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
}

impl SecretListItem {
    pub(crate) fn new(app: &App, listed: SecretListEntry, now: UnixSeconds) -> Self {
        let SecretListEntry { number, secret, description, message, views, events, attachments } =
            listed;
        let attachments = attachments.into_iter().map(|(n, found)| (n, found.received));
        let views = views.into_iter().map(|view| ItemView {
            viewed_at: view.at.to_string(),
            viewed_by_ip: view.address,
            viewed_by_user_agent: view.agent,
        });
        let events = events.into_iter().map(|event| ItemEvent {
            event: name(event.kind),
            at: event.at.to_string(),
            ip: event.address,
            user_agent: event.agent,
        });
        let id = app.ids.text(&secret.id(number));
        Self {
            link: PageLink::of_secret(app, &id),
            id,
            created_at: secret.created_at.to_string(),
            message,
            description,
            view_button: secret.view_button,
            captcha: secret.captcha,
            password: secret.has_password,
            expiration: secret.expiration_hours,
            expires_at: secret.expires_at.map(|end| end.to_string()),
            expired: secret.is_expired(now),
            locked: secret.is_locked(),
            view_times: secret.view_times,
            max_views: secret.max_views,
            views: views.collect(),
            events: events.collect(),
            draft: secret.is_draft,
            attachments: attachments.map(AttachmentForViewer::one).collect(),
        }
    }
}

fn name(kind: SecretEventKind) -> &'static str {
    match kind {
        SecretEventKind::Opened => "opened",
        SecretEventKind::Burned => "burned",
        SecretEventKind::LeaseEnded => "lease_ended",
        SecretEventKind::TriedAfter => "tried_after",
    }
}
