//! Escapes long texts. Text without special bytes is copied at the speed of memory.

/// How many bytes are checked together; the compiler vectorizes this loop.
const BLOCK: usize = 32;

/// Copies `text`, except special bytes. `push_special` receives the text from a special byte on, writes its
/// replacement, and returns how many bytes it has replaced, which must be whole characters.
#[inline]
pub(super) fn escape(
    text: &str,
    out: &mut Vec<u8>,
    is_special: impl Fn(u8) -> bool,
    push_special: impl Fn(&[u8], &mut Vec<u8>) -> usize,
) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len());
    while !rest.is_empty() {
        let (plain, after) = rest.split_at_checked(plain(rest, &is_special)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        if after.is_empty() {
            return;
        }
        let length = push_special(after, out).max(1);
        rest = after.get(length..).unwrap_or_default();
    }
}

/// The number of bytes before the first special one.
#[inline]
fn plain(text: &[u8], is_special: impl Fn(u8) -> bool) -> usize {
    let (blocks, _) = text.as_chunks::<BLOCK>();
    let has_special =
        |block: &&[u8; BLOCK]| block.iter().fold(false, |found, byte| found | is_special(*byte));
    let start = blocks.iter().take_while(|block| !has_special(block)).count() * BLOCK;
    let rest = text.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

/// Decodes UTF-8 from pieces that can end within a character. Invalid bytes become U+FFFD, by the same rule
/// as in [`String::from_utf8_lossy`].
#[derive(Default)]
pub(super) struct Utf8Pieces {
    /// The first bytes of an incomplete character.
    begun: Vec<u8>,
}

const REPLACEMENT: &str = "\u{fffd}";

impl Utf8Pieces {
    /// Passes the complete characters to `push`.
    pub(super) fn push(&mut self, bytes: &[u8], mut push: impl FnMut(&str)) {
        let mut rest = bytes;
        while !self.begun.is_empty() {
            let Some((byte, after)) = rest.split_first() else { return };
            self.begun.push(*byte);
            match std::str::from_utf8(&self.begun) {
                Ok(character) => {
                    push(character);
                    rest = after;
                }
                Err(error) if error.error_len().is_none() => {
                    rest = after;
                    continue;
                }
                // The new byte does not continue the character, so it is decoded again.
                Err(_) => push(REPLACEMENT),
            }
            self.begun.clear();
        }
        let mut pieces = rest.utf8_chunks().peekable();
        while let Some(piece) = pieces.next() {
            push(piece.valid());
            let invalid = piece.invalid();
            let is_begun = pieces.peek().is_none()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if is_begun {
                self.begun.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                push(REPLACEMENT);
            }
        }
    }

    /// Ends the text. An incomplete character becomes U+FFFD.
    pub(super) fn end(&mut self, mut push: impl FnMut(&str)) {
        if !std::mem::take(&mut self.begun).is_empty() {
            push(REPLACEMENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(bytes: &[u8], size: usize) -> String {
        let (mut text, mut pieces) = (String::new(), Utf8Pieces::default());
        for chunk in bytes.chunks(size) {
            pieces.push(chunk, |piece| text.push_str(piece));
        }
        pieces.end(|piece| text.push_str(piece));
        text
    }

    proptest! {
        #[test]
        fn pieces_are_the_same_as_the_whole(
            text in prop_oneof![
                "\\PC*".prop_map(String::into_bytes),
                prop::collection::vec(
                    prop_oneof![Just(0xf0u8), Just(0x9f), Just(0x98), Just(0x80), Just(0xed), Just(0xa0),
                        Just(0xef), Just(0xbf), Just(b'a'), any::<u8>()],
                    0..50,
                ),
            ],
            size in 1usize..6,
        ) {
            prop_assert_eq!(pieces(&text, size), String::from_utf8_lossy(&text));
        }
    }
}
