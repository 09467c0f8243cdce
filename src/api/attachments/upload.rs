//! Receives attachments. Data is sealed and written while more arrives, and the record is updated
//! regularly, so that a crash loses little.

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt;
use hyper::{
    Response, StatusCode,
    body::{Body as _, Incoming},
    header::{CONTENT_RANGE, HeaderMap},
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use super::{check_length, number, transfers::Turn};
use crate::{
    api::{
        ApiError, App, Client,
        json_time::JsonTime,
        load::{places::UploadPlace, work::blocking},
    },
    crypto::sha256,
    domain::{
        numbers::SecretNumber,
        secret::attachment::{
            AttachmentError,
            draft::{self, Published},
            turn::UploadRight,
            upload::{
                self, AttachmentUpload, Begun, Incoming as Coming, ReceivedCount, UploadProgress,
                UploadTarget,
            },
        },
    },
    http::{
        body::{Credit, MIN_UPLOAD_BYTES_PER_SECOND},
        response::{Body, empty, json},
        upload_headers::upload_headers,
    },
};

/// The header with the token from the creation of the draft.
const UPLOAD_TOKEN: &str = "upload-token";
/// An upload that makes no progress for this time is interrupted if another one waits for its place. It can
/// be resumed later.
const KEPT_WHILE_STALLED: Duration = Duration::from_secs(2);
/// How many bytes are sealed and written at once, and the size of a buffer, which also has room for the
/// rest of the last frame.
const BATCH_BYTES: usize = 448 << 10;
const ROOM_BYTES: usize = 512 << 10;
/// The number of buffers: one is written while the next one is filled.
const BATCHES: usize = 2;
/// The record is updated after this number of bytes, or after this time. A crash loses no more than that.
const COUNT_EVERY_BYTES: u64 = 8 << 20;
const COUNT_EVERY: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct UploadState<T> {
    data: T,
}

/// The state of an attachment after an upload.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Received")]
pub(in crate::api) struct ReceivedPart {
    /// The number of stored bytes of the file.
    #[schemars(example = 1_048_576)]
    received: u64,
    /// Whether the file is complete.
    #[schemars(example = true)]
    complete: bool,
    /// Whether the secret can be viewed now.
    #[schemars(example = true)]
    published: bool,
    /// The expiry of the published secret. Null if the secret is not published or does not expire.
    #[schemars(example = &"2026-11-29T12:00:00Z")]
    expires_at: Option<JsonTime>,
}

/// A secret that can be viewed from now on.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct PublishedSecret {
    /// Always true.
    #[schemars(example = true)]
    published: bool,
    /// Null if the secret does not expire.
    #[schemars(example = &"2026-11-29T12:00:00Z")]
    expires_at: Option<JsonTime>,
}

