//! The limits on what one client, one account or one box may do within a while.

/// The operator's limits; each is a number within its window, and 0 for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLimits {
    /// Secrets made without an account from one address, within an hour.
    pub creations: u32,
    /// Secrets handed over through secret requests from one address, within an hour.
    pub answers: u32,
    /// Wrong passwords of secrets from one address, within an hour.
    pub passwords: u32,
    /// Wrong passphrases and hashes of boxes from one address, within a minute.
    pub passphrases: u32,
    /// The same for one box from anywhere: more than most machines can check, so that whoever has the token
    /// cannot keep the owner out.
    pub box_passphrases: u32,
    /// Messages that destroy themselves from one address, within an hour.
    pub self_destructs: u32,
    /// Calls of its webhooks that one account may try out, within a minute: each may hold a connection and a
    /// lookup for a while.
    pub webhook_tests: u32,
}

impl Default for TryLimits {
    fn default() -> Self {
        Self {
            creations: 30,
            answers: 60,
            passwords: 10,
            passphrases: 5,
            box_passphrases: 600,
            self_destructs: 10,
            webhook_tests: 10,
        }
    }
}
