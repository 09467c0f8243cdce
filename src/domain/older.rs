//! Records as older versions of sealdrop wrote them, and what they are now.

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use super::secret::{Secret, event::EventCounts};
use crate::{clock::UnixSeconds, crypto::PasswordHash};

/// A secret before there were attachments.
#[derive(Serialize, Deserialize)]
pub(super) struct SecretV2 {
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
    events: EventCounts,
    leases: u8,
    leased_until: Option<UnixSeconds>,
}

/// A secret before there were leases and the event log.
#[derive(Serialize, Deserialize)]
pub(super) struct SecretV1 {
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
}

impl From<SecretV2> for Secret {
    fn from(old: SecretV2) -> Self {
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
            events: old.events,
            leases: old.leases,
            leased_until: old.leased_until,
            attachments: 0,
            attachment_bytes: 0,
            is_draft: false,
        }
    }
}

impl From<SecretV1> for SecretV2 {
    fn from(old: SecretV1) -> Self {
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
            events: EventCounts::default(),
            leases: 0,
            leased_until: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{account::AccountNumber, schema, secret::SecretNumber},
        store::{Record, Store, Transaction},
    };

    impl Record for SecretV2 {
        const VERSION: u8 = 2;
    }

    impl Record for SecretV1 {
        const VERSION: u8 = 1;
    }

    #[test]
    fn a_secret_of_the_first_version_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let number = SecretNumber { account: AccountNumber::NOBODY, sequence: 7 };
        let old = || SecretV1 {
            random: [3; 15],
            created_at: UnixSeconds(5),
            expiration_hours: 1,
            expires_at: Some(UnixSeconds(3605)),
            max_views: NonZeroU8::MAX,
            view_times: 9,
            view_button: true,
            captcha: false,
            has_password: true,
            password: None,
            wrong_passwords: 2,
            has_description: false,
            has_message: true,
            gone_at: Some(UnixSeconds(8)),
        };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            transaction.put(&schema::secret(number), &old())
        };
        store.change(put).wait().unwrap();
        let read: Secret = store.get(&schema::secret(number)).unwrap().unwrap();
        assert_eq!((read.random, read.view_times, read.wrong_passwords), ([3; 15], 9, 2));
        assert_eq!(
            (read.expires_at, read.gone_at),
            (Some(UnixSeconds(3605)), Some(UnixSeconds(8)))
        );
        assert!(read.view_button && read.has_password && read.has_message && !read.captcha);
        assert_eq!((read.events.total(), read.leases, read.leased_until), (0, 0, None));
        store.close();
    }

    #[test]
    fn a_secret_from_before_attachments_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        let number = SecretNumber { account: AccountNumber::NOBODY, sequence: 7 };
        let put = move |transaction: &mut Transaction<'_, '_>| {
            let old = SecretV2 {
                random: [3; 15],
                created_at: UnixSeconds(5),
                expiration_hours: 1,
                expires_at: Some(UnixSeconds(3605)),
                max_views: NonZeroU8::MAX,
                view_times: 9,
                view_button: true,
                captcha: false,
                has_password: true,
                password: None,
                wrong_passwords: 2,
                has_description: false,
                has_message: true,
                gone_at: None,
                events: EventCounts::default(),
                leases: 4,
                leased_until: Some(UnixSeconds(99)),
            };
            transaction.put(&schema::secret(number), &old)
        };
        store.change(put).wait().unwrap();
        let read: Secret = store.get(&schema::secret(number)).unwrap().unwrap();
        assert_eq!((read.leases, read.leased_until), (4, Some(UnixSeconds(99))));
        assert_eq!((read.attachments, read.attachment_bytes, read.is_draft), (0, 0, false));
        assert!(read.has_payload(UnixSeconds(100)));
        store.close();
    }
}
