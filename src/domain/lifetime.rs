//! The lifetime of secrets.

use serde::{Deserialize, Serialize};

use crate::clock::UnixSeconds;

const SECONDS_PER_HOUR: u64 = 3600;

/// The lifetimes that the operator allows, in whole hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifetimeRules {
    /// The shortest lifetime.
    pub min: u64,
    /// The longest lifetime.
    pub max: u64,
    /// The lifetime for an expiration of 0 or none. It is 0 if the operator allows secrets that never expire.
    pub default: u64,
}

/// A valid lifetime in whole hours; 0 for a secret that never expires.
///
/// In hours because the `expiration` field of the Secrets API is in hours. [`Lifetime::ends_at`] is the only
/// conversion to [`UnixSeconds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime(u64);

/// A lifetime outside the range that the operator allows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 0 (the server's default, {default} hours) or between {min} and {max} hours")]
pub struct BadLifetime {
    min: u64,
    max: u64,
    default: u64,
}

impl Lifetime {
    /// The requested lifetime, or the default for 0 or `None`.
    ///
    /// # Errors
    ///
    /// [`BadLifetime`] outside the range of `rules`.
    pub fn new(hours: Option<u64>, rules: LifetimeRules) -> Result<Self, BadLifetime> {
        let LifetimeRules { min, max, default } = rules;
        match hours {
            None | Some(0) => Ok(Self(default)),
            Some(hours) if (min..=max).contains(&hours) => Ok(Self(hours)),
            Some(_) => Err(BadLifetime { min, max, default }),
        }
    }

    /// A lifetime from a record, which was valid when the record was created.
    pub(crate) fn of_record(hours: u64) -> Self {
        Self(hours)
    }

    /// The hours; 0 for a secret that never expires.
    #[must_use]
    pub fn hours(self) -> u64 {
        self.0
    }

    /// The expiry of a secret created at `start`; `None` if it never expires.
    #[must_use]
    pub fn ends_at(self, start: UnixSeconds) -> Option<UnixSeconds> {
        (self.0 > 0).then(|| start.plus(self.0 * SECONDS_PER_HOUR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_limits_hold() {
        let rules = LifetimeRules { min: 2, max: 350, default: 168 };
        let permanent = LifetimeRules { default: 0, ..rules };
        // (asked, rules) -> ends at, from 1000
        let cases = [
            (None, rules, Ok(Some(1000 + 168 * 3600))),
            (Some(0), rules, Ok(Some(1000 + 168 * 3600))),
            (Some(1), rules, Err(())),
            (Some(2), rules, Ok(Some(1000 + 2 * 3600))),
            (Some(350), rules, Ok(Some(1000 + 350 * 3600))),
            (Some(351), rules, Err(())),
            (Some(u64::MAX), rules, Err(())),
            (Some(0), permanent, Ok(None)),
            (Some(3), permanent, Ok(Some(1000 + 3 * 3600))),
        ];
        for (asked, rules, expected) in cases {
            let ends = Lifetime::new(asked, rules)
                .map(|lifetime| lifetime.ends_at(UnixSeconds(1000)).map(|end| end.0))
                .map_err(|_| ());
            assert_eq!(ends, expected, "{asked:?}");
        }
    }
}
