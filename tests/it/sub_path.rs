//! Below a path of the public URL, whether a proxy keeps it in its requests or strips it.

use std::process::Command;

use libtest_mimic::Trial;
use serde_json::json;
use ureq::Agent;
use url::Url;

use crate::{
    daemon::{Daemon, sealdrop},
    http::{Answer, Client, secret_with},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("sub_path::kept_and_stripped_are_answered_alike", kept_and_stripped_are_alike),
        trial("sub_path::the_command_line_works_below_it", the_command_line_works_below_it),
    ]
}

const ID: &str = "0123456789abcdefghijABCDEFGHIJx";
const REQUEST: &str = "123e4567-e89b-42d3-a456-426614174000";
/// The parts that differ from one answer to the next.
const CHANGING: [&str; 3] = ["date", "content-length", "x-request-id"];

fn start(dir: &tempfile::TempDir, path: &str) -> (Daemon, Client) {
    let url = format!("https://example.org{path}");
    Daemon::start_first(&dir.path().join("data"), &["--public-url", &url, "--key-pool", "0"])
}

/// The path of a page's script, without a proxy.
pub(crate) fn script_of(page: &str) -> String {
    let script = page.split("<script type=\"module\" src=\"").nth(1);
    let script = script.and_then(|rest| rest.split('"').next());
    format!("/{}", script.unwrap_or_else(|| panic!("no script in {page}")))
}

/// Status, headers and body; the body without the values of this request.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !CHANGING.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text())
}

fn kept_and_stripped_are_alike() {
    let agent: Agent =
        Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
    for prefix in ["/secrets", "/a/b-c", "/Drop.it"] {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let (_daemon, client) = start(&dir, prefix);
        let no_redirects = |path: &str, accept: &str| {
            // Not the client of the tests, because it follows redirects.
            let url = format!("{}{path}", client.base);
            let request = agent.get(&url).header("accept", accept);
            let mut answer = request
                .header("authorization", format!("ApiKey {}", client.key))
                .call()
                .expect("an answer");
            Answer {
                status: answer.status().as_u16(),
                headers: answer.headers().clone(),
                body: answer.body_mut().read_to_vec().expect("a body"),
            }
        };
        let asset = script_of(&no_redirects("/", "text/html").text());
        let paths = [
            "/".to_owned(),
            "/?lang=sv".to_owned(),
            format!("/?{ID}"),
            format!("/{ID}"),
            format!("/{ID}?utm=1"),
            format!("/{ID}/"),
            "/box".to_owned(),
            "/box/".to_owned(),
            format!("/box/{ID}"),
            format!("/box/{ID}/"),
            format!("/status/{ID}"),
            format!("/req/{REQUEST}"),
            format!("/req/{REQUEST}/"),
            format!("/req/{REQUEST}/status"),
            "/ask".to_owned(),
            "/manage".to_owned(),
            "/docs".to_owned(),
            "/docs/".to_owned(),
            asset,
            "/openapi.json".to_owned(),
            "/robots.txt".to_owned(),
            "/nothing".to_owned(),
            "/nothing/at/all".to_owned(),
            "/health".to_owned(),
            "/ready".to_owned(),
            "/api/secrets".to_owned(),
            "/api/secrets/".to_owned(),
            format!("/api/secrets/{ID}"),
            "/api/account".to_owned(),
            format!("/api/public/secrets/{ID}"),
            format!("/Service/{ID}/terms"),
            "/Service?token=x".to_owned(),
        ];
        for path in paths {
            for accept in ["text/html", "application/json"] {
                let stripped = no_redirects(&path, accept);
                let kept = no_redirects(&format!("{prefix}{path}"), accept);
                assert_eq!(told(&kept), told(&stripped), "{prefix}{path}");
                // Relative, so it leads to the same page below the prefix.
                if let Some(location) = stripped.header("location") {
                    let base = Url::parse("https://example.org").expect("a URL");
                    let from = |path: &str| base.join(path).expect("a URL").join(location);
                    let (here, below) = (from(&path), from(&format!("{prefix}{path}")));
                    let (here, below) = (here.expect("a URL"), below.expect("a URL"));
                    assert_eq!(below.path(), format!("{prefix}{}", here.path()), "{location}");
                }
            }
        }
        // Without its slash, links of the page would lead to other addresses.
        let last = prefix.rsplit('/').next().expect("a name");
        for (query, location) in [("", format!("{last}/")), ("?x&y=1", format!("{last}/?x&y=1"))] {
            let answer = no_redirects(&format!("{prefix}{query}"), "text/html");
            assert_eq!((answer.status, answer.header("location")), (308, Some(&*location)));
        }
        assert_eq!(no_redirects(&format!("{prefix}x/health"), "*/*").status, 404);
        // A call that changes something does so once, with each form of the path.
        let below = Client::new(format!("{}{prefix}", client.base), client.key.clone());
        let id = below.create(json!({"max_views": 1}));
        assert_eq!(client.view(&id).status, 200);
        assert_eq!(below.view(&id).status, 404);
        assert_eq!(below.post("/api/secrets", &secret_with(json!({"max_views": 0}))).status, 422);
        let options = below.try_send("OPTIONS", "/api/secrets", &[], b"").expect("an answer");
        assert_eq!(options.status, 204);
    }
}

fn the_command_line_works_below_it() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let (daemon, client) = start(&dir, "/secrets");
    let server = format!("{}/secrets", daemon.base);
    let run = |mut command: Command| {
        command.env("SEALDROP_SERVER", &server).env("SEALDROP_KEY", &client.key);
        let output = command.output().expect("the program");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        String::from_utf8(output.stdout).expect("text")
    };
    let file = dir.path().join("file");
    std::fs::write(&file, "below a path").expect("a file");
    let mut send = sealdrop();
    send.arg("send").arg(&file);
    let link = run(send).trim().to_owned();
    assert!(link.starts_with(&format!("{server}/")), "{link}");
    let into = dir.path().join("into");
    std::fs::create_dir(&into).expect("a directory");
    let mut open = sealdrop();
    open.args(["open", &link, "-o"]).arg(&into);
    run(open);
    assert_eq!(std::fs::read(into.join("file")).expect("a file"), b"below a path");
}
