//! What the daemon tells `sealdrop doctor` about itself.

use std::sync::Arc;

use crate::{
    admin::{RequestArrival, ServingFacts},
    api::App,
    config::Settings,
    memory,
    server::{ArrivedRequest, LocalAddress, ProxyEvidence},
};

/// The facts that are known when the daemon starts, and what the server notices later.
pub(super) struct Examination {
    pub(super) evidence: Arc<ProxyEvidence>,
    pub(super) settings: Settings,
    pub(super) addresses: Vec<LocalAddress>,
    pub(super) base: String,
}

impl Examination {
    /// Blocks.
    pub(super) fn facts(&self, app: &App) -> ServingFacts {
        let Self { evidence, settings, addresses, base } = self;
        ServingFacts {
            base: base.clone(),
            is_https: settings.is_https(),
            is_self_signed: settings.tls_self_signed,
            addresses: addresses.iter().filter_map(LocalAddress::tcp).collect(),
            domains: settings.domains.clone(),
            has_redirect: !settings.http_listen.is_empty(),
            max_upload_bytes: settings.max_upload_bytes,
            trusted_proxies: settings.trusted_proxies.iter().map(ToString::to_string).collect(),
            has_proxy_protocol: settings.proxy_protocol,
            is_proxy_used: evidence.is_proxy_used(),
            untrusted: evidence.untrusted(),
            cache_bytes: settings.cache_bytes,
            max_connections: settings.max_connections,
            memory_limit_bytes: memory::group_limit(),
            swap_limit_bytes: memory::swap_limit(),
            now: app.clock.now(),
            has_mail: app.mail_ready(),
        }
    }

    /// How the awaited request arrived.
    pub(super) fn arrival(&self) -> Option<RequestArrival> {
        let ArrivedRequest { peer, client, is_trusted, names_client, header } =
            self.evidence.take_awaited()?;
        Some(RequestArrival { peer, client, is_trusted, names_client, header })
    }
}
