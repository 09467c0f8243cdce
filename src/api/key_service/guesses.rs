//! Limits on guesses of passphrases.

use crate::{
    clock::MonotonicSeconds,
    config::TryLimits,
    domain::{
        limits::{
            client_net::ClientNet,
            try_limit::{TooMany, Try, TryLimit},
        },
        numbers::BoxNumber,
    },
};

/// Limits on guesses of passphrases.
pub struct Guesses {
    by_address: TryLimit<ClientNet>,
    by_box: TryLimit<BoxNumber>,
}

impl Guesses {
    pub(super) fn new(limits: TryLimits) -> Self {
        Self {
            by_address: TryLimit::new(limits.passphrase_rule()),
            by_box: TryLimit::new(limits.box_passphrase_rule()),
        }
    }

    /// Begins an attempt, which counts for the client and for the box.
    pub(super) fn begin(
        &self,
        client: ClientNet,
        number: BoxNumber,
        now: MonotonicSeconds,
    ) -> Result<Guess<'_>, TooMany> {
        let by_address = self.by_address.begin(client, now)?;
        match self.by_box.begin(number, now) {
            Ok(by_box) => Ok(Guess(by_address, by_box)),
            Err(too_many) => {
                by_address.right();
                Err(too_many)
            }
        }
    }
}

/// An attempt in progress. It counts as wrong unless [`Guess::right`] is called.
pub(super) struct Guess<'a>(Try<'a, ClientNet>, Try<'a, BoxNumber>);

impl Guess<'_> {
    pub(super) fn right(self) {
        self.0.right();
        self.1.right();
    }
}
