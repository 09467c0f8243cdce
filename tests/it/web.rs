//! The pages as a browser receives them: addresses, headers, languages, files.

use std::io::Read as _;

use flate2::read::GzDecoder;
use libtest_mimic::Trial;
use sealdrop::{
    config::{Link, NamedLink, SiteSettings},
    web::{Logo, PageLook},
};
use ureq::{Agent, http::Request};
use url::Url;

use crate::{
    http::Answer,
    server::{Options, TestServer},
    trial,
};

const ID: &str = "0123456789abcdefghijABCDEFGHIJx";
const REQUEST: &str = "123e4567-e89b-42d3-a456-426614174000";
/// The allowed size of the whole view page, as it is transferred.
const VIEW_BYTES: usize = 60_000;
/// A style sheet of an operator.
const CSS: &str = "footer { background: url(https://elsewhere.example/x) }\n";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("web::pages_are_closed_to_others", pages_are_closed_to_others),
        trial("web::each_page_leads_to_the_root", each_page_leads_to_the_root),
        trial("web::other_addresses_lead_to_the_one", other_addresses_lead_to_the_one),
        trial("web::files_are_kept_and_known_again", files_are_kept_and_known_again),
        trial("web::the_view_page_is_small", the_view_page_is_small),
        trial("web::the_language_is_the_readers", the_language_is_the_readers),
        trial("web::the_look_is_the_operators", the_look_is_the_operators),
        trial("web::the_app_has_a_manifest_icons_and_a_worker", the_app_has_its_files),
        trial("web::shared_data_is_refused_unread", shared_data_is_refused_unread),
        trial("web::previews_say_nothing_about_the_secret", previews_say_nothing),
        trial("web::only_browsers_get_a_page_for_nothing", only_browsers_get_a_page_for_nothing),
    ]
}

fn paths() -> [String; 11] {
    [
        "/".into(),
        format!("/?{ID}"),
        format!("/{ID}/"),
        "/ask".into(),
        format!("/req/{REQUEST}"),
        format!("/req/{REQUEST}/status"),
        format!("/status/{ID}"),
        "/box".into(),
        format!("/box/{ID}"),
        "/manage".into(),
        "/docs".into(),
    ]
}

/// A request without our headers, which does not follow redirects.
fn fetch(server: &TestServer, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let agent: Agent =
        Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let mut request =
        Request::builder().method(method).uri(format!("{}{path}", server.client.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(()).unwrap()).unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.body_mut().read_to_vec().unwrap(),
    }
}

fn get(server: &TestServer, path: &str) -> Answer {
    fetch(server, "GET", path, &[("accept", "text/html")])
}

/// The files that a page loads before it runs.
fn loads(html: &str) -> Vec<&str> {
    let starts = [
        "<link rel=\"stylesheet\" href=\"",
        "<link rel=\"icon\" href=\"",
        "<link rel=\"modulepreload\" href=\"",
        "<script type=\"module\" src=\"",
        "<img src=\"",
    ];
    let found = starts.iter().flat_map(|start| html.split(start).skip(1));
    found.filter_map(|rest| rest.split('"').next()).collect()
}

