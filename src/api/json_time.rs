//! Times in answers.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::clock::UnixSeconds;

/// A time in RFC 3339, in UTC, with whole seconds.
#[derive(Clone, Copy, JsonSchema)]
#[schemars(rename = "Time", extend("format" = "date-time"), example = &"2026-11-22T12:00:00Z")]
pub(crate) struct JsonTime(#[schemars(with = "String")] pub(crate) UnixSeconds);

impl Serialize for JsonTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
