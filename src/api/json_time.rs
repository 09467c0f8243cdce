//! Times in answers.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::clock::{UnixDay, UnixSeconds};

/// A time in RFC 3339, in UTC, with whole seconds.
#[derive(Clone, Copy, JsonSchema)]
#[schemars(rename = "Time", extend("format" = "date-time"), example = &"2026-11-22T12:00:00Z")]
pub(crate) struct JsonTime(#[schemars(with = "String")] pub(crate) UnixSeconds);

impl Serialize for JsonTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A day in UTC, in RFC 3339.
#[derive(Clone, Copy, JsonSchema)]
#[schemars(rename = "Day", extend("format" = "date"), example = &"2026-11-22")]
pub(crate) struct JsonDay(#[schemars(with = "String")] pub(crate) UnixDay);

impl Serialize for JsonDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
