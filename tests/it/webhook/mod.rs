//! Webhooks: calls, and the commands about them.

mod account;
mod calls;
mod commands;
mod outbox;
mod receiver;
mod tls;
mod verified;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    [
        account::trials(),
        calls::trials(),
        commands::trials(),
        outbox::trials(),
        tls::trials(),
        verified::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
