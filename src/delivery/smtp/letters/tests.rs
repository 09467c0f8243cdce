//! The texts: built in, the operator's, and values from API callers.

use super::*;

fn with_file(name: &str, text: &str) -> Result<Letters, String> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(name), text).unwrap();
    Letters::load(Some(dir.path())).map_err(|e| e.replace(&dir.path().display().to_string(), "DIR"))
}

#[test]
fn every_mail_has_its_parts_in_every_language() {
    let letters = Letters::load(None).unwrap();
    let mut subjects = std::collections::BTreeSet::new();
    for kind in MailKind::ALL {
        for language in Language::all() {
            let Rendered { subject, text, html } =
                letters.render(kind, language, &sample(kind, true)).unwrap();
            assert!(subjects.insert(subject.clone()), "{subject}");
            assert!(text.contains("https://example.org"), "{text}");
            assert!(text.contains("2026-11-22 12:00:00 UTC"), "{text}");
            assert!(!text.contains("\n\n\n") && !text.contains("{"), "{text}");
            assert!(
                html.starts_with(&format!("<!DOCTYPE html>\n<html lang=\"{}\"", language.tag()))
            );
            if matches!(kind, MailKind::Viewed | MailKind::TriedAfter) {
                for part in ["sample", "description", "192.0.2.1", "Firefox"] {
                    assert!(text.contains(part), "{part} in {text}");
                }
            }
            if kind == MailKind::Request {
                assert!(text.contains("\n> message\n"), "{text}");
            }
            if let Some(link) = sample(kind, true).link {
                let html = html.replace("&#x2f;", "/");
                assert!(text.contains(&format!("\n{link}\n")), "{text}");
                assert!(html.contains(&format!("<a href=\"{link}\">{link}</a>")), "{html}");
            }
        }
    }
}

#[test]
fn a_callers_words_stay_words() {
    let letters = Letters::load(None).unwrap();
    let link = "https://example.org/x".to_owned();
    let evil = "<b>\n\nhttps://example.org/x\n<a href=\"https://evil.example\">{{ link }}</a>";
    let mut facts = Facts::new("https://example.org", UnixSeconds(0)).message(Some(evil));
    facts.link = Some(link);
    let mail = letters.render(MailKind::Request, Language::ENGLISH, &facts).unwrap();
    assert!(mail.text.contains("> <b>\n>\n> https://example.org/x\n> <a href="), "{}", mail.text);
    assert!(mail.html.contains("&gt; &lt;b&gt;"), "{}", mail.html);
    assert_eq!(mail.html.matches("<a ").count(), 1, "{}", mail.html);
    let id = "i".to_owned();
    let facts = Facts::new("https://example.org", UnixSeconds(0))
        .secret(id, Some("d\r\nBcc: x"))
        .viewer(None, Some("a\r\n\r\nb"));
    let mail = letters.render(MailKind::Viewed, Language::from_tag("sv").unwrap(), &facts).unwrap();
    assert!(mail.text.contains("d Bcc: x"), "{}", mail.text);
}

#[test]
fn a_viewer_is_told_by_names_of_ours_only() {
    let letters = Letters::load(None).unwrap();
    let robot = "Mozilla/5.0 (compatible; planted-bot/1.0; +https://evil.example/planted)";
    // (header, in English, in Swedish)
    let cases = [
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0 planted",
            "Firefox on Android",
            "Firefox på Android",
        ),
        ("curl/8.11.0 planted", "curl", "curl"),
        ("planted", "an unknown browser", "en okänd webbläsare"),
        ("planted (FreeBSD)", "an unknown browser on FreeBSD", "en okänd webbläsare på FreeBSD"),
        (
            robot,
            "a program that opens links automatically",
            "ett program som öppnar länkar automatiskt",
        ),
        (
            "Slackbot 1.0 planted",
            "a program that opens links automatically (Slack)",
            "ett program som öppnar länkar automatiskt (Slack)",
        ),
    ];
    for kind in [MailKind::Viewed, MailKind::TriedAfter] {
        for (header, english, swedish) in cases {
            for (language, expected) in
                [(Language::ENGLISH, english), (Language::from_tag("sv").unwrap(), swedish)]
            {
                let facts = sample(kind, false).viewer(None, Some(header));
                let Rendered { text, html, .. } = letters.render(kind, language, &facts).unwrap();
                assert!(text.contains(&format!("Program: {expected}\n")), "{text}");
                for raw in ["planted", "Mozilla", "133", "8.11", "evil"] {
                    assert!(!text.contains(raw) && !html.contains(raw), "{raw} in {text}");
                }
            }
        }
        let none = sample(kind, false).viewer(None, Some(" "));
        assert!(!letters.render(kind, Language::ENGLISH, &none).unwrap().text.contains("Program:"));
    }
}

#[test]
fn the_operators_texts_go_before_ours_and_are_tried_out() {
    let own =
        with_file("secret.sv.txt", "Subject: Hej\r\n\r\nEgen text\r\n{{ link }}\r\n").unwrap();
    let facts = sample(MailKind::Secret, true);
    let swedish = own.render(MailKind::Secret, Language::from_tag("sv").unwrap(), &facts).unwrap();
    assert_eq!(swedish.subject, "Hej");
    assert_eq!(swedish.text, "Egen text\nhttps://example.org/sample\n");
    let english = own.render(MailKind::Secret, Language::ENGLISH, &facts).unwrap();
    assert_ne!(english.subject, "Hej");
    // (file, text, parts of the error)
    let cases = [
        ("secret.en.txt", "Hello\n{{ link }}", "secret.en.txt, line 1: it does not begin"),
        ("secret.en.txt", "Subject: \n{{ link }}", "secret.en.txt, line 1"),
        ("secret.en.txt", "Subject: {{ message }}\n{{ link }}", "line 1: the subject is a fixed"),
        ("secret.en.txt", "Subject: x\n\n{{ link }}\n{{ lnik }}\n", "secret.en.txt, line 4"),
        ("secret.en.txt", "Subject: x\n\n{% if %}", "secret.en.txt, line 3"),
        ("secret.en.txt", "Subject: x\n\nno link", "secret.en.txt does not show {{ link }}"),
        ("viewed.sv.txt", "Subject: x\n\nx", "viewed.sv.txt does not show {{ unsubscribe }}"),
        ("layout.html", "<p>", "layout.html does not show"),
        ("layout.html", "\n\n{{ x }}", "layout.html, line 3"),
        ("secrets.en.txt", "Subject: x", "DIR: secrets.en.txt is not one of the files box_message"),
    ];
    for (file, text, part) in cases {
        let error = with_file(file, text).err().unwrap();
        assert!(error.contains(part), "{file}: {error}");
    }
    assert!(with_file("README", "anything").is_ok());
    assert!(Letters::load(Some(Path::new("/nowhere"))).is_err());
}
