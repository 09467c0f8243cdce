//! The link of a new secret, as `send` and `answer` print it.

use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use crate::{
    cli::{
        Context, Failure,
        operator::administration::{write_json, write_made},
        qr, terminal_text,
    },
    client::{handover::HandedOver, link::SecretLink},
    crypto::SecretText,
};

/// The form in which a link is shown.
pub(crate) struct LinkShape {
    pub(crate) split: bool,
    pub(crate) qr: bool,
    pub(crate) json: bool,
}

#[derive(Serialize)]
struct LinkLine<'a> {
    id: &'a str,
    link: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    expires_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_link: Option<&'a str>,
}

/// Prints the link of a new secret; prints the views, the expiry and the status link to standard error.
pub(crate) fn show_link(
    root: &Url,
    handed: &HandedOver,
    status: Option<&SecretText>,
    shape: &LinkShape,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let HandedOver { created, public } = handed;
    let whole = SecretLink::text(root, &created.id, public);
    let half = Zeroizing::new(format!("{root}{}/", created.id));
    let (link, key) = match shape.split {
        true => (half.as_str(), Some(public.expose_secret())),
        false => (whole.expose_secret(), None),
    };
    let status_link = status.map(SecretText::expose_secret);
    let expires_at = created.expires_at.as_deref();
    let shown = LinkLine { id: &created.id, link, key, expires_at, status_link };
    write_made(context, |out| {
        if shape.json {
            return write_json(out, &shown);
        }
        writeln!(out, "{link}")?;
        key.map_or(Ok(()), |key| writeln!(out, "{key}"))
    })?;
    if shape.qr {
        qr::draw(link, context.err)?;
    }
    if shape.json {
        return Ok(());
    }
    if let Some(expires_at) = &created.expires_at {
        let times = match created.max_views {
            Some(1) | None => "once".to_owned(),
            Some(views) => format!("{views} times"),
        };
        writeln!(context.err, "Can be viewed {times}, until {}.", terminal_text::line(expires_at))?;
    }
    if let Some(status) = status {
        writeln!(context.err, "Status link, which also burns it: {}", status.expose_secret())?;
    }
    Ok(())
}
