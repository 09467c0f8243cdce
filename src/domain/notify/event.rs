//! The events that webhooks are called for.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::UnixSeconds,
    domain::{numbers::SecretId, request_id::RequestId},
};

/// The kinds of events for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum WebhookEventKind {
    /// A secret was viewed.
    #[serde(rename = "secret.viewed")]
    SecretViewed,
    /// A visitor came after the last view or the expiry of a secret.
    #[serde(rename = "secret.tried_after")]
    SecretTriedAfter,
    /// A secret was created through a secret request.
    #[serde(rename = "secret_request.answered")]
    RequestAnswered,
}

/// An event for webhooks. It contains ids and times, but no secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct WebhookEvent {
    /// The kind of the event.
    pub kind: WebhookEventKind,
    /// The time of the event.
    pub at: UnixSeconds,
    /// The secret that the event is about.
    pub secret: SecretId,
    /// The secret request that the event is about, if any.
    pub request: Option<RequestId>,
}

impl WebhookEventKind {
    /// All kinds of events.
    pub const ALL: [Self; 3] = [Self::SecretViewed, Self::SecretTriedAfter, Self::RequestAnswered];

    /// The name in calls and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecretViewed => "secret.viewed",
            Self::SecretTriedAfter => "secret.tried_after",
            Self::RequestAnswered => "secret_request.answered",
        }
    }

    /// The kind of event with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl FromStr for WebhookEventKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_name(text).ok_or_else(|| {
            format!("there is no such event; give one of {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}
