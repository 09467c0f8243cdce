//! A secret as it stands in the list and in the answer to its creation.

use std::{net::IpAddr, num::NonZeroU8};

use serde::Serialize;

use super::App;
use crate::{clock::UnixSeconds, domain::list::Listed};

/// A secret as its owner sees it.
#[derive(Serialize)]
pub(super) struct Item {
    id: String,
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
}

#[derive(Serialize)]
struct ItemView {
    viewed_at: String,
    viewed_by_ip: Option<IpAddr>,
    viewed_by_user_agent: Option<String>,
}

impl Item {
    pub(super) fn new(app: &App, listed: Listed, now: UnixSeconds) -> Self {
        let Listed { number, secret, description, message, views } = listed;
        let views = views.into_iter().map(|view| ItemView {
            viewed_at: view.at.to_string(),
            viewed_by_ip: view.address,
            viewed_by_user_agent: view.agent,
        });
        Self {
            id: app.ids.text(&secret.id(number)),
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
        }
    }
}
