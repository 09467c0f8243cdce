//! The icons as PNG and ICO files, in the operator's colour.
//!
//! `tests/node/make_icons.mjs` makes the files from `images/icon.svg`. Their palettes are a scale from black
//! to white, in which black stands for the colour.

use flate2::Crc;

use crate::config::Color;

/// The icons by their names below `images/`.
const ICONS: [(&str, &[u8]); 4] = [
    ("icon-192.png", include_bytes!("images/icon-192.png")),
    ("icon-512.png", include_bytes!("images/icon-512.png")),
    ("maskable-512.png", include_bytes!("images/maskable-512.png")),
    ("touch-180.png", include_bytes!("images/touch-180.png")),
];
const SMALL: &[u8] = include_bytes!("images/icon-32.png");
/// The width and height of [`SMALL`], in pixels.
const SMALL_PIXELS: u8 = 32;
/// What a PNG file has before its first chunk (PNG 5.2).
const SIGNATURE_BYTES: usize = 8;
/// The length and the name of a chunk, and the checksum at its end (PNG 5.3).
const LENGTH_BYTES: usize = 4;
const NAME_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 4;

/// The icons as PNG, each with its name.
pub(super) fn icons(color: Color) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    ICONS.into_iter().map(move |(name, template)| (name, painted(template, color)))
}

/// `favicon.ico`: one picture, which is a PNG.
pub(super) fn favicon(color: Color) -> Vec<u8> {
    let picture = painted(SMALL, color);
    let size = u32::try_from(picture.len()).expect("a small file");
    // A directory of one picture: its kind and count; width, height, colours, reserved, planes, bits of a
    // pixel, length, and position.
    let mut icon = vec![0, 0, 1, 0, 1, 0, SMALL_PIXELS, SMALL_PIXELS, 0, 0, 1, 0, 32, 0];
    icon.extend(size.to_le_bytes());
    icon.extend(22u32.to_le_bytes());
    icon.extend(picture);
    icon
}

/// A PNG whose palette goes from `color` to white instead of from black.
fn painted(template: &[u8], color: Color) -> Vec<u8> {
    let (signature, mut rest) = template.split_at(SIGNATURE_BYTES);
    let mut png = signature.to_vec();
    while let Some((length, chunk)) = rest.split_first_chunk::<LENGTH_BYTES>() {
        let data_bytes = usize::try_from(u32::from_be_bytes(*length)).expect("32 bits");
        let (body, after) = chunk.split_at(NAME_BYTES + data_bytes);
        let mut body = body.to_vec();
        if body.starts_with(b"PLTE") {
            for entry in body[NAME_BYTES..].chunks_exact_mut(3) {
                let white = u16::from(entry[0]);
                for (channel, of_color) in entry.iter_mut().zip(color.0) {
                    let of_color = u16::from(of_color);
                    let mixed = of_color + (255 - of_color) * white / 255;
                    *channel = u8::try_from(mixed).unwrap_or(u8::MAX);
                }
            }
        }
        let mut checksum = Crc::new();
        checksum.update(&body);
        png.extend(length);
        png.extend(body);
        png.extend(checksum.sum().to_be_bytes());
        rest = &after[CHECKSUM_BYTES..];
    }
    png
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_leaves_the_files_as_they_are() {
        for (name, template) in ICONS {
            assert!(painted(template, Color([0, 0, 0])) == template, "{name}");
        }
    }

    #[test]
    fn the_palette_goes_from_the_colour_to_white() {
        let icon = painted(SMALL, Color([0x7c, 0x2d, 0x92]));
        let at = icon.windows(4).position(|name| name == b"PLTE").unwrap() + 4;
        let palette = &icon[at..at + 48];
        assert_eq!(palette[..3], [0x7c, 0x2d, 0x92]);
        assert_eq!(palette[45..], [0xff, 0xff, 0xff]);
        assert_eq!(icon.len(), SMALL.len());
    }
}
