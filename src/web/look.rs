//! The operator's look: a logo, a style sheet, and colours that stay readable with any accent colour.

use std::{fs, io::Read as _, path::Path};

use crate::{
    config::{Color, SiteSettings},
    crypto::{hex, sha256},
};

/// The logo is loaded with every first visit, so it must be small.
const MAX_LOGO_BYTES: u64 = 256 << 10;
/// The style sheet likewise.
const MAX_CSS_BYTES: u64 = 64 << 10;
/// How much of the SHA-256 of a file is in its address, in bytes.
const HASH_BYTES: usize = 6;
/// The least contrast between text and background (WCAG 2.2, 1.4.3).
const MIN_CONTRAST: f64 = 4.5;
/// The backgrounds of texts and links, as in `css/site.css`: the darkest of the light ones, the lightest of
/// the dark ones.
const LIGHT: Color = Color([0xec, 0xef, 0xf3]);
const DARK: Color = Color([0x24, 0x2b, 0x36]);
const BLACK: Color = Color([0, 0, 0]);
const WHITE: Color = Color([0xff, 0xff, 0xff]);

/// The look of the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageLook {
    /// The settings.
    pub site: SiteSettings,
    /// The picture next to the name.
    pub logo: Option<Logo>,
    /// The operator's style sheet, which is loaded after ours.
    pub css: Option<String>,
}

/// A setting of the look that cannot be used, which is only found by reading files.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct BadLook {
    /// The name of the setting in the configuration file.
    pub setting: &'static str,
    /// The problem.
    pub problem: String,
}

/// The operator's logo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// Its media type.
    pub content_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Logo {
    /// The path below the root at which it is served.
    pub(super) fn path(&self) -> String {
        let name = match self.content_type {
            "image/png" => "logo.png",
            "image/webp" => "logo.webp",
            _ => "logo.svg",
        };
        path(&self.bytes, name)
    }
}

impl PageLook {
    /// Reads the files that the settings name. Blocks.
    ///
    /// # Errors
    ///
    /// The problem with `site_logo` or `custom_css`.
    pub fn load(site: &SiteSettings) -> Result<Self, BadLook> {
        let logo = site.logo.as_deref().map(load_logo).transpose();
        let css = site.css.as_deref().map(load_css).transpose();
        Ok(Self {
            site: site.clone(),
            logo: logo.map_err(|problem| BadLook { setting: "site_logo", problem })?,
            css: css.map_err(|problem| BadLook { setting: "custom_css", problem })?,
        })
    }

    /// The path below the root at which the operator's style sheet is served.
    pub(super) fn css_path(&self) -> Option<String> {
        self.css.as_ref().map(|css| path(css.as_bytes(), "custom.css"))
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

fn load_logo(path: &Path) -> Result<Logo, String> {
    let bytes = read(path, MAX_LOGO_BYTES)?;
    let content_type = content_type(&bytes)
        .ok_or_else(|| format!("{} is neither SVG, PNG nor WebP", path.display()))?;
    Ok(Logo { content_type, bytes })
}

/// What is wrong inside of a style sheet, browsers skip, so only what is none at all is refused.
fn load_css(path: &Path) -> Result<String, String> {
    let place = path.display();
    let css = String::from_utf8(read(path, MAX_CSS_BYTES)?)
        .map_err(|_| format!("{place} is not UTF-8"))?;
    if css.contains('\0') {
        return Err(format!("{place} is not a text"));
    }
    let start = css.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with('<') {
        return Err(format!("{place} begins with <, so it is HTML and not CSS"));
    }
    Ok(css)
}

fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let place = path.display();
    // Opening a pipe would wait for a writer.
    if !path.is_file() {
        return Err(format!("cannot read {place}: it is not a file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(max_bytes + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read {place}: {error}"))?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!("{place} is larger than {} KiB", max_bytes >> 10));
    }
    Ok(bytes)
}

/// The path of a file that browsers keep for ever: with another content it has another path.
fn path(content: &[u8], name: &str) -> String {
    format!("assets/{}/{name}", hex(&sha256(content)[..HASH_BYTES]))
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
        let problem = || PageLook::load(&site).unwrap_err().to_string();
        assert!(problem().starts_with("site_logo: cannot read"));
        fs::write(&path, "GIF89a").unwrap();
        assert!(problem().contains("neither SVG, PNG nor WebP"));
        fs::write(&path, vec![b' '; 300 << 10]).unwrap();
        assert!(problem().contains("larger than 256 KiB"));
        fs::write(&path, "<svg/>").unwrap();
        assert_eq!(PageLook::load(&site).unwrap().logo.unwrap().bytes, b"<svg/>");
    }

    #[test]
    fn a_style_sheet_that_cannot_be_used_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.css");
        let site = SiteSettings { css: Some(path.clone()), ..SiteSettings::default() };
        let problem = || PageLook::load(&site).unwrap_err().to_string();
        assert!(problem().starts_with("custom_css: cannot read"));
        fs::create_dir(&path).unwrap();
        assert!(problem().contains("it is not a file"));
        fs::remove_dir(&path).unwrap();
        let cases: [(&[u8], &str); 4] = [
            (b"\xff", "is not UTF-8"),
            (b"a\0b", "is not a text"),
            (b"\xef\xbb\xbf\n<style>", "begins with <"),
            (&[b' '; 65 << 10], "larger than 64 KiB"),
        ];
        for (content, expected) in cases {
            fs::write(&path, content).unwrap();
            assert!(problem().contains(expected), "{}", problem());
        }
        fs::write(&path, "a { color: red }").unwrap();
        let look = PageLook::load(&site).unwrap();
        let before = look.css_path().unwrap();
        assert!(before.starts_with("assets/") && before.ends_with("/custom.css"), "{before}");
        fs::write(&path, "a { color: blue }").unwrap();
        assert_ne!(PageLook::load(&site).unwrap().css_path().unwrap(), before);
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
