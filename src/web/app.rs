//! The pages as an app that a phone or a desktop installs: its manifest, its icons, and the worker that takes
//! what other apps share with it.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use serde_json::json;

use super::{
    embedded,
    file::{File, Keep},
    icons,
    look::PageLook,
    translations::Translation,
};

/// The media type of a manifest (W3C Web Application Manifest).
const MANIFEST_TYPE: &str = "application/manifest+json";
/// The colour behind the app while it starts.
const BACKGROUND: &str = "#ffffff";
/// The source of the worker.
const WORKER: &str = "js/share/worker.js";

/// The files of the app by their paths below the root. `version` is that of all assets; the manifest has its
/// text in `language`.
pub(super) fn files(
    version: &str,
    look: &PageLook,
    language: &Translation,
) -> BTreeMap<String, File> {
    let color = look.site.color;
    let images = format!("assets/{version}/images");
    let mut files: BTreeMap<String, File> = icons::icons(color)
        .map(|(name, icon)| {
            let file = File::plain("image/png", Bytes::from(icon), Keep::ForEver);
            (format!("{images}/{name}"), file)
        })
        .collect();
    let favicon = File::plain("image/x-icon", Bytes::from(icons::favicon(color)), Keep::Ask);
    files.insert("favicon.ico".to_owned(), favicon);
    let manifest = manifest(&images, look, language).to_string();
    let manifest = File::compressed(MANIFEST_TYPE, manifest.into(), Keep::Ask);
    files.insert("manifest.webmanifest".to_owned(), manifest);
    files
}

/// All addresses are relative to that of the manifest, so they are below the path of the public URL.
fn manifest(images: &str, look: &PageLook, language: &Translation) -> serde_json::Value {
    let icon = |name: &str, size: &str, kind: &str, purpose: &str| {
        json!({
            "src": format!("{images}/{name}"), "sizes": size, "type": kind, "purpose": purpose,
        })
    };
    json!({
        "id": "./",
        "name": look.site.name,
        "short_name": look.site.name,
        "description": language.texts().get("app.about"),
        "lang": language.tag(),
        "start_url": "share",
        "scope": "./",
        "display": "standalone",
        "theme_color": look.site.color.to_string(),
        "background_color": BACKGROUND,
        "icons": [
            icon("icon.svg", "any", "image/svg+xml", "any"),
            icon("icon-192.png", "192x192", "image/png", "any"),
            icon("icon-512.png", "512x512", "image/png", "any"),
            icon("maskable-512.png", "512x512", "image/png", "maskable"),
        ],
        "share_target": {
            "action": "share",
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {
                "title": "title",
                "text": "text",
                "url": "url",
                "files": [{ "name": "files", "accept": ["*/*"] }],
            },
        },
    })
}

/// The worker, with the page that it shows without a connection.
pub(super) fn worker(offline: &str) -> File {
    let page = serde_json::to_string(offline).expect("a text");
    let source = embedded::find(WORKER).expect("the build script embeds it");
    let source = format!("const OFFLINE = {page};\n{}", String::from_utf8_lossy(source.plain));
    File::compressed("text/javascript; charset=utf-8", source.into(), Keep::Ask)
}
