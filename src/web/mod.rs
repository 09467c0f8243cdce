//! The pages and their files: all are in the binary, nothing is loaded from other servers.
//!
//! Pages are rendered once for each language, and are the same for all users: their scripts fetch or create
//! secret data. Each is served at one path; its `<base>` leads to the root, so that all its links
//! are relative, below any path of a proxy. `pages/` has the templates, `js/`, `css/` and `images/` the
//! files that they load, `locales` the texts; the build script puts them into the binary.

mod app;
mod embedded;
mod file;
mod icons;
mod look;
mod pages;
mod path;
mod translations;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::Bytes,
    header::{
        ACCEPT, ACCEPT_LANGUAGE, ALLOW, CONTENT_SECURITY_POLICY, COOKIE, HeaderMap, HeaderName,
        HeaderValue, LOCATION,
    },
};

use self::{
    file::{File, Keep},
    pages::{Page, Renderer},
    path::AddressTarget,
};
pub use self::{
    look::{BadLook, Logo, PageLook},
    pages::{PublicConfig, PublicExpiration},
    path::ROUTES,
};
use crate::{
    crypto::{hex, sha256},
    http::response::{Body, empty},
};

/// Scripts, styles and requests are only from this server; nothing is inline, and text never becomes
/// markup. `$more` begins with a semicolon.
macro_rules! policy {
    ($more:literal) => {
        HeaderValue::from_static(concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; ",
            "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'self'; ",
            "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; ",
            "trusted-types sealdrop",
            $more
        ))
    };
}
const POLICY: HeaderValue = policy!("");
/// For pages that show files: a PDF is in a frame, which the browser's own viewer fills. A frame has this policy,
/// too, and can only have content of its page, never an address.
const FILES_POLICY: HeaderValue = policy!("; frame-src blob:");
/// For files: the operator's logo can be opened on its own, too.
const FILE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
/// For scripts: a worker has the policy of its own file, and imports other scripts of this server.
const SCRIPT_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; script-src 'self'; connect-src 'self'");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// The colour in the icon that is replaced by the operator's.
const ICON_COLOR: &str = "#0f766e";
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// All pages and files.
pub struct Web {
    /// By page, root and index of the language. Each is rendered when somebody first asks for it, which
    /// takes about a millisecond: all languages at start would take memory and time that few servers need.
    pages: BTreeMap<(Page, &'static str, usize), OnceLock<File>>,
    renderer: Renderer,
    /// The worker of the app, by the index of the language.
    workers: Vec<OnceLock<File>>,
    /// The files by their paths below the root.
    files: BTreeMap<String, File>,
    /// The language for clients that accept none of the available ones.
    fallback: usize,
}

/// The pages and files as they are served now. They are replaced as a whole when the files of the look have
/// changed.
pub struct ServedWeb(RwLock<Arc<Web>>);

impl ServedWeb {
    /// Serves `web`.
    #[must_use]
    pub fn new(web: Web) -> Self {
        Self(RwLock::new(Arc::new(web)))
    }

    /// The current pages and files.
    #[must_use]
    pub fn current(&self) -> Arc<Web> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves `web` from now on.
    pub fn replace(&self, web: Web) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(web);
    }
}

impl Web {
    /// Prepares all pages. `language` is for clients that accept none of the available ones; `description`
    /// is the OpenAPI document.
    #[must_use]
    pub fn new(
        look: &PageLook,
        config: &PublicConfig,
        language: &str,
        description: String,
    ) -> Self {
        let theme = look.theme();
        let icons: Vec<u8> = icons::icons(look.site.color).flat_map(|(_, icon)| icon).collect();
        let versions = [embedded::VERSION.as_bytes(), theme.as_bytes(), &icons].concat();
        let version = hex(&sha256(&versions)[..6]);
        let renderer = Renderer::new(look.clone(), config.clone(), version.clone());
        let mut pages = BTreeMap::new();
        for page in Page::ALL {
            for root in page.roots() {
                for place in 0..translations::all().len() {
                    pages.insert((page, *root, place), OnceLock::new());
                }
            }
        }
        let fallback = translations::find(language).unwrap_or_default();
        let mut files = files(&version, look, theme);
        files.extend(app::files(&version, look, &translations::all()[fallback]));
        // Its address does not contain the version.
        let description = File::compressed("application/json", description.into(), Keep::Ask);
        files.insert("openapi.json".to_owned(), description);
        let workers = translations::all().iter().map(|_| OnceLock::new()).collect();
        Self { pages, renderer, workers, files, fallback }
    }

    /// Answers a path that is not part of an API, and returns the place of its template in [`ROUTES`];
    /// `None` if there is no page, file or redirect.
    #[must_use]
    pub fn answer<B>(&self, request: &Request<B>) -> Option<(Response<Body>, usize)> {
        let target = AddressTarget::find(request.uri())?;
        let route = target.route();
        let is_share = matches!(target, AddressTarget::Share);
        let mut response = self.target(target, request)?;
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_share && *request.method() == Method::POST {
            // The worker of the app was not there to keep the data on the device.
            response = self.page(Page::Share, "./", request);
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, METHODS);
        } else if !is_read {
            response = empty(StatusCode::METHOD_NOT_ALLOWED);
            if request.method() == Method::OPTIONS {
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            response.headers_mut().insert(ALLOW, METHODS);
        }
        Some((response, route))
    }

    /// The look of the pages.
    #[must_use]
    pub fn look(&self) -> &PageLook {
        self.renderer.look()
    }