/// `PUT /api/secrets/<id>/attachments/<n>`: uploads all or a part of an attachment.
pub async fn put(
    app: &Arc<App>,
    client: Client,
    path: (&str, &str),
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Response<Body>, ApiError> {
    let target = target(app, path, headers)?;
    let part = ContentRange::read(headers)?;
    let told = body.size_hint().exact();
    let limits = app.rules.attachments;
    let coming = match part {
        Some(ContentRange { from, total, .. }) => Coming::Part { from, total },
        None => Coming::Whole(told),
    };
    // This check comes first, so that a client without the token learns nothing and uses no place.
    let state = app.store.change(upload::state(target, app.clock.now())).await?;
    if let Some(total) = coming.total() {
        check_length(total, limits, "Content-Range")?;
    }
    if let (Some(part), Some(told)) = (&part, told)
        && told != part.bytes
    {
        return Err(ApiError::field("Content-Range", "must be as long as the request's body"));
    }
    let Some(turn) = app.load.transfers.turn(client, target.id.number, target.n).await? else {
        return Err(ApiError::UnderWay { received: state.received });
    };
    let now = app.clock.now();
    let right = UploadRight::new(&app.store, &*app.random, (target.id.number, target.n), now);
    let begin = upload::begin(target, coming, right.uploader(), limits, now);
    let begun = (app.store.change(begin).await?, right);
    let place = Arc::clone(&turn.place);
    let (pieces, arriving) = mpsc::channel(1);
    let (emptied, empty) = mpsc::channel(BATCHES);
    let written = tokio::spawn(write(Arc::clone(app), target, begun, turn, (arriving, emptied)));
    let most = part.map(|part| part.bytes).or(limits.max_bytes);
    let sent = send(body, most, part.is_some(), &place, (&pieces, empty)).await;
    // Without a `Piece::End`, a closed channel means that the connection was lost.
    drop((pieces, place));
    let written = written.await.map_err(|_| ApiError::Internal)?;
    if let Err(Stopped::Because(error)) = sent {
        return Err(error);
    }
    let state = written?.ok_or(ApiError::Internal)?;
    if state.published.is_some() {
        app.deliveries.wake();
    }
    if let Some(retry_after_seconds) = state.mail_waits {
        return Err(AttachmentError::TooManyMails { retry_after_seconds }.into());
    }
    let UploadProgress { received, is_complete, published, .. } = state;
    let data = ReceivedPart {
        received,
        complete: is_complete,
        published: published.is_some(),
        expires_at: expires_at(published),
    };
    let mut response = json(StatusCode::OK, &UploadState { data });
    upload_headers(response.headers_mut(), received, is_complete);
    Ok(response)
}

/// `HEAD /api/secrets/<id>/attachments/<n>` with an upload token: the number of stored bytes.
pub(super) async fn head(
    app: &Arc<App>,
    path: (&str, &str),
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let target = target(app, path, headers)?;
    let state = app.store.change(upload::state(target, app.clock.now())).await?;
    let mut response = empty(StatusCode::NO_CONTENT);
    upload_headers(response.headers_mut(), state.received, state.is_complete);
    Ok(response)
}

/// `POST /api/secrets/<id>/publish`: makes a complete draft viewable.
pub async fn publish(
    app: &Arc<App>,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    let keep_log = app.rules.keep_log_seconds;
    let publish = draft::publish(id, token_hash, app.clock.now(), keep_log);
    let published = app.store.change(publish).await?;
    app.deliveries.wake();
    let data = PublishedSecret { published: true, expires_at: expires_at(Some(published)) };
    Ok(json(StatusCode::OK, &UploadState { data }))
}

/// `DELETE /api/secrets/<id>/draft`: deletes a draft.
pub async fn drop_draft(
    app: &Arc<App>,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    app.store.change(draft::drop_draft(id, token_hash, app.clock.now())).await?;
    Ok(json(StatusCode::OK, &UploadState { data: () }))
}

fn expires_at(published: Option<Published>) -> Option<JsonTime> {
    published.and_then(|published| published.expires_at).map(JsonTime)
}

fn token_hash(headers: &HeaderMap) -> Result<[u8; 32], ApiError> {
    let token = headers.get(UPLOAD_TOKEN).ok_or(ApiError::Forbidden(
        "The draft's upload token is needed: send the header Upload-Token: <token>",
    ))?;
    Ok(sha256(token.as_bytes()))
}

fn target(app: &App, (id, n): (&str, &str), headers: &HeaderMap) -> Result<UploadTarget, ApiError> {
    let token_hash = token_hash(headers)?;
    let id = app.ids.parse(id).ok_or(ApiError::NotFound)?;
    Ok(UploadTarget { id, n: number(n)?, token_hash })
}

/// The value of `Content-Range: bytes from-to/total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentRange {
    from: u64,
    bytes: u64,
    total: u64,
}

impl ContentRange {
    fn read(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = headers.get(CONTENT_RANGE) else { return Ok(None) };
        let part = value.to_str().ok().and_then(Self::parse);
        let wrong = "must be bytes <from>-<to>/<total>, such as bytes 0-99/200";
        part.map(Some).ok_or_else(|| ApiError::field("Content-Range", wrong))
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (from, to) = range.split_once('-')?;
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| is_plain)
        };
        let (from, to, total) = (number(from)?, number(to)?, number(total)?);
        let fits = unit.eq_ignore_ascii_case("bytes") && from <= to && to < total;
        fits.then(|| Self { from, bytes: to - from + 1, total })
    }
}

/// Received data, for the writer.
enum ReceivedPiece {
    Data(Vec<u8>),
    /// The end of the body.
    End,
}

/// The reason why a body was not received completely.
enum Stopped {
    /// The writer has stopped, and reports the reason.
    Taker,
    Because(ApiError),
}

