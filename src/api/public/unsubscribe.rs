//! `/api/public/unsubscribe/<token>`: the link in notifications that ends them.
//!
//! A GET only asks, since programs that look through mails open links; a POST does it, by a person's click
//! or by their mail program (RFC 8058).

use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue},
};

use crate::{
    api::{ApiError, App, response::Body},
    domain::{
        language::Language,
        notice::{self, Subscription},
    },
};

/// Nothing is loaded and nothing runs; the form goes to where the page came from.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// `GET /api/public/unsubscribe/<token>`: a page with a button.
///
/// # Errors
///
/// [`ApiError::NotFound`].
pub(super) fn ask(
    app: &App,
    token: &str,
    language: Option<Language>,
) -> Result<Response<Body>, ApiError> {
    let subscription = app.ids.parse_unsubscribe(token).ok_or(ApiError::NotFound)?;
    if !notice::is_subscribed(&app.store, subscription)? {
        return Err(ApiError::NotFound);
    }
    Ok(match language.unwrap_or(Language::English) {
        Language::English => page("en", "End these notifications?", BUTTON_ENGLISH),
        Language::Swedish => page("sv", "Avsluta de här meddelandena?", BUTTON_SWEDISH),
    })
}

/// `POST /api/public/unsubscribe/<token>`: ends the notifications.
///
/// # Errors
///
/// [`ApiError::NotFound`].
pub(super) async fn end(
    app: &App,
    token: &str,
    language: Option<Language>,
) -> Result<Response<Body>, ApiError> {
    let subscription: Subscription = app.ids.parse_unsubscribe(token).ok_or(ApiError::NotFound)?;
    if !app.store.change(notice::unsubscribe(subscription)).await? {
        return Err(ApiError::NotFound);
    }
    Ok(match language.unwrap_or(Language::English) {
        Language::English => page("en", "You will get no more of these notifications.", ""),
        Language::Swedish => page("sv", "Du får inga fler sådana meddelanden.", ""),
    })
}

/// Without an action: the form goes to the page's own address.
const BUTTON_ENGLISH: &str = "<form method=\"post\"><button>End them</button></form>\n";
const BUTTON_SWEDISH: &str = "<form method=\"post\"><button>Avsluta</button></form>\n";

fn page(language: &str, text: &str, button: &str) -> Response<Body> {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>sealdrop</title>\n\
         <p>{text}</p>\n{button}</html>\n"
    );
    let mut response = Response::new(Body::from(Bytes::from(html)));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
