//! Sends attachments to viewers who have spent a view and hold its lease.

use std::{collections::VecDeque, io, ops::Range, sync::Arc};

use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{number, upload};
use crate::{
    api::{
        ApiError, App,
        load::work::{Started, blocking, start},
        secrets::showing::lease_token,
    },
    clock::UnixSeconds,
    crypto::ChunkReader,
    domain::{
        numbers::{LeaseToken, SecretId},
        secret::attachment::fetch::{fetched, find, is_burned},
    },
    http::{
        range::ByteRange,
        response::{Body, Feed, empty},
    },
    store::FoundFile,
};

/// The header with the token of the lease.
const LEASE: &str = "lease";
/// How many pieces may be in transit while the next one is read: one waits for the channel, one is in it,
/// one is written to the socket.
const ROOMS: usize = 3;
/// How often to check whether the secret has been burned.
const LOOK_EVERY_BYTES: u64 = 1 << 20;

/// `GET` and `HEAD /api/secrets/<id>/attachments/<n>`.
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
    let Ok(part) = ByteRange::asked(headers, Some(bytes)) else {
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
        if out.app.load.transfers.fetches.note(which, got, bytes, lease_ends, now)
            && let Err(error) = out.app.store.change(fetched(id, n, token, now)).await
        {
            tracing::warn!(%error, "the fetch of an attachment cannot be recorded");
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

/// An answer in progress.
struct Out {
    app: Arc<App>,
    id: SecretId,
    token: LeaseToken,
    lease_ends: UnixSeconds,
}

type Reader = ChunkReader<FoundFile>;
/// A buffer, and the range of it that is sent.
type FilePiece = (Vec<u8>, Range<usize>);

impl Out {
    /// Reads the attachment and sends it. Returns the number of bytes that were taken.
    async fn hand_out(&self, reader: Reader, mut feed: Feed) -> u64 {
        let mut reading = read(reader, Vec::new());
        let mut look_at = LOOK_EVERY_BYTES;
        // The buffers of the last pieces, for reuse: new memory from the allocator would have to be mapped
        // each time.
        let mut rooms = VecDeque::with_capacity(ROOMS);
        loop {
            let (piece, reader) = match reading.outcome().await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => {
                    tracing::error!(%error, "an attachment cannot be read completely");
                    break;
                }
                // The error is already in the log.
                Err(_) => break,
            };
            let Some((room, place)) = piece else {
                // If the client has disconnected, the bytes that it took still count.
                let _ = feed.finish().await;
                break;
            };
            if feed.sent() >= look_at {
                look_at = feed.sent() + LOOK_EVERY_BYTES;
                if self.is_burned().await {
                    break;
                }
            }
            let oldest = if rooms.len() == ROOMS { rooms.pop_front() } else { None };
            let free = oldest.filter(Bytes::is_unique).map(Vec::from).unwrap_or_default();
            reading = read(reader, free);
            let room = Bytes::from(room);
            rooms.push_back(room.clone());
            if feed.send(room.slice(place)).await.is_err() {
                break;
            }
        }
        feed.taken()
    }

    /// Whether the secret is burned, or nobody knows.
    async fn is_burned(&self) -> bool {
        let Self { ref app, id, token, lease_ends } = *self;
        let store = app.store.clone();
        match blocking(move || is_burned(&store, id, token, lease_ends)).await {
            Ok(Ok(is_burned)) => is_burned,
            Ok(Err(error)) => {
                tracing::error!(%error, "cannot read whether a secret is burned");
                true
            }
            // The error is already in the log.
            Err(_) => true,
        }
    }
}

/// Reads the next piece; `None` at the end.
fn read(mut reader: Reader, room: Vec<u8>) -> Started<io::Result<(Option<FilePiece>, Reader)>> {
    start(move || Ok((reader.next_piece(room)?, reader)))
}
