//! Changes of secrets, and their expected results.

use std::num::NonZeroU8;

use super::*;
use crate::domain::secret::change::{SecretChange, SecretChangeError, change};

/// A change of the lifetime (0 for no end), the views, and the content (large or small).
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    hours: Option<u64>,
    max_views: Option<u8>,
    content: Option<bool>,
}

pub(super) fn wanted() -> impl Strategy<Value = Wanted> {
    let hours = prop::option::of(0..4_u64);
    (hours, prop::option::of(1..4_u8), prop::option::of(any::<bool>()))
        .prop_map(|(hours, max_views, content)| Wanted { hours, max_views, content })
}

impl World {
    pub(super) fn change(&mut self, index: usize, wanted: Wanted) {
        let rules = LifetimeRules { min: 1, max: 350, default: 0 };
        let id = self.secrets[index].id;
        let text = wanted.content.map(|large| {
            let mut text = format!("secret {index}, changed at {}", self.now).into_bytes();
            text.resize(if large { MAX_INLINE_BYTES + 1 } else { 100 }, b'.');
            text
        });
        let seal = |text: &Vec<u8>| self.store().seal(&*self.random(), &id.random, text.clone());
        let new = SecretChange {
            lifetime: wanted.hours.map(|hours| Lifetime::new(Some(hours), rules).unwrap()),
            max_views: wanted.max_views.and_then(NonZeroU8::new),
            content: text.as_ref().map(|text| seal(text).unwrap()),
        };
        let outcome =
            self.store().change(change(self.account, id, new, self.now(), KEEP_LOG)).wait();
        let now = self.now;
        let expected = &mut self.secrets[index];
        if expected.listed && expected.draft_until.is_some_and(|until| now < until) {
            assert!(matches!(outcome, Err(SecretChangeError::Unpublished)));
            return;
        }
        if expected.listed && !expected.views.is_empty() {
            assert!(matches!(outcome, Err(SecretChangeError::Viewed)));
            return;
        }
        if !expected.is_live(now) {
            let is_missing =
                matches!(outcome, Err(SecretChangeError::Secret(SecretError::NotFound)));
            assert!(is_missing, "a change after the end");
            return;
        }
        let (entry, _) = outcome.map_err(|error| error.to_string()).unwrap().unwrap();
        assert_eq!(entry.secret.id(entry.number), id);
        expected.events.push((SecretEventKind::Changed, now));
        expected.max_views = wanted.max_views.unwrap_or(expected.max_views);
        if let Some(hours) = wanted.hours {
            expected.hours = hours;
            expected.expires_at = (hours > 0).then(|| now + hours * HOUR);
        }
        if let Some(text) = text {
            expected.text = text;
            expected.received.clear();
        }
        let ends_at = entry.secret.expires_at.map(|end| end.0);
        assert_eq!(
            (ends_at, entry.secret.max_views.get()),
            (expected.expires_at, expected.max_views)
        );
        assert_eq!(entry.attachments.len(), expected.received.len());
        assert_eq!(entry.message, expected.message);
        let events: Vec<_> = entry.events.iter().map(|event| (event.kind, event.at.0)).collect();
        assert_eq!(events, expected.events);
    }

    /// Checks that the index of due times has an entry for each secret that can expire.
    pub(super) fn check_dues(&self) {
        let dues: BTreeSet<_> = self
            .store()
            .keys(&schema::dues())
            .filter_map(|key| schema::due_parts(&key.unwrap()))
            .collect();
        let there = self.secrets.iter().filter(|secret| secret.listed && secret.gone_at.is_none());
        for secret in there.filter(|secret| secret.draft_until.is_none()) {
            let Some(end) = secret.expires_at else { continue };
            // A lease that is live in the meantime has an entry of its own, which leads to this one.
            let is_leased = secret.is_used_up();
            let due = (UnixSeconds(end), secret.id.number);
            assert!(dues.contains(&due) || is_leased, "no entry for the expiry at {end}");
        }
    }
}
