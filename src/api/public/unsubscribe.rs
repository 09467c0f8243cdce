//! `/api/public/unsubscribe/<token>`: the link in each notification that ends them.
//!
//! A GET only shows a button, because mail scanners open links. A POST ends the notifications. It is sent
//! by the button, or by a mail program (RFC 8058).

use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue},
};

use crate::{
    api::{ApiError, App, load::work::blocking},
    domain::notify::{self, Subscription, language::Language},
    http::response::Body,
    locales::{Direction, server_texts},
};

/// The page loads no resources and runs no script. Its form is sent to the page's server.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// `GET /api/public/unsubscribe/<token>`: a page with a button.
///
/// # Errors
///
/// [`ApiError::NotFound`] for an unknown token.
pub(in crate::api) async fn ask(
    app: &App,
    token: &str,
    language: Option<Language>,
) -> Result<Response<Body>, ApiError> {
    let subscription = app.ids.parse_unsubscribe(token).ok_or(ApiError::NotFound)?;
    let store = app.store.clone();
    if !blocking(move || notify::is_subscribed(&store, subscription)).await?? {
        return Err(ApiError::NotFound);
    }
    let tag = language.unwrap_or(Language::ENGLISH).tag();
    let texts = server_texts(tag);
    // A form without an action is sent to the address of the page.
    let button =
        format!("<form method=\"post\"><button>{}</button></form>\n", texts.unsubscribe_button);
    Ok(page(tag, &texts.unsubscribe_question, &button))
}

/// `POST /api/public/unsubscribe/<token>`: ends the notifications.
///
/// # Errors
///
/// [`ApiError::NotFound`] for an unknown token.
pub(in crate::api) async fn end(
    app: &App,
    token: &str,
    language: Option<Language>,
) -> Result<Response<Body>, ApiError> {
    let subscription: Subscription = app.ids.parse_unsubscribe(token).ok_or(ApiError::NotFound)?;
    if !app.store.change(notify::unsubscribe(subscription)).await? {
        return Err(ApiError::NotFound);
    }
    let tag = language.unwrap_or(Language::ENGLISH).tag();
    Ok(page(tag, &server_texts(tag).unsubscribe_done, ""))
}

fn page(language: &str, text: &str, button: &str) -> Response<Body> {
    let direction = match server_texts(language).direction {
        Direction::Ltr => "",
        Direction::Rtl => " dir=\"rtl\"",
    };
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\"{direction}>\n<meta charset=\"utf-8\">\n\
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