    /// Whether there is a page, a file or a redirect at `uri`.
    #[must_use]
    pub fn has(&self, uri: &Uri) -> bool {
        AddressTarget::find(uri).is_some_and(|target| match target {
            AddressTarget::File(path) => self.files.contains_key(path),
            AddressTarget::Page(..)
            | AddressTarget::Share
            | AddressTarget::ShareWorker
            | AddressTarget::Elsewhere(_) => true,
        })
    }

    /// The page for an unknown path, for a browser; `None` for other clients.
    #[must_use]
    pub fn not_found<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let wants_page = header(request.headers(), &ACCEPT).contains("text/html");
        if *request.method() != Method::GET || !wants_page {
            return None;
        }
        let depth = request.uri().path().matches('/').count().checked_sub(1)?;
        let root = Page::NotFound.roots().get(depth)?;
        let mut response = self.page(Page::NotFound, root, request);
        *response.status_mut() = StatusCode::NOT_FOUND;
        Some(response)
    }

    fn target<B>(&self, target: AddressTarget, request: &Request<B>) -> Option<Response<Body>> {
        Some(match target {
            AddressTarget::Page(page, root) => self.page(page, root, request),
            AddressTarget::Share => self.page(Page::Create, "./", request),
            AddressTarget::ShareWorker => {
                let language = self.language(request.uri(), request.headers());
                let file = self.workers[language].get_or_init(|| {
                    let offline = self.renderer.offline(&translations::all()[language]);
                    app::worker(&offline.expect("a test fills in each page"))
                });
                let vary = "Accept-Encoding, Accept-Language, Cookie";
                as_file(file.answer(request.headers(), vary), SCRIPT_POLICY)
            }
            AddressTarget::File(path) => {
                let policy = if path.ends_with(".js") { SCRIPT_POLICY } else { FILE_POLICY };
                let response = self.files.get(path)?.answer(request.headers(), "Accept-Encoding");
                as_file(response, policy)
            }
            AddressTarget::Elsewhere(location) => redirect(&location)?,
        })
    }

    fn page<B>(&self, page: Page, root: &'static str, request: &Request<B>) -> Response<Body> {
        let language = self.language(request.uri(), request.headers());
        let file = self.pages.get(&(page, root, language)).expect("all pages have a place");
        let file = file.get_or_init(|| {
            let language = &translations::all()[language];
            let html =
                self.renderer.render(page, root, language).expect("a test renders each page");
            File::compressed("text/html; charset=utf-8", html.into(), Keep::Ask)
        });
        let mut response =
            file.answer(request.headers(), "Accept-Encoding, Accept-Language, Cookie");
        let headers = response.headers_mut();
        let policy = if page.shows_files() { FILES_POLICY } else { POLICY };
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        headers.insert(OPENER_POLICY, SAME_ORIGIN);
        headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
        headers.insert(ROBOTS, HeaderValue::from_static("noindex, nofollow"));
        let permissions = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
        headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(permissions));
        response
    }

    /// The language of an answer: of the query, else of the cookie of the language switch, else of the
    /// browser, else of the operator.
    fn language(&self, uri: &Uri, headers: &HeaderMap) -> usize {
        let of = |pairs: &str, separator: char| {
            let mut pairs = pairs.split(separator);
            pairs.find_map(|pair| translations::find(pair.trim().strip_prefix("lang=")?))
        };
        of(uri.query().unwrap_or_default(), '&')
            .or_else(|| of(&header(headers, &COOKIE), ';'))
            .or_else(|| translations::preferred(&header(headers, &ACCEPT_LANGUAGE)))
            .unwrap_or(self.fallback)
    }
}

/// The answer with a file, with the headers that all of them have.
fn as_file(mut response: Response<Body>, policy: HeaderValue) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
    response
}

/// Redirects a client to another address, relative to its own; `None` if it cannot be in a header.
pub(crate) fn redirect(location: &str) -> Option<Response<Body>> {
    let mut response = empty(StatusCode::PERMANENT_REDIRECT);
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(location).ok()?);
    Some(response)
}

/// The files that are served besides pages.
fn files(version: &str, look: &PageLook, theme: String) -> BTreeMap<String, File> {
    let mut files: BTreeMap<String, File> = embedded::ASSETS
        .iter()
        .map(|asset| {
            let path = format!("assets/{version}/{}", asset.name);
            (path, File::embedded(asset, Keep::ForEver))
        })
        .collect();
    let theme = File::compressed("text/css; charset=utf-8", theme.into(), Keep::ForEver);
    files.insert(format!("assets/{version}/theme.css"), theme);
    if let Some(logo) = &look.logo {
        let file = File::plain(logo.content_type, Bytes::from(logo.bytes.clone()), Keep::ForEver);
        files.insert(logo.path(), file);
    }
    if let (Some(css), Some(path)) = (&look.css, look.css_path()) {
        let css = Bytes::from(css.clone());
        files.insert(path, File::compressed("text/css; charset=utf-8", css, Keep::ForEver));
    }
    let icon = include_str!("images/icon.svg").replace(ICON_COLOR, &look.site.color.to_string());
    let icon = File::compressed("image/svg+xml", icon.into(), Keep::ForEver);
    files.insert(format!("assets/{version}/images/icon.svg"), icon);
    let robots = Bytes::from_static(b"User-agent: *\nDisallow: /\n");
    let robots = File::plain("text/plain; charset=utf-8", robots, Keep::Ask);
    files.insert("robots.txt".to_owned(), robots);
    files
}

fn header(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(",")
}
