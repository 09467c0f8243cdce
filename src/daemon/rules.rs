//! Converts settings to the rules and limits of each part of the daemon.

use crate::{
    api::{Rules, key_service::ServiceRules},
    config::Settings,
    crypto::{box_key, stream::sealed_len},
    domain::{drop_box::BoxLimits, lifetime::LifetimeRules, secret::attachment},
    server::{ConnectionLimits, Proxies},
};

/// The most messages in a box: a list of all of them is in memory while they are read.
const MAX_MESSAGES: u32 = 100_000;

/// The rules of secrets, requests, attachments and webhooks.
pub(super) fn rules(settings: &Settings) -> Rules {
    let expiration = &settings.expiration;
    Rules {
        max_ciphertext: usize::try_from(settings.max_ciphertext_bytes).unwrap_or(usize::MAX),
        lifetime: LifetimeRules {
            min: expiration.min_hours().into(),
            max: expiration.max_hours().into(),
            default: expiration.default_hours().map_or(0, |hours| hours.get().into()),
        },
        create: settings.create,
        viewer_ip: settings.viewer_ip,
        keep_log_seconds: u64::from(settings.keep_log_days) * 24 * 3600,
        ring_turn_seconds: settings.ring.turn_seconds,
        request_allowance: settings.request_allowance,
        webhook_private: settings.webhook_private,
        limits: settings.limits,
        attachments: attachment::AttachmentLimits {
            max_bytes: settings.max_upload_bytes.map(sealed_len),
            max_count: settings.max_attachments,
            max_account_bytes: settings.max_account_bytes,
            max_storage_bytes: settings.max_storage_bytes,
        },
    }
}

/// The rules of boxes.
pub(super) fn service_rules(settings: &Settings) -> ServiceRules {
    ServiceRules {
        creation: settings.boxes,
        rsa_bits: settings.rsa_bits,
        key_pool: settings.key_pool,
        iterations: box_key::ITERATIONS,
        max_text: usize::try_from(settings.max_ciphertext_bytes).unwrap_or(usize::MAX),
        max_upload: settings.max_upload_bytes,
        limits: BoxLimits { max_bytes: settings.max_box_bytes, max_messages: MAX_MESSAGES },
        public_url: settings.public_url.as_ref().map(|url| url.as_str().to_owned()),
        is_https: settings.is_https(),
    }
}

/// The proxies that may name the client.
pub(super) fn proxies(settings: &Settings) -> Proxies {
    Proxies::new(settings.trusted_proxies.clone(), settings.client_ip_header.clone())
}

/// The numbers of connections.
pub(super) fn connection_limits(settings: &Settings) -> ConnectionLimits {
    ConnectionLimits {
        all: settings.max_connections,
        of_client: settings.max_connections_per_client,
    }
}
