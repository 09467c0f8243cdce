//! The id of a secret request: a UUID, as in the documentation of the Secrets API.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::crypto::{Random, bytes_equal, random_array, sha256};

/// A UUID of version 4 (RFC 9562 5.4): 122 random bits, which cannot be guessed. The id gives the right to
/// use the request, so it has no Debug.
#[derive(Clone, Eq, Serialize, Deserialize)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// Creates an id.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        Self(*Builder::from_random_bytes(random_array(random)).as_uuid().as_bytes())
    }

    /// Parses the form with hyphens, in either case. Returns `None` for other forms.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The crate also accepts braces, a URN and plain digits. All of these have other lengths.
        const CHARS: usize = 36;
        let uuid = (text.len() == CHARS).then(|| Uuid::try_parse(text).ok())??;
        Some(Self(*uuid.as_bytes()))
    }

    /// The key of the index. The index contains hashes, so that the duration of a lookup does not reveal an
    /// id bit by bit.
    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

/// Compares in constant time.
impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        bytes_equal(&self.0, &other.0)
    }
}

/// The form in links: lower case, with hyphens.
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SystemRandom;

    #[test]
    fn ids_are_of_version_4_and_read_back() {
        for _ in 0..100 {
            let id = RequestId::new(&SystemRandom);
            let text = id.to_string();
            let uuid = Uuid::try_parse(&text).unwrap();
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
            assert!(RequestId::parse(&text) == Some(id.clone()));
            assert!(RequestId::parse(&text.to_uppercase()) == Some(id));
        }
        for text in [
            "",
            "5e976e6e-d205-4f58-8df9-5ac0048bc70",
            "5e976e6e-d205-4f58-8df9-5ac0048bc7022",
            "5e976e6ed2054f588df95ac0048bc702",
            "{5e976e6e-d205-4f58-8df9-5ac0048bc702}",
            "urn:uuid:5e976e6e-d205-4f58-8df9-5ac0048bc702",
            "5e976e6e-d205-4f58-8df9-5ac0048bc70g",
            "5e976e6ed-205-4f58-8df9-5ac0048bc702",
            "å5e976e6e-d205-4f58-8df9-5ac0048bc70",
        ] {
            assert!(RequestId::parse(text).is_none(), "{text}");
        }
    }
}
