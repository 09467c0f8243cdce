//! The operator's look: a logo, and colours that stay readable with any accent colour.

use std::{fs, io::Read as _};

use crate::config::{Color, SiteSettings};

/// The logo is loaded with every first visit, so it must be small.
const MAX_LOGO_BYTES: u64 = 256 << 10;
/// The least contrast between text and background (WCAG 2.2, 1.4.3).
const MIN_CONTRAST: f64 = 4.5;
/// The backgrounds of texts and links, as in `css/site.css`: the darkest of the light ones, the lightest of
/// the dark ones.
const LIGHT: Color = Color([0xec, 0xef, 0xf3]);
const DARK: Color = Color([0x24, 0x2b, 0x36]);
const BLACK: Color = Color([0, 0, 0]);
const WHITE: Color = Color([0xff, 0xff, 0xff]);

/// The look of the pages.
#[derive(Clone, Debug, Default)]
pub struct PageLook {
    /// The settings.
    pub site: SiteSettings,
    /// The picture next to the name.
    pub logo: Option<Logo>,
}

/// The operator's logo.
#[derive(Clone, Debug)]
pub struct Logo {
    /// Its media type.
    pub content_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Logo {
    /// The file name at which it is served.
    pub(super) fn file_name(&self) -> &'static str {
        match self.content_type {
            "image/png" => "logo.png",
            "image/webp" => "logo.webp",
            _ => "logo.svg",
        }
    }
}

impl PageLook {
    /// Reads the files that the settings name. Blocks.
    ///
    /// # Errors
    ///
    /// The problem with `site_logo`.
    pub fn load(site: &SiteSettings) -> Result<Self, String> {
        let logo = site.logo.as_deref().map(|path| {
            let place = path.display();
            let mut bytes = Vec::new();
            // Opening a pipe would wait for a writer.
            if !path.is_file() {
                return Err(format!("cannot read {place}: it is not a file"));
            }
            fs::File::open(path)
                .and_then(|file| file.take(MAX_LOGO_BYTES + 1).read_to_end(&mut bytes))
                .map_err(|error| format!("cannot read {place}: {error}"))?;
            if bytes.len() as u64 > MAX_LOGO_BYTES {
                return Err(format!("{place} is larger than {} KiB", MAX_LOGO_BYTES >> 10));
            }
            let content_type = content_type(&bytes)
                .ok_or_else(|| format!("{place} is neither SVG, PNG nor WebP"))?;
            Ok(Logo { content_type, bytes })
        });
        Ok(Self { site: site.clone(), logo: logo.transpose()? })
    }

    /// The style sheet with the operator's colour.
    pub(super) fn theme(&self) -> String {
        let accent = self.site.color;
        // If neither is enough, the better one: some medium colours have 4.5 with both.
        let on_accent =
            if contrast(accent, WHITE) >= contrast(accent, BLACK) { WHITE } else { BLACK };
        let on_light = until_readable(accent, LIGHT, BLACK);
        let on_dark = until_readable(accent, DARK, WHITE);
        format!(
            ":root {{\n  --accent: {accent};\n  --on-accent: {on_accent};\n  --link: {on_light};\n}}\n\
             @media (prefers-color-scheme: dark) {{\n  :root {{\n    --link: {on_dark};\n  }}\n}}\n"
        )
    }
}

/// The media type of a picture, by its first bytes.
fn content_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    let text = str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
    let is_svg = text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg"));
    is_svg.then_some("image/svg+xml")
}

/// `color`, mixed with as little of `other` as necessary to be readable on `background`.
fn until_readable(color: Color, background: Color, other: Color) -> Color {
    let mixed = |percent: u32| {
        let mut mix = color.0;
        for (channel, towards) in mix.iter_mut().zip(other.0) {
            let sum = u32::from(*channel) * (100 - percent) + u32::from(towards) * percent;
            *channel = u8::try_from(sum / 100).unwrap_or(u8::MAX);
        }
        Color(mix)
    };
    let readable = (0..=100).map(mixed).find(|mix| contrast(*mix, background) >= MIN_CONTRAST);
    readable.unwrap_or(other)
}

/// The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").
fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance (WCAG 2.2).
fn luminance(color: Color) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = color.0.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read() {
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 0.001);
        for red in (0..=255u8).step_by(51) {
            for green in (0..=255u8).step_by(51) {
                for blue in (0..=255u8).step_by(51) {
                    let accent = Color([red, green, blue]);
                    let best = contrast(accent, WHITE).max(contrast(accent, BLACK));
                    assert!(best >= MIN_CONTRAST, "{accent}");
                    let on_light = until_readable(accent, LIGHT, BLACK);
                    assert!(contrast(on_light, LIGHT) >= MIN_CONTRAST, "{accent} {on_light}");
                    let on_dark = until_readable(accent, DARK, WHITE);
                    assert!(contrast(on_dark, DARK) >= MIN_CONTRAST, "{accent} {on_dark}");
                }
            }
        }
    }

    #[test]
    fn a_logo_that_can_not_be_used_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logo");
        let site = SiteSettings { logo: Some(path.clone()), ..SiteSettings::default() };
        assert!(PageLook::load(&site).unwrap_err().contains("cannot read"));
        fs::write(&path, "GIF89a").unwrap();
        assert!(PageLook::load(&site).unwrap_err().contains("neither SVG, PNG nor WebP"));
        fs::write(&path, vec![b' '; 300 << 10]).unwrap();
        assert!(PageLook::load(&site).unwrap_err().contains("larger than 256 KiB"));
        fs::write(&path, "<svg/>").unwrap();
        assert_eq!(PageLook::load(&site).unwrap().logo.unwrap().bytes, b"<svg/>");
    }

    #[test]
    fn pictures_are_told_by_what_is_in_them() {
        let cases: [(&[u8], _); 6] = [
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Some("image/svg+xml")),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<svg/>", Some("image/svg+xml")),
            (b"\x89PNG\r\n\x1a\n....", Some("image/png")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"<html><svg></html>", None),
            (b"GIF89a", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(content_type(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
