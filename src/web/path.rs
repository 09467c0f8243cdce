//! The pages and files at each path.

use hyper::Uri;

use super::pages::Page;

/// The number of letters and digits in the id of a secret, or the token of a box.
const ID_CHARS: usize = 31;

/// The target of an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AddressTarget<'a> {
    /// A page, and the relative path to the root.
    Page(Page, &'static str),
    /// The page of the installed app, and the target of what other apps share with it.
    Share,
    /// The worker of the installed app.
    ShareWorker,
    /// A file, by its path below the root.
    File(&'a str),
    /// A redirect to this address, relative to the requested one.
    Elsewhere(String),
}

impl<'a> AddressTarget<'a> {
    /// The target of `uri`; `None` if its form is unknown.
    pub(super) fn find(uri: &'a Uri) -> Option<Self> {
        let path = uri.path().strip_prefix('/')?;
        let segments: Vec<&str> = path.splitn(4, '/').collect();
        let elsewhere = |path: String| {
            Self::Elsewhere(uri.query().map_or(path.clone(), |query| format!("{path}?{query}")))
        };
        Some(match segments[..] {
            [""] if names_secret(uri.query()) => Self::Page(Page::View, "./"),
            [""] => Self::Page(Page::Create, "./"),
            ["robots.txt" | "openapi.json" | "favicon.ico" | "manifest.webmanifest"]
            | ["assets", ..] => Self::File(path),
            ["share"] => Self::Share,
            ["share_worker.js"] => Self::ShareWorker,
            ["ask"] => Self::Page(Page::Ask, "./"),
            ["box"] => Self::Page(Page::Box, "./"),
            ["claim"] => Self::Page(Page::Claim, "./"),
            ["manage"] => Self::Page(Page::Manage, "./"),
            ["docs"] => Self::Page(Page::Docs, "./"),
            [name @ ("ask" | "box" | "claim" | "manage" | "docs"), ""] => {
                elsewhere(format!("../{name}"))
            }
            [id] if is_id(id) => elsewhere(format!("{id}/")),
            [id, ""] if is_id(id) => Self::Page(Page::View, "../"),
            ["box", token] if is_id(token) => Self::Page(Page::Box, "../"),
            ["status", id] if is_id(id) => Self::Page(Page::Status, "../"),
            ["req", id] if is_uuid(id) => Self::Page(Page::Request, "../"),
            ["req", id, "status"] if is_uuid(id) => Self::Page(Page::RequestStatus, "../../"),
            ["box" | "status", id, ""] if is_id(id) => elsewhere(format!("../{id}")),
            ["req", id, ""] if is_uuid(id) => elsewhere(format!("../{id}")),
            ["req", id, "status", ""] if is_uuid(id) => elsewhere("../status".to_owned()),
            _ => return None,
        })
    }
}

/// The templates of the addresses, for metrics and logs: an address can contain an id or a token.
pub const ROUTES: [&str; 13] = [
    "/",
    "/{id}/",
    "/req/{id}",
    "/status/{id}",
    "/box/{token}",
    "/claim",
    "/manage",
    "/docs",
    "/ask",
    "/req/{id}/status",
    "/assets/{file}",
    "redirect",
    "/share",
];

impl AddressTarget<'_> {
    /// The place of its template in [`ROUTES`].
    pub(super) fn route(&self) -> usize {
        match self {
            Self::Page(Page::Create | Page::NotFound, _) => 0,
            Self::Page(Page::View, _) => 1,
            Self::Page(Page::Request, _) => 2,
            Self::Page(Page::Status, _) => 3,
            Self::Page(Page::Box, _) => 4,
            Self::Page(Page::Claim, _) => 5,
            Self::Page(Page::Manage, _) => 6,
            Self::Page(Page::Docs, _) => 7,
            Self::Page(Page::Ask, _) => 8,
            Self::Page(Page::RequestStatus, _) => 9,
            Self::File(_) | Self::ShareWorker => 10,
            Self::Elsewhere(_) => 11,
            Self::Page(Page::Share, _) | Self::Share => 12,
        }
    }
}

/// Whether a query is the id of a secret, as in `/?<id>#…`, also with text that a mail program has added.
fn names_secret(query: Option<&str>) -> bool {
    query.is_some_and(|query| is_id(query.split(['&', '=']).next().unwrap_or_default()))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_one_address() {
        let id = "0123456789abcdefghijABCDEFGHIJx";
        let request = "123e4567-e89b-42d3-a456-426614174000";
        let page = |page, root| Some(AddressTarget::Page(page, root));
        let elsewhere = |path: String| Some(AddressTarget::Elsewhere(path));
        let cases = [
            ("/".to_owned(), page(Page::Create, "./")),
            ("/?lang=sv".to_owned(), page(Page::Create, "./")),
            (format!("/?{id}"), page(Page::View, "./")),
            (format!("/?{id}&utm_source=mail"), page(Page::View, "./")),
            (format!("/?{id}="), page(Page::View, "./")),
            (format!("/{id}/"), page(Page::View, "../")),
            (format!("/{id}/?utm_source=mail"), page(Page::View, "../")),
            (format!("/{id}"), elsewhere(format!("{id}/"))),
            (format!("/{id}?lang=sv"), elsewhere(format!("{id}/?lang=sv"))),
            (format!("/{id}x/"), None),
            (format!("/req/{request}"), page(Page::Request, "../")),
            (format!("/req/{request}/"), elsewhere(format!("../{request}"))),
            (format!("/req/{request}/status"), page(Page::RequestStatus, "../../")),
            (format!("/req/{request}/status/"), elsewhere("../status".to_owned())),
            (format!("/req/{request}/other"), None),
            ("/share".to_owned(), Some(AddressTarget::Share)),
            ("/share_worker.js".to_owned(), Some(AddressTarget::ShareWorker)),
            ("/req/x".to_owned(), None),
            ("/ask".to_owned(), page(Page::Ask, "./")),
            ("/ask/".to_owned(), elsewhere("../ask".to_owned())),
            ("/box".to_owned(), page(Page::Box, "./")),
            ("/box/".to_owned(), elsewhere("../box".to_owned())),
            ("/claim".to_owned(), page(Page::Claim, "./")),
            ("/claim/".to_owned(), elsewhere("../claim".to_owned())),
            (format!("/box/{id}"), page(Page::Box, "../")),
            (format!("/status/{id}"), page(Page::Status, "../")),
            (
                "/assets/1/js/view/main.js".to_owned(),
                Some(AddressTarget::File("assets/1/js/view/main.js")),
            ),
            (
                "/assets/1/js/vendor/sjcl.js".to_owned(),
                Some(AddressTarget::File("assets/1/js/vendor/sjcl.js")),
            ),
            ("/api/secrets".to_owned(), None),
            ("//evil.example".to_owned(), None),
        ];
        for (address, expected) in cases {
            let uri: Uri = address.parse().unwrap();
            assert_eq!(AddressTarget::find(&uri), expected, "{address}");
        }
    }
}
