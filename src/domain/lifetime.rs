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

/// A valid lifetime in whole hours, 0 for a secret that never expires; or a moment.
///
/// In hours because the `expiration` field of the Secrets API is in hours. [`Lifetime::ends_at`] is the only
/// conversion to [`UnixSeconds`]. Records have the hours; the moment is in their time of expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Lifetime {
    hours: u64,
    end: Option<UnixSeconds>,
}

/// A lifetime outside the range that the operator allows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 0 (the server's default, {default} hours) or between {min} and {max} hours")]
pub struct BadLifetime {
    min: u64,
    max: u64,
    default: u64,
}

/// A moment outside the range that the operator allows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be in the future, from {min} to {max} started hours from now")]
pub struct BadEnd {
    min: u64,
    max: u64,
}

impl From<u64> for Lifetime {
    fn from(hours: u64) -> Self {
        Self { hours, end: None }
    }
}

impl From<Lifetime> for u64 {
    fn from(lifetime: Lifetime) -> Self {
        lifetime.hours
    }
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
            None | Some(0) => Ok(default.into()),
            Some(hours) if (min..=max).contains(&hours) => Ok(hours.into()),
            Some(_) => Err(BadLifetime { min, max, default }),
        }
    }

    /// The lifetime that ends at `end`. An hour that has begun counts as one.
    ///
    /// # Errors
    ///
    /// [`BadEnd`] in the past, and outside the range of `rules`.
    pub fn until(end: UnixSeconds, now: UnixSeconds, rules: LifetimeRules) -> Result<Self, BadEnd> {
        let LifetimeRules { min, max, .. } = rules;
        let hours = end.0.saturating_sub(now.0).div_ceil(SECONDS_PER_HOUR);
        match hours > 0 && (min..=max).contains(&hours) {
            true => Ok(Self { hours, end: Some(end) }),
            false => Err(BadEnd { min, max }),
        }
    }

    /// A lifetime from a record, which was valid when the record was created.
    pub(crate) fn of_record(hours: u64) -> Self {
        hours.into()
    }

    /// The hours; 0 for a secret that never expires.
    #[must_use]
    pub fn hours(self) -> u64 {
        self.hours
    }

    /// The moment at which it ends, if one was chosen.
    #[must_use]
    pub fn moment(self) -> Option<UnixSeconds> {
        self.end
    }

    /// The expiry of a secret created at `start`; `None` if it never expires.
    #[must_use]
    pub fn ends_at(self, start: UnixSeconds) -> Option<UnixSeconds> {
        let counted = (self.hours > 0).then(|| start.plus(self.hours * SECONDS_PER_HOUR));
        self.end.or(counted)
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

    #[test]
    fn a_moment_is_kept_to_the_second() {
        let rules = LifetimeRules { min: 1, max: 350, default: 168 };
        let patient = LifetimeRules { min: 2, ..rules };
        let now = UnixSeconds(1_000_000);
        // (seconds from now, rules) -> hours
        let cases = [
            (0, rules, None),
            (-1, rules, None),
            (1, rules, Some(1)),
            (3600, rules, Some(1)),
            (3601, rules, Some(2)),
            (3600, patient, None),
            (3601, patient, Some(2)),
            (350 * 3600, rules, Some(350)),
            (350 * 3600 + 1, rules, None),
        ];
        for (seconds, rules, hours) in cases {
            let end = UnixSeconds(now.0.checked_add_signed(seconds).unwrap());
            let lifetime = Lifetime::until(end, now, rules);
            assert_eq!(lifetime.as_ref().ok().map(|lifetime| lifetime.hours()), hours, "{seconds}");
            if let Ok(lifetime) = lifetime {
                assert_eq!(lifetime.ends_at(now), Some(end), "{seconds}");
            }
        }
        assert!(Lifetime::until(UnixSeconds(u64::MAX), now, rules).is_err());
        assert!(Lifetime::until(UnixSeconds(0), now, rules).is_err());
    }

    #[test]
    fn records_have_hours_alone() {
        let kept = bincode::serde::encode_to_vec(Lifetime::from(7), bincode::config::standard());
        let plain = bincode::serde::encode_to_vec(7_u64, bincode::config::standard());
        assert_eq!(kept.unwrap(), plain.unwrap());
    }
}
