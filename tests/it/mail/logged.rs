//! No sent secret is logged.

use libtest_mimic::Trial;
use serde_json::json;

use super::{
    links::sealed,
    smtp::parse_one,
    tls::{Authority, TOOLS, run},
    until,
};
use crate::{api::secret_requests::request, http::Client, tools::trial_with};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial_with("mail::logged::no_link_and_no_address", TOOLS, no_link_and_no_address)]
}

fn no_link_and_no_address() {
    let authority = Authority::new();
    let mut smtp = authority.server(&["starttls", "auth"]);
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let url = format!("smtp://post@localhost:{}", smtp.port);
    let mut daemon = authority.daemon(&data, &url);
    let keys = daemon.first_keys();
    let client = Client::new(daemon.base.clone(), keys.private);
    let (stranger, reader) = (client.with_key(""), client.with_key(keys.public));

    let asked = request(
        &client,
        json!({
            "message": "planted-message",
            "secret_password": "planted-password",
            "send_request_to_email": "planted-b@example.com",
            "send_to_email": "planted-a@example.com",
            "limit": 3,
        }),
    );
    assert!(parse_one(&smtp.mail()).text().contains("planted-message"));
    let (mut handed, public) = sealed("planted-text");
    handed["password_part_public"] = public.clone().into();
    let path = format!("/api/public/secret_requests/{asked}/secrets");
    let mut made = Vec::new();
    // Accepted; delayed; refused.
    for (scenario, attempts) in [("accept", 0), ("greylist 1", 1), ("refuse", 1)] {
        smtp.tell(scenario);
        let answer = stranger.post(&path, &handed);
        assert_eq!(answer.status, 201, "{}", answer.text());
        made.push(answer.json()["data"]["id"].as_str().expect("an id").to_owned());
        if attempts == 0 {
            assert!(parse_one(&smtp.mail()).text().contains(&public));
            continue;
        }
        until("it was tried", || {
            let (_, list) = run(&data, &["mail", "list", "--json"]);
            list.contains(if scenario == "refuse" { "answered 550" } else { "answered 450" })
        });
    }
    smtp.tell("accept");
    assert!(run(&data, &["mail", "retry", "--all"]).0);
    assert!(parse_one(&smtp.mail()).text().contains(&public));

    let token = "planted-lease-0123456789";
    let path = format!("/api/public/secrets/{}/view", made[0]);
    for password in ["planted-wrong", "planted-password"] {
        stranger.post(&path, &json!({"lease": token, "password": password}));
    }
    let again = stranger.post(&path, &json!({"lease": token}));
    assert_eq!(again.status, 200, "{}", again.text());
    assert_eq!(reader.view(&made[0]).status, 404);
    let message = json!({"message": "planted-message", "email": "planted-c@example.com"});
    assert_eq!(stranger.post("/Service/SelfDestruct", &message).text(), "true");
    let text = parse_one(&smtp.mail()).text().to_owned();
    let (_, half) = text.split_once("/#").expect("a link");
    let half = half.lines().next().expect("half a password");

    let log = daemon.log.clone();
    let (status, rest) = daemon.stop();
    assert!(status.success() && !rest.contains("planted"));
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("given up") && log.contains("tried again later"), "{log}");
    for value in ["planted", "s3cret", &public, half, &asked, "example.com"] {
        assert!(!log.contains(value), "{value:?} in the log:\n{log}");
    }
}
