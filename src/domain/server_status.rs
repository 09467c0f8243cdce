//! The state of the daemon at a glance, for its operator and for the owner's page. Data only: the daemon fills
//! it in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;

/// The state of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerStatus {
    /// The version of sealdrop.
    #[schemars(example = &"0.1.0")]
    pub version: String,
    /// The start of the daemon.
    #[schemars(extend("format" = "date-time"), example = &"2026-11-22T12:00:00Z")]
    pub started_at: String,
    /// The time since then.
    pub uptime_seconds: u64,
    /// The secrets.
    pub secrets: SecretsStatus,
    /// The number of boxes.
    pub boxes: u64,
    /// The number of messages and files in boxes.
    pub messages: u64,
    /// The disk of the data directory.
    pub disk: DiskStatus,
    /// What waits.
    pub queues: QueueStatus,
    /// The number of open connections.
    pub connections: u64,
    /// The end of the certificate. Null without HTTPS.
    #[schemars(extend("format" = "date-time"), example = &"2027-01-22T12:00:00Z")]
    pub certificate_ends_at: Option<String>,
    /// The last turn of the ring: older copies of `store/` open nothing that was burned before it. Null before
    /// the first one.
    #[schemars(extend("format" = "date-time"), example = &"2026-11-22T12:00:00Z")]
    pub ring_turned_at: Option<String>,
    /// The key table in the directory of `--keys-out`. Null without one.
    #[schemars(extend("format" = "date-time"), example = &"2026-11-22T12:00:00Z")]
    pub key_table_at: Option<String>,
    /// What needs attention.
    pub warnings: Vec<StatusWarning>,
    /// The hours of the last 30 days in which the daemon ran, oldest first.
    #[schemars(length(max = 720))]
    pub history: Vec<HourItem>,
}

/// The secrets of the server. Today is the day in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretsStatus {
    /// Secrets whose content is stored.
    pub live: u64,
    /// Secrets created today.
    pub created_today: u64,
    /// Views today.
    pub views_today: u64,
    /// Secrets whose content was destroyed today: viewed, expired or deleted.
    pub burned_today: u64,
    /// Attempts today to open secrets that do not exist any more, or never did.
    pub late_tries_today: u64,
    /// Requests that a limit refused today.
    pub refusals_today: u64,
}

/// The disk of the data directory. Null is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskStatus {
    /// The free space.
    pub free_bytes: Option<u64>,
    /// The size of the disk.
    pub size_bytes: Option<u64>,
    /// The free space below which no secret can be created.
    pub reserve_bytes: Option<u64>,
    /// The size of the data directory.
    pub used_bytes: Option<u64>,
}

/// What waits, and what was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueStatus {
    /// Changes that wait for the disk.
    pub changes: u64,
    /// Jobs of slow work that wait for a core.
    pub slow_work: u64,
    /// Mails, at most 100,000.
    pub mails: u64,
    /// Calls of webhooks, at most 100,000.
    pub webhook_calls: u64,
    /// Mails and calls that were given up, at most 100,000.
    pub given_up: u64,
}

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusWarning {
    /// The kind.
    pub code: WarningCode,
    /// A sentence in English for the operator.
    #[schemars(example = &"The certificate ends in 12 days and was not renewed.")]
    pub text: String,
}

/// The kind of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// The disk is full: no secret can be created.
    DiskFull,
    /// The disk is nearly full.
    DiskLow,
    /// The certificate ends soon, or has ended.
    Certificate,
    /// The clock is wrong.
    Clock,
    /// Mails wait, and no mail server is set up.
    NoMail,
    /// Mails or calls of webhooks were given up.
    GivenUp,
}

/// One hour of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HourItem {
    /// The beginning of the hour.
    #[schemars(extend("format" = "date-time"), example = &"2026-11-22T12:00:00Z")]
    pub at: String,
    /// Secrets that were created.
    pub created: u64,
    /// Views.
    pub views: u64,
    /// Secrets whose content was destroyed.
    pub burned: u64,
    /// Late attempts.
    pub late_tries: u64,
    /// Refusals by limits.
    pub refusals: u64,
    /// Secrets whose content was stored at the end of the hour.
    pub live_secrets: u64,
    /// The size of the data directory at the end of the hour.
    pub stored_bytes: u64,
}

/// A certificate that is not renewed in time ends in fewer days than this.
const CERTIFICATE_DAYS: u64 = 20;
const DAY_SECONDS: u64 = 86_400;

impl ServerStatus {
    /// The warnings that follow from the rest. `certificate` is the end of the certificate.
    #[must_use]
    pub fn warnings(
        &self,
        certificate: Option<UnixSeconds>,
        clock: Option<String>,
        has_mail: bool,
        now: UnixSeconds,
    ) -> Vec<StatusWarning> {
        let mut found = Vec::new();
        let mut warn = |code, text: String| found.push(StatusWarning { code, text });
        if let (Some(free), Some(reserve)) = (self.disk.free_bytes, self.disk.reserve_bytes) {
            if free < reserve {
                let text =
                    "The disk is full: views and deletions work, and no secret can be created.";
                warn(WarningCode::DiskFull, text.to_owned());
            } else if free < reserve.saturating_mul(2) {
                let text = "The disk is nearly full: soon no secret can be created.";
                warn(WarningCode::DiskLow, text.to_owned());
            }
        }
        if let Some(end) = certificate {
            let days = end.0.saturating_sub(now.0) / DAY_SECONDS;
            if end <= now {
                warn(WarningCode::Certificate, format!("The certificate ended at {end}."));
            } else if days < CERTIFICATE_DAYS {
                let text = format!("The certificate ends in {days} days and was not renewed.");
                warn(WarningCode::Certificate, text);
            }
        }
        if let Some(trouble) = clock {
            warn(WarningCode::Clock, trouble);
        }
        if self.queues.mails > 0 && !has_mail {
            let text = "Mails wait, and no mail server is set up (smtp_url).";
            warn(WarningCode::NoMail, text.to_owned());
        }
        if self.queues.given_up > 0 {
            let text = format!(
                "{} mails or calls of webhooks were given up: sealdrop mail list shows them.",
                self.queues.given_up
            );
            warn(WarningCode::GivenUp, text);
        }
        found
    }
}
