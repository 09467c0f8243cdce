//! The record of a secret in versions that older releases have written.

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use super::{MessageShown, Secret, event::EventCounts};
use crate::{clock::UnixSeconds, crypto::PasswordHash};

/// Version 3: without [`Secret::message_shown`], [`Secret::is_from_owner`] and the count of changes.
#[derive(Serialize, Deserialize)]
pub(super) struct SecretV3 {
    random: [u8; 15],
    created_at: UnixSeconds,
    expiration_hours: u64,
    expires_at: Option<UnixSeconds>,
    max_views: NonZeroU8,
    view_times: u8,
    view_button: bool,
    captcha: bool,
    has_password: bool,
    password: Option<PasswordHash>,
    wrong_passwords: u8,
    has_description: bool,
    has_message: bool,
    gone_at: Option<UnixSeconds>,
    /// `opened`, `burned`, `lease_ended` and `tried_after`.
    events: [u8; 4],
    leases: u8,
    leased_until: Option<UnixSeconds>,
    attachments: u8,
    attachment_bytes: u64,
    is_draft: bool,
}

impl From<SecretV3> for Secret {
    fn from(old: SecretV3) -> Self {
        Self {
            random: old.random,
            created_at: old.created_at,
            expiration_hours: old.expiration_hours,
            expires_at: old.expires_at,
            max_views: old.max_views,
            view_times: old.view_times,
            view_button: old.view_button,
            captcha: old.captcha,
            has_password: old.has_password,
            password: old.password,
            wrong_passwords: old.wrong_passwords,
            has_description: old.has_description,
            has_message: old.has_message,
            gone_at: old.gone_at,
            events: EventCounts::from_v3(old.events),
            leases: old.leases,
            leased_until: old.leased_until,
            attachments: old.attachments,
            attachment_bytes: old.attachment_bytes,
            is_draft: old.is_draft,
            message_shown: MessageShown::With,
            // Not known: rather no sender than a wrong one.
            is_from_owner: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Key, Record, Store, StoreError};

    impl Record for SecretV3 {
        const VERSION: u8 = 3;
    }

    #[test]
    fn a_secret_of_version_3_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let key = Key::new(b's').with(b"a secret");
        let old = SecretV3 {
            random: [7; 15],
            created_at: UnixSeconds(1000),
            expiration_hours: 3,
            expires_at: Some(UnixSeconds(11_800)),
            max_views: NonZeroU8::new(5).unwrap(),
            view_times: 2,
            view_button: true,
            captcha: false,
            has_password: true,
            password: None,
            wrong_passwords: 4,
            has_description: false,
            has_message: true,
            gone_at: None,
            events: [1, 2, 3, 4],
            leases: 6,
            leased_until: Some(UnixSeconds(2000)),
            attachments: 8,
            attachment_bytes: 9,
            is_draft: true,
        };
        let at = key.clone();
        store.change(move |change| change.put(&at, &old)).wait().map_err(drop).unwrap();
        let new: Secret = store.get(&key).unwrap().unwrap();
        assert_eq!((new.random, new.view_times, new.wrong_passwords), ([7; 15], 2, 4));
        assert_eq!((new.leases, new.attachments, new.attachment_bytes), (6, 8, 9));
        assert_eq!(
            (new.expires_at, new.leased_until),
            (Some(UnixSeconds(11_800)), Some(UnixSeconds(2000)))
        );
        assert_eq!(new.events.total(), 10);
        assert!(new.is_draft && new.has_message && new.view_button && !new.captcha);
        assert_eq!((new.message_shown, new.is_from_owner), (MessageShown::With, false));
        // What is written back has the new version.
        let at = key.clone();
        let written = new.clone();
        store
            .change(move |change| change.put(&at, &written))
            .wait()
            .map_err(|_: StoreError| ())
            .unwrap();
        assert!(matches!(store.get::<SecretV3>(&key), Err(StoreError::UnknownVersion(4))));
    }
}