/// Passes a body to the writer.
async fn send(
    body: &mut Incoming,
    most: Option<u64>,
    is_part: bool,
    place: &UploadPlace<SecretNumber>,
    (pieces, mut empty): (&mpsc::Sender<ReceivedPiece>, mpsc::Receiver<Vec<u8>>),
) -> Result<(), Stopped> {
    let mut total: u64 = 0;
    let mut credit = Credit::default();
    let mut batch = empty.recv().await.ok_or(Stopped::Taker)?;
    let mut since_batch = Instant::now();
    loop {
        let Some(patience) = credit.patience() else {
            let _ = pieces.send(ReceivedPiece::Data(batch)).await;
            return Err(Stopped::Because(ApiError::BodyTimeout));
        };
        let waited = Instant::now();
        let stalled = async {
            sleep(KEPT_WHILE_STALLED).await;
            place.wanted().await;
        };
        let frame = tokio::select! {
            frame = timeout(patience, body.frame()) => frame.ok(),
            () = stalled => None,
        };
        let frame = frame.ok_or(Stopped::Because(ApiError::BodyTimeout));
        let incomplete = || ApiError::Malformed("The request's body is incomplete".into());
        let data = match frame {
            Ok(None) => None,
            Ok(Some(Ok(frame))) => Some(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(_))) | Err(_) => {
                // The bytes received so far are still stored.
                let _ = pieces.send(ReceivedPiece::Data(batch)).await;
                return Err(frame.err().unwrap_or_else(|| Stopped::Because(incomplete())));
            }
        };
        let is_last = data.is_none();
        if let Some(data) = data {
            total += data.len() as u64;
            credit.arrived(waited, data.len() as u64, MIN_UPLOAD_BYTES_PER_SECOND);
            if most.is_some_and(|most| total > most) {
                let message = match is_part {
                    true => "The request's body is longer than its Content-Range".into(),
                    false => format!("An attachment is too long: {total} bytes were received"),
                };
                return Err(Stopped::Because(ApiError::TooLarge { field: None, message }));
            }
            // Copied, because a frame that is kept would keep the whole read buffer in memory.
            batch.extend_from_slice(&data);
        }
        if is_last && is_part && most != Some(total) {
            let _ = pieces.send(ReceivedPiece::Data(batch)).await;
            return Err(Stopped::Because(incomplete()));
        }
        if batch.len() >= BATCH_BYTES || is_last || since_batch.elapsed() >= COUNT_EVERY {
            since_batch = Instant::now();
            pieces.send(ReceivedPiece::Data(batch)).await.map_err(|_| Stopped::Taker)?;
            if is_last {
                return pieces.send(ReceivedPiece::End).await.map_err(|_| Stopped::Taker);
            }
            batch = empty.recv().await.ok_or(Stopped::Taker)?;
        }
    }
}

/// Writes the received data until the channel ends. If the connection is lost, the whole chunks are kept
/// and no answer is sent. Runs as its own task, so that a disconnect does not cancel it.
async fn write(
    app: Arc<App>,
    target: UploadTarget,
    (begun, right): (Begun, UploadRight),
    turn: Turn,
    (mut arriving, emptied): (mpsc::Receiver<ReceivedPiece>, mpsc::Sender<Vec<u8>>),
) -> Result<Option<UploadProgress>, ApiError> {
    for _ in 0..BATCHES {
        let _ = emptied.try_send(Vec::with_capacity(ROOM_BYTES));
    }
    let opener = Arc::clone(&app);
    let open = move || AttachmentUpload::open(&opener.store, &*opener.random, target, right, begun);
    let mut upload = blocking(open).await??;
    let mut counted_at = Instant::now();
    while let Some(piece) = arriving.recv().await {
        let mut batch = match piece {
            ReceivedPiece::Data(batch) => batch,
            ReceivedPiece::End => {
                if upload.total().is_none() {
                    check_length(upload.received(), app.rules.attachments, "Content-Length")?;
                }
                upload.end();
                let state =
                    blocking(move || count(&app, &mut upload, ReceivedCount::All)).await??;
                drop(turn);
                return Ok(Some(state));
            }
        };
        let is_time = counted_at.elapsed() >= COUNT_EVERY;
        let (writer, emptied) = (Arc::clone(&app), emptied.clone());
        let work = move || {
            upload.write(&batch, writer.clock.now())?;
            batch.clear();
            let _ = emptied.try_send(batch);
            let more = upload.received().saturating_sub(upload.counted());
            let is_due = upload.has_more_chunks() && (is_time || more >= COUNT_EVERY_BYTES);
            if is_due {
                count(&writer, &mut upload, ReceivedCount::Chunks)?;
            }
            Ok::<_, AttachmentError>((upload, is_due))
        };
        let was_counted;
        (upload, was_counted) = blocking(work).await??;
        if was_counted {
            counted_at = Instant::now();
        }
    }
    if upload.has_more_chunks() {
        blocking(move || count(&app, &mut upload, ReceivedCount::Chunks)).await??;
    }
    Ok(None)
}

/// Records the number of received bytes. Blocks.
fn count(
    app: &App,
    upload: &mut AttachmentUpload,
    count: ReceivedCount,
) -> Result<UploadProgress, AttachmentError> {
    let (random, limits, now) = (&*app.random, app.rules.attachments, app.clock.now());
    upload.store(count, random, limits, now, app.rules.keep_log_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_have_one_form() {
        let part = |from, bytes, total| Some(ContentRange { from, bytes, total });
        for (text, expected) in [
            ("bytes 0-99/200", part(0, 100, 200)),
            ("Bytes 100-199/200", part(100, 100, 200)),
            ("bytes 0-0/1", part(0, 1, 1)),
            ("bytes 0-200/200", None),
            ("bytes 5-4/200", None),
            ("bytes 0-99/*", None),
            ("bytes */200", None),
            ("bytes=0-99/200", None),
            ("bytes +0-99/200", None),
            ("lines 0-99/200", None),
            ("bytes 0-99", None),
            ("bytes -/1", None),
            ("bytes 0-99999999999999999999/200", None),
        ] {
            assert_eq!(ContentRange::parse(text), expected, "{text}");
        }
    }
}
