//! The id of each request, in the log and in the answer.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::crypto::{Random, SequenceMask, random_array};

/// The header with the id.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a trusted proxy.
const MAX_CHARS: usize = 64;

/// Makes ids: a counter, hidden under a random key of this process, so that an id does not show how many
/// requests there were.
pub(super) struct RequestIds {
    mask: SequenceMask,
    random: [u8; 15],
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(random: &dyn Random) -> Self {
        Self {
            mask: SequenceMask::new(random_array(random)),
            random: random_array(random),
            next: AtomicU64::new(0),
        }
    }

    /// A new id: 16 hexadecimal digits.
    pub(super) fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let (hidden, _) = self.mask.permute(number, self.random);
        let mut text = [0; 16];
        for (digits, byte) in text.chunks_exact_mut(2).zip(hidden) {
            for (digit, value) in digits.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = b"0123456789abcdef"[usize::from(value)];
            }
        }
        HeaderValue::from_bytes(&text).expect("digits can be in a header")
    }
}

/// The id that a trusted proxy has given to a request; `None` if it is missing or malformed.
pub(super) fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(REQUEST_ID).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let bytes = value.as_bytes();
    let fits = (1..=MAX_CHARS).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    fits.then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::crypto::SystemRandom;

    #[test]
    fn ids_differ_and_have_16_digits() {
        let ids = RequestIds::new(&SystemRandom);
        let made: BTreeSet<String> =
            (0..1000).map(|_| ids.make().to_str().unwrap().to_owned()).collect();
        assert_eq!(made.len(), 1000);
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(made.iter().all(|id| id.len() == 16 && id.chars().all(is_digit)));
    }

    #[test]
    fn an_id_of_a_proxy_is_short_and_visible() {
        let long = "x".repeat(MAX_CHARS + 1);
        // (values, taken)
        let cases: [(&[&str], bool); 7] = [
            (&["a"], true),
            (&["req-1/2~%"], true),
            (&[&long[1..]], true),
            (&[&long], false),
            (&["a b"], false),
            (&[""], false),
            (&["a", "b"], false),
        ];
        for (values, taken) in cases {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(REQUEST_ID, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(given(&headers).is_some(), taken, "{values:?}");
        }
    }
}