fn pages_are_closed_to_others() {
    let server = TestServer::start();
    for path in paths() {
        let page = get(&server, &path);
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("require-trusted-types")
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        // Only pages that show files have frames, and only with content of their own.
        let has_files = ["/", "/box"].contains(&&*path)
            || path.contains(ID) && !path.starts_with("/status/")
            || path == format!("/req/{REQUEST}");
        let frames = policy.split("; ").find(|directive| directive.starts_with("frame-src"));
        assert_eq!(frames, has_files.then_some("frame-src blob:"), "{path}: {policy}");
        let expected = [
            ("content-type", "text/html; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-robots-tag", "noindex, nofollow"),
            ("cache-control", "no-cache"),
            ("vary", "Accept-Encoding, Accept-Language, Cookie"),
        ];
        for (name, value) in expected {
            assert_eq!(page.header(name), Some(value), "{path} {name}");
        }
        assert_eq!(page.header("access-control-allow-origin"), None, "{path}");
        let html = page.text();
        for inline in ["style=", "onclick=", "javascript:", "<script>"] {
            assert!(!html.contains(inline), "{path} has {inline}");
        }
        let head = fetch(&server, "HEAD", &path, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let post = fetch(&server, "POST", &path, &[]);
        assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    let robots = get(&server, "/robots.txt");
    assert_eq!(robots.text(), "User-agent: *\nDisallow: /\n");
}

fn each_page_leads_to_the_root() {
    let server = TestServer::start();
    for path in paths() {
        let html = get(&server, &path).text();
        let base = html.split("<base href=\"").nth(1).unwrap().split('"').next().unwrap();
        // As if a proxy had it below a path.
        let page = Url::parse(&format!("https://example.org/secrets{path}")).unwrap();
        let root = page.join(base).unwrap();
        assert_eq!(root.as_str(), "https://example.org/secrets/", "{path}");
        let loads = loads(&html);
        assert!(loads.len() > 4, "{path}: {loads:?}");
        for file in loads {
            let url = root.join(file).unwrap();
            let below = url.path().strip_prefix("/secrets").unwrap();
            assert_eq!(get(&server, below).status, 200, "{path}: {file}");
        }
        assert!(!html.contains("href=\"/") && !html.contains("src=\"/"), "{path}");
    }
}

fn other_addresses_lead_to_the_one() {
    let server = TestServer::start();
    let cases = [
        (format!("/{ID}"), format!("{ID}/")),
        (format!("/{ID}?lang=sv"), format!("{ID}/?lang=sv")),
        (format!("/req/{REQUEST}/"), format!("../{REQUEST}")),
        (format!("/box/{ID}/"), format!("../{ID}")),
        ("/box/".to_owned(), "../box".to_owned()),
        ("/manage/?x=1".to_owned(), "../manage?x=1".to_owned()),
    ];
    for (path, expected) in cases {
        let answer = get(&server, &path);
        assert_eq!((answer.status, answer.header("location")), (308, Some(&*expected)), "{path}");
        let there = Url::parse(&format!("http://x{path}")).unwrap().join(&expected).unwrap();
        let path = &there[url::Position::BeforePath..];
        assert_eq!(get(&server, path).status, 200, "{path}");
    }
}

fn files_are_kept_and_known_again() {
    let server = TestServer::start();
    let html = get(&server, "/").text();
    for file in loads(&html) {
        let path = format!("/{file}");
        let plain = get(&server, &path);
        assert_eq!(plain.status, 200, "{path}");
        assert_eq!(
            plain.header("cache-control"),
            Some("public, max-age=31536000, immutable"),
            "{path}"
        );
        let gzip = fetch(&server, "GET", &path, &[("accept-encoding", "br, gzip")]);
        assert_eq!(gzip.header("vary"), Some("Accept-Encoding"));
        assert_ne!(gzip.header("etag"), plain.header("etag"));
        assert_eq!(gzip.header("content-encoding"), Some("gzip"), "{path}");
        let mut unpacked = Vec::new();
        GzDecoder::new(&*gzip.body).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain.body, "{path}");
        let tag = plain.header("etag").unwrap();
        let known = fetch(&server, "GET", &path, &[("if-none-match", tag)]);
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        let changed = fetch(&server, "GET", &path, &[("if-none-match", "\"0\"")]);
        assert_eq!(changed.status, 200, "{path}");
    }
    for gone in ["/assets/0/js/common/page.js", "/assets/", "/assets/../Cargo.toml"] {
        assert_eq!(fetch(&server, "GET", gone, &[]).status, 404, "{gone}");
    }
}

fn the_view_page_is_small() {
    let server = TestServer::start();
    let path = format!("/{ID}/");
    // ureq was built without gzip, and returns the body unchanged.
    let wire = |path: &str| {
        let answer = fetch(&server, "GET", path, &[("accept-encoding", "gzip")]);
        assert_eq!(
            (answer.status, answer.header("content-encoding")),
            (200, Some("gzip")),
            "{path}"
        );
        answer.body.len()
    };
    let html = get(&server, &path).text();
    let all: usize = loads(&html).iter().map(|file| wire(&format!("/{file}"))).sum();
    let all = all + wire(&path);
    assert!(all < VIEW_BYTES, "{all} bytes");
}

fn the_language_is_the_readers() {
    let server = TestServer::start();
    type Headers = Vec<(&'static str, &'static str)>;
    let cases: [(&str, Headers, &str); 11] = [
        ("/", vec![], "en"),
        ("/", vec![("accept-language", "sv-SE,sv;q=0.9,en;q=0.8")], "sv"),
        ("/", vec![("accept-language", "xq")], "en"),
        ("/", vec![("accept-language", "en"), ("cookie", "a=b; lang=sv")], "sv"),
        ("/?lang=en", vec![("cookie", "lang=sv")], "en"),
        ("/?lang=xx", vec![("cookie", "lang=<script>")], "en"),
        ("/docs?lang=sv", vec![], "sv"),
        ("/", vec![("accept-language", "pt-PT,pt;q=0.9,en;q=0.8")], "pt-BR"),
        ("/", vec![("accept-language", "nn-NO,nn;q=0.9")], "nb"),
        ("/", vec![("accept-language", "no")], "nb"),
        ("/box", vec![("cookie", "lang=ar")], "ar\" dir=\"rtl"),
    ];
    for (path, headers, language) in cases {
        let html = fetch(&server, "GET", path, &headers).text();
        assert!(html.contains(&format!("<html lang=\"{language}\">")), "{path} {headers:?}");
    }
}

fn the_look_is_the_operators() {
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let look = PageLook {
        site: SiteSettings {
            name: "</script><b>\"&'".to_owned(),
            color: sealdrop::config::Color([0xff, 0xee, 0x00]),
            imprint: Some(Link::parse("https://example.org/imprint?a=1&b=\"2\"").unwrap()),
            privacy: Some(Link::parse("mailto:privacy@example.org").unwrap()),
            links: vec![
                NamedLink {
                    name: "<i>Contact</i>".to_owned(),
                    link: Link::parse("https://example.org/contact?a=\"1\"").unwrap(),
                },
                NamedLink {
                    name: "Status".to_owned(),
                    link: Link::parse("mailto:status@example.org").unwrap(),
                },
            ],
            text: Some("Run by <i>Example & Co.</i>".to_owned()),
            logo: None,
            css: None,
        },
        logo: Some(Logo { content_type: "image/svg+xml", bytes: svg.to_vec() }),
        css: Some(CSS.to_owned()),
    };
    let server = TestServer::with(Options { look, ..Options::default() });
    let html = get(&server, "/").text();
    assert!(!html.contains("<b>") && !html.contains("<i>"), "{html}");
    assert!(html.contains("mailto:privacy@example.org"));
    let logo = loads(&html).into_iter().find(|file| file.ends_with("logo.svg")).unwrap();
    let answer = get(&server, &format!("/{logo}"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/svg+xml")));
    // If it is opened on its own, no script in it runs.
    assert!(answer.header("content-security-policy").unwrap().contains("sandbox"));
    let theme = loads(&html).into_iter().find(|file| file.ends_with("theme.css")).unwrap();
    let theme = get(&server, &format!("/{theme}")).text();
    assert!(theme.contains("--accent: #ffee00;\n  --on-accent: #000000;"), "{theme}");

    // Each page has the links, the text and the style sheet, the latter after ours.
    for path in paths() {
        let html = get(&server, &path).text().replace("&#x2f;", "/");
        for expected in [
            "href=\"https://example.org/contact?a=%221%22\" rel=\"noreferrer\"",
            "&lt;i&gt;Contact&lt;/i&gt;</a>",
            "href=\"mailto:status@example.org\"",
            "Run by &lt;i&gt;Example &amp; Co.",
        ] {
            assert!(html.contains(expected), "{path}: {expected} is not in {html}");
        }
        let sheets = html.split("<link rel=\"stylesheet\" href=\"").skip(1);
        let last = sheets.last().unwrap().split('"').next().unwrap();
        assert!(last.ends_with("/custom.css"), "{path}: {last}");
        let answer = get(&server, &format!("/{last}"));
        assert_eq!((answer.status, answer.text()), (200, CSS.to_owned()));
        assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
        let forever = Some("public, max-age=31536000, immutable");
        assert_eq!(answer.header("cache-control"), forever);
    }
}

fn the_app_has_its_files() {
    let mut look = PageLook::default();
    look.site.name = "Drop \"& Co".to_owned();
    look.site.color = sealdrop::config::Color([0x7c, 0x2d, 0x92]);
    let server = TestServer::with(Options { look, ..Options::default() });
    let answer = get(&server, "/manifest.webmanifest");
    assert_eq!(answer.header("content-type"), Some("application/manifest+json"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let manifest = answer.json();
    assert_eq!(manifest["name"], "Drop \"& Co");
    assert_eq!(manifest["theme_color"], "#7c2d92");
    // As if a proxy had it below a path.
    let at = Url::parse("https://example.org/secrets/manifest.webmanifest").unwrap();
    let below = |address: &serde_json::Value| {
        let url = at.join(address.as_str().unwrap()).unwrap();
        url.path().strip_prefix("/secrets").unwrap().to_owned()
    };
    assert_eq!(below(&manifest["scope"]), "/");
    assert_eq!(below(&manifest["id"]), "/");
    for address in [&manifest["start_url"], &manifest["share_target"]["action"]] {
        let path = below(address);
        assert_eq!((&*path, get(&server, &path).status), ("/share", 200));
    }
    let icons = manifest["icons"].as_array().unwrap();
    assert_eq!(icons.len(), 4);
    let html = get(&server, "/").text();
    let touch = html.split("apple-touch-icon\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut pictures: Vec<String> = icons.iter().map(|icon| below(&icon["src"])).collect();
    pictures.push(format!("/{touch}"));
    for path in pictures {
        let picture = get(&server, &path);
        assert_eq!(picture.status, 200, "{path}");
        assert!(picture.header("cache-control").unwrap().ends_with("immutable"), "{path}");
        if path.ends_with(".png") {
            assert_eq!(picture.header("content-type"), Some("image/png"), "{path}");
            assert!(picture.body.starts_with(b"\x89PNG") && picture.body.len() < 5_000, "{path}");
            let painted = picture.body.windows(3).any(|pixel| pixel == [0x7c, 0x2d, 0x92]);
            assert!(painted, "{path} has the operator's colour");
        }
    }
    let favicon = get(&server, "/favicon.ico");
    assert_eq!(favicon.header("content-type"), Some("image/x-icon"));
    assert!(favicon.body.starts_with(&[0, 0, 1, 0, 1, 0]));

    let worker = get(&server, "/share_worker.js");
    assert_eq!(worker.header("cache-control"), Some("no-cache"));
    assert_eq!(worker.header("content-type"), Some("text/javascript; charset=utf-8"));
    let policy = worker.header("content-security-policy").unwrap();
    assert_eq!(policy, "default-src 'none'; script-src 'self'; connect-src 'self'");
    let source = worker.text();
    for never in ["caches", "indexedDB", "importScripts"] {
        assert!(!source.contains(never), "{never}");
    }
    for (path, file) in [("/", "worker-src 'self'"), ("/", "manifest-src 'self'")] {
        assert!(get(&server, path).header("content-security-policy").unwrap().contains(file));
    }
}

/// The answer comes although the body never does.
fn shared_data_is_refused_unread() {
    use std::io::Write as _;
    let server = TestServer::start();
    let address = server.client.base.strip_prefix("http://").unwrap();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let head = "POST /share HTTP/1.1\r\nhost: x\r\naccept: text/html\r\naccept-language: sv\r\n\
                content-type: multipart/form-data; boundary=x\r\ncontent-length: 900000000\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("</html>") {
        let mut part = [0; 4096];
        let length = socket.read(&mut part).unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend(&part[..length]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.contains("allow: GET, HEAD"), "{answer}");
    assert!(answer.contains("Ingenting delades"), "{answer}");
    let other = fetch(&server, "PUT", "/share", &[]);
    assert_eq!((other.status, other.body.len()), (405, 0));
}

fn previews_say_nothing() {
    let server = TestServer::start();
    let about = |path: &str| {
        let html = get(&server, path).text();
        let of = |start: &str| {
            html.split(start).nth(1).unwrap_or_else(|| panic!("{path}: no {start}")).to_owned()
        };
        let until_quote = |text: String| text.split('"').next().unwrap().to_owned();
        let title = until_quote(of("<meta property=\"og:title\" content=\""));
        let text = until_quote(of("<meta property=\"og:description\" content=\""));
        assert_eq!(until_quote(of("<meta name=\"description\" content=\"")), text, "{path}");
        (title, text)
    };
    let id = server.client.create(serde_json::json!({ "message": "for Karin", "max_views": 1 }));
    let seen = about(&format!("/{id}/"));
    // The same as for a secret that never was, in whatever way it is asked for.
    assert_eq!(seen, about(&format!("/{ID}/")));
    assert_eq!(seen, about(&format!("/?{ID}")));
    assert_eq!(seen.0, "A secret for you");
    for method in ["HEAD", "GET"] {
        fetch(&server, method, &format!("/{id}/"), &[("user-agent", "Slackbot-LinkExpanding 1.0")]);
    }
    let left = server.client.get("/api/secrets").json();
    assert_eq!(left["data"][0]["view_times"], 0, "{left}");
    let all: Vec<_> = paths().iter().map(|path| about(path)).collect();
    assert!(all.iter().all(|(title, text)| !title.is_empty() && !text.is_empty()), "{all:?}");
}

fn only_browsers_get_a_page_for_nothing() {
    let server = TestServer::start();
    for path in ["/nothing", "/a/b/c", "/api/nothing", "/Service/nothing/at/all"] {
        let program = fetch(&server, "GET", path, &[("accept", "*/*")]);
        assert_eq!(program.status, 404, "{path}");
        assert_ne!(program.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
    }
    for path in ["/nothing", "/a/b/c", "/<script>"] {
        let browser = fetch(
            &server,
            "GET",
            &path.replace('<', "%3C").replace('>', "%3E"),
            &[("accept", "text/html,*/*")],
        );
        assert_eq!(browser.status, 404, "{path}");
        assert_eq!(browser.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(browser.header("content-security-policy").is_some(), "{path}");
    }
    let post = fetch(&server, "POST", "/nothing", &[("accept", "text/html")]);
    assert_eq!(post.status, 404);
    assert_eq!(post.json()["error"]["message"].as_str().map(str::is_empty), Some(false));
}
