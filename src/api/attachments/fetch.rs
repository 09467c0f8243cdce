//! Handing attachments out to whoever has spent a view and has its lease.

use std::{io, ops::Range, sync::Arc};

use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{number, upload};
use crate::{
    api::{
        ApiError, App,
        part::Part,
        public::lease_token,
        response::{Body, Feed, empty},
        work::{Started, blocking, start},
    },
    clock::UnixSeconds,
    crypto::ChunkReader,
    domain::{
        attachment::fetch::{fetched, find, is_burned},
        lease::LeaseToken,
        secret::SecretId,
    },
    store::FoundFile,
};

/// The header with the token of a lease.
const LEASE: &str = "lease";
/// So many chunks, of 64 KiB each, are read while the ones before go out.
const CHUNKS_AT_ONCE: usize = 4;
/// How often somebody is looked for who has burned the secret.
const LOOK_EVERY_BYTES: u64 = 1 << 20;

/// `GET` and `HEAD /api/secrets/<id>/attachments/<n>`.
///
/// # Errors
///
/// See [`ApiError`].
pub async fn get(
    app: &Arc<App>,
    method: &Method,
    path: (&str, &str),
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let Some(lease) = headers.get(LEASE) else {
        return match method {
            &Method::HEAD => upload::head(app, path, headers).await,
            _ => Err(ApiError::Forbidden(
                "A lease is needed: view the secret, and send the header Lease: <token>",
            )),
        };
    };
    let token = lease_token(lease.to_str().unwrap_or_default())?;
    let (id, n) = (app.ids.parse(path.0).ok_or(ApiError::NotFound)?, number(path.1)?);
    let found = app.store.change(find(id, n, token, app.clock.now())).await?;
    let bytes = found.bytes;
    if method == Method::HEAD {
        let mut response = empty(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(CONTENT_TYPE, OCTETS);
        return Ok(response);
    }
    let Ok(part) = Part::asked(headers, Some(bytes)) else {
        return Err(ApiError::BadRange { bytes });
    };
    let lease_ends = found.lease_ends;
    let wanted = part.start..part.end.unwrap_or(bytes);
    let opened = wanted.clone();
    let reader = blocking(move || found.open(opened)).await??;
    let (feed, body) = Body::stream(part.bytes());
    let out = Out { app: Arc::clone(app), id, token, lease_ends };
    tokio::spawn(async move {
        let taken = out.hand_out(reader, feed).await;
        let got = wanted.start..wanted.start.saturating_add(taken);
        let now = out.app.clock.now();
        let which = (id.number, token, n);
        if out.app.transfers.fetches.note(which, got, bytes, lease_ends, now)
            && let Err(error) = out.app.store.change(fetched(id, n, token, now)).await
        {
            tracing::warn!(%error, "a fetched attachment can not be noted");
        }
    });
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, OCTETS);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(range) = part.content_range() {
        headers.insert(CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// An answer under way.
struct Out {
    app: Arc<App>,
    id: SecretId,
    token: LeaseToken,
    lease_ends: UnixSeconds,
}

type Reader = ChunkReader<FoundFile>;

impl Out {
    /// Reads the attachment and sends it. Says how many bytes were taken.
    async fn hand_out(&self, reader: Reader, mut feed: Feed) -> u64 {
        let mut reading = read(reader);
        let mut look_at = LOOK_EVERY_BYTES;
        loop {
            let (pieces, reader) = match reading.outcome().await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => {
                    tracing::error!(%error, "an attachment can not be read to its end");
                    break;
                }
                // In the log already.
                Err(_) => break,
            };
            if pieces.is_empty() {
                // Where the reader is gone, what it has taken counts all the same.
                let _ = feed.finish().await;
                break;
            }
            if feed.sent() >= look_at {
                look_at = feed.sent() + LOOK_EVERY_BYTES;
                if self.is_burned() {
                    break;
                }
            }
            reading = read(reader);
            for piece in pieces {
                if feed.send(piece).await.is_err() {
                    return feed.taken();
                }
            }
        }
        feed.taken()
    }

    fn is_burned(&self) -> bool {
        let Self { app, id, token, lease_ends } = self;
        is_burned(&app.store, *id, *token, *lease_ends).unwrap_or_else(|error| {
            tracing::error!(%error, "whether a secret is burned can not be told");
            true
        })
    }
}

/// The next pieces; none at the end.
fn read(mut reader: Reader) -> Started<io::Result<(Vec<Bytes>, Reader)>> {
    start(move || {
        let mut pieces = Vec::with_capacity(CHUNKS_AT_ONCE);
        while pieces.len() < CHUNKS_AT_ONCE
            && let Some((bytes, place)) = reader.next_piece()?
        {
            let place: Range<usize> = place;
            pieces.push(Bytes::from(bytes).slice(place));
        }
        Ok((pieces, reader))
    })
}
