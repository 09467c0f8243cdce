//! The lifetime of secrets: four settings that must be consistent.

use std::num::NonZeroU32;

use super::{BadSetting, Expiration, sources::Sources};

impl Expiration {
    /// The shortest lifetime that a sender may choose.
    #[must_use]
    pub fn min_hours(&self) -> u32 {
        self.min_hours
    }

    /// The lifetime of a secret if the sender gives none; `None` for no expiry, if the operator allows it.
    #[must_use]
    pub fn default_hours(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.default_hours)
    }

    /// The longest lifetime that a sender may choose.
    #[must_use]
    pub fn max_hours(&self) -> u32 {
        self.max_hours
    }

    /// Checks that the four are consistent; each is already in its range.
    pub(super) fn check(&self, sources: &Sources) -> Result<(), BadSetting> {
        let Self { min_hours: min, default_hours: default, max_hours: max, for_ever_allowed } =
            *self;
        let bad = |key: &str, problem: &str, remedy: String| {
            Err(BadSetting {
                setting: key.to_owned(),
                origin: sources.origin(key),
                problem: problem.to_owned(),
                remedy,
            })
        };
        let named = |key: &str, value: u32| {
            format!("{key}, which is {value} (from {})", sources.origin(key))
        };
        if min > max {
            return bad(
                "expiration_min",
                &format!("{min} is more than {}", named("expiration_max", max)),
                "expiration_min must be at most expiration_max".to_owned(),
            );
        }
        if default == 0 {
            return if for_ever_allowed {
                Ok(())
            } else {
                bad(
                    "expiration_default",
                    &format!(
                        "0 means no expiry, and allow_no_expiration is false (from {})",
                        sources.origin("allow_no_expiration"),
                    ),
                    format!("give {min} to {max} hours, or set allow_no_expiration to true"),
                )
            };
        }
        let remedy = format!("set expiration_default to {min} to {max} hours");
        if default < min {
            let problem = format!("{default} is less than {}", named("expiration_min", min));
            return bad("expiration_default", &problem, remedy);
        }
        if default > max {
            let problem = format!("{default} is more than {}", named("expiration_max", max));
            return bad("expiration_default", &problem, remedy);
        }
        Ok(())
    }
}
