//! The link in notifications that ends them.

use libtest_mimic::Trial;

use super::{
    notify, server,
    smtp::{Smtp, parse_one},
    until, view, waiting,
};
use crate::{
    key_service::TestBox,
    tools::{Tool, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("mail::unsubscribe::of_an_account", &[Tool::Aiosmtpd], of_an_account),
        trial_with("mail::unsubscribe::of_a_box", &[Tool::Aiosmtpd], of_a_box),
    ]
}

/// The path of the link in a notification, below the public URL.
fn path(mail: &serde_json::Value) -> String {
    let parsed = parse_one(mail);
    let list = parsed.header("list-unsubscribe").expect("a link");
    let url = list.trim_start_matches('<').trim_end_matches('>');
    url.strip_prefix("https://example.org/secrets").expect("our URL").to_owned()
}

fn of_an_account() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    notify(&server, "owner@example.com");
    view(&server);
    let path = path(&smtp.mail());
    let nobody = server.client.with_key("");

    // Mail scanners open links: that ends nothing.
    for _ in 0..2 {
        let page = nobody.get(&path);
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"));
        let text = page.text();
        assert!(text.contains("<form method=\"post\">") && !text.contains("script"), "{text}");
    }
    let swedish = nobody.send("GET", &path, &[("accept-language", "sv,en;q=0.5")], b"");
    assert!(swedish.text().contains("<html lang=\"sv\">") && swedish.text().contains("Avsluta"));
    view(&server);
    smtp.mail();

    // Other links end nothing.
    let (start, last) = path.split_at(path.len() - 1);
    let other = format!("{start}{}", if last == "0" { "1" } else { "0" });
    for wrong in [&*other, start, "/api/public/unsubscribe/", "/api/public/unsubscribe/x"] {
        assert_eq!(nobody.get(wrong).status, 404, "{wrong}");
        assert_eq!(nobody.send("POST", wrong, &[], b"").status, 404, "{wrong}");
    }
    assert_eq!(nobody.delete(&path).status, 405);

    // As mail programs do it (RFC 8058).
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let ended = nobody.send("POST", &path, &form, b"List-Unsubscribe=One-Click");
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(nobody.send("POST", &path, &form, b"List-Unsubscribe=One-Click").status, 404);
    assert_eq!(nobody.get(&path).status, 404);
    view(&server);
    assert!(waiting(&server).iter().all(|entry| entry.is_given_up), "nothing is queued any more");
    smtp.no_mail();

    // Waiting mails are not sent after the end, either.
    notify(&server, "owner@example.com");
    smtp.tell("greylist 1");
    view(&server);
    until("it was tried", || waiting(&server).iter().any(|entry| entry.attempts == 1));
    notify(&server, "other@example.com");
    super::advance(&server, 60);
    until("it is not in the outbox", || waiting(&server).is_empty());
    smtp.no_mail();
}

fn of_a_box() {
    let mut smtp = Smtp::start(&[]);
    let server = server(&smtp);
    let drop_box = TestBox::with(&server.client, &[("notifyemail", "box@example.com")]);
    let message = || drop_box.send("hello");
    message();
    let mail = smtp.mail();
    assert!(parse_one(&mail).text().contains(&format!("Box: {}…", &drop_box.token[..8])));
    // At most one an hour.
    server.clock.advance(3599);
    message();
    until("nothing waits", || waiting(&server).is_empty());
    server.clock.advance(1);
    message();
    let path = path(&smtp.mail());
    assert_eq!(server.client.send("POST", &path, &[], b"").status, 200);
    server.clock.advance(3600);
    message();
    until("nothing waits", || waiting(&server).is_empty());
    smtp.no_mail();
}
