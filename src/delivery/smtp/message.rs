//! Mails in their wire format (RFC 5322).

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address, Message,
    message::{
        MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::letters::{BadTemplate, Rendered};
use crate::{clock::UnixSeconds, domain::notify::mailbox::Mailbox};

/// A mail with its envelope.
pub struct Mail {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

/// Why a mail cannot be written. The texts do not contain the address.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// The address is not valid in a mail.
    #[error("the address is not valid in a mail")]
    Address,
    /// The text cannot be rendered.
    #[error(transparent)]
    Template(#[from] BadTemplate),
    /// Any other error.
    #[error("the mail cannot be built: {0}")]
    Message(#[from] lettre::error::Error),
}

/// Builds a mail. Its headers contain nothing of an API caller except the address.
pub(super) fn build(
    from: &lettre::message::Mailbox,
    to: &Mailbox,
    text: &Rendered,
    unsubscribe: Option<&str>,
    name: &str,
    now: UnixSeconds,
) -> Result<Mail, Unwritable> {
    let to: Address = to.as_str().parse().map_err(|_| Unwritable::Address)?;
    let domain = from.email.domain();
    let mut message = Message::builder()
        .from(from.clone())
        .to(to.clone().into())
        .subject(text.subject.clone())
        .date(UNIX_EPOCH + Duration::from_secs(now.0))
        .message_id(Some(format!("<{name}@{domain}>")))
        .raw_header(header("Auto-Submitted", "auto-generated"));
    if let Some(url) = unsubscribe {
        // RFC 8058: a mail program may end the notifications by one POST.
        message = message
            .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let parts = MultiPart::alternative()
        // Cannot occur in the body: no line of base64 or quoted-printable starts like this.
        .boundary(format!("=_{name}"))
        .singlepart(SinglePart::plain(text.text.clone()))
        .singlepart(SinglePart::html(text.html.clone()));
    let message = message.multipart(parts)?;
    Ok(Mail { from: from.email.clone(), to, bytes: message.formatted() })
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(to: &str) -> Result<String, Unwritable> {
        let from = "Sealdröp <no-reply@example.org>".parse().unwrap();
        let text = Rendered {
            subject: "Någon".into(),
            text: "Hej\nå\n".into(),
            html: "<p>Hej å</p>\n".into(),
        };
        let to = Mailbox::new(to).map_err(|_| Unwritable::Address)?;
        let url = Some("https://example.org/api/public/unsubscribe/x");
        let mail = build(&from, &to, &text, url, "0123456789abcdef", UnixSeconds(1_795_348_800))?;
        Ok(String::from_utf8(mail.bytes).unwrap())
    }

    #[test]
    fn a_mail_has_its_headers_and_both_forms() {
        let mail = built("a@example.com").unwrap();
        for line in [
            "To: a@example.com",
            "Date: Sun, 22 Nov 2026 12:00:00 +0000",
            "Message-ID: <0123456789abcdef@example.org>",
            "Auto-Submitted: auto-generated",
            "List-Unsubscribe: <https://example.org/api/public/unsubscribe/x>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: text/html; charset=utf-8",
        ] {
            assert!(mail.contains(&format!("\r\n{line}\r\n")), "{line} in {mail}");
        }
        assert!(mail.starts_with("From: ") && mail.is_ascii(), "{mail}");
        assert!(mail.contains("multipart/alternative"), "{mail}");
        assert!(mail.lines().all(|line| line.len() <= 998));
        assert_eq!(mail, built("a@example.com").unwrap(), "a second attempt sends the same mail");
    }

    #[test]
    fn an_address_is_one_address() {
        for evil in [
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com\nX: y",
            "a@example.com, b@example.com",
            "a@example.com;b@example.com",
            "<a@example.com>",
            "\"a\r\n b\"@example.com",
            "\"a, b@c\"@example.com",
            "a@example.com\0",
            "a b@example.com",
        ] {
            assert!(matches!(built(evil), Err(Unwritable::Address)), "{evil:?}");
        }
    }
}
