//! Sends a file of a box to the holder of a ticket.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{
        ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue,
    },
};
use tokio::time::{Instant, timeout_at};

use super::{
    KeyService, disposition,
    error::ServiceError,
    tickets::{FileSource, Lent, TicketError},
};
use crate::{
    api::{
        App,
        load::work::{blocking, start},
    },
    domain::drop_box::{
        self,
        message::{
            self, MessageContent,
            opening::{FileReader, file_reader},
        },
    },
    http::{
        range::ByteRange,
        response::{Body, Feed, empty},
    },
};

/// The size of the pieces of a file in an answer.
const PIECE_BYTES: usize = 128 << 10;

/// How long a request waits for a file that is being fetched.
const PATIENCE: Duration = Duration::from_millis(500);

/// `GET /Service/File/<id>`.
pub(super) async fn fetch(
    app: &Arc<App>,
    ticket_id: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ServiceError> {
    let lent = lend(app, ticket_id).await?;
    let bytes = lent.ticket().bytes;
    let Ok(part) = ByteRange::asked(headers, bytes) else {
        return Ok(not_satisfiable(bytes.unwrap_or(0)));
    };
    let opener = Arc::clone(app);
    // Runs on a blocking thread, so that a disconnect does not cancel it and lose a burned file.
    let (reader, lent, disposition) = blocking(move || open(&opener, lent)).await??;
    let (feed, body) = Body::stream(part.bytes());
    tokio::spawn(hand_out(reader, part, lent, feed));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_DISPOSITION, disposition);
    if bytes.is_some() {
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if let Some(range) = part.content_range() {
        headers.insert(CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// Opens the file of a ticket, and burns it if the box's terms require that. Blocks.
fn open(app: &App, lent: Lent) -> Result<(FileReader, Lent, HeaderValue), ServiceError> {
    let KeyService { tickets, rules, .. } = &app.key_service;
    let mut ticket = lent.ticket();
    let unburned = match ticket.source {
        FileSource::InBox(id, message_id) => {
            // The permit is needed before the file is burned.
            let burns = drop_box::find(&app.store, id)?.terms.delete_messages_after_reading;
            let hold = match burns {
                true => Some(tickets.hold(1).ok_or(ServiceError::Busy)?),
                false => None,
            };
            let fetched = app.store.change(message::fetch(id, message_id)).wait()?;
            let payload = fetched.ok_or(TicketError::Unknown)?;
            let content = MessageContent::open(id, payload)?;
            match hold {
                Some(hold) => {
                    ticket.source = FileSource::Held(content, hold);
                    None
                }
                None => Some(content),
            }
        }
        FileSource::Held(..) => None,
    };
    let content = match (&unburned, &ticket.source) {
        (Some(content), _) | (None, FileSource::Held(content, _)) => content,
        (None, FileSource::InBox(..)) => return Err(ServiceError::Internal),
    };
    let key = ticket.key.as_ref();
    let reader = file_reader(content, ticket.sealed_by, key, rules.max_upload)?;
    let disposition = disposition::attachment(&ticket.file_name);
    drop(ticket);
    Ok((reader, lent, disposition))
}

/// Lends the ticket out. The server notices the end of an attempt a moment after the client has the last
/// byte, so a client that requests the next range immediately waits for that.
async fn lend(app: &App, ticket_id: &str) -> Result<Lent, TicketError> {
    let tickets = &app.key_service.tickets;
    let until = Instant::now() + PATIENCE;
    loop {
        let returned = tickets.returned();
        let lent = tickets.lend(ticket_id, app.clock.monotonic());
        let is_in_use = matches!(lent, Err(TicketError::InUse));
        if !is_in_use || timeout_at(until, returned).await.is_err() {
            return lent;
        }
    }
}

impl From<TicketError> for ServiceError {
    fn from(error: TicketError) -> Self {
        Self::Invalid(match error {
            TicketError::Unknown => {
                "There is no file to be fetched with this id: it is good for one download within \
                 120 seconds of reading the messages"
                    .into()
            }
            TicketError::InUse => "This file is being fetched already".into(),
        })
    }
}

/// Reads the file and sends it; records in the ticket how much was taken.
async fn hand_out(mut reader: FileReader, part: ByteRange, mut lent: Lent, mut feed: Feed) {
    let mut to_skip = part.start;
    while to_skip > 0 {
        // In pieces, because it may decompress gigabytes and the client may have disconnected.
        let skipped = start(move || reader.skip(to_skip).map(|left| (left, reader)));
        match skipped.outcome().await {
            Ok(Ok((left, back))) if !feed.is_abandoned() => (to_skip, reader) = (left, back),
            Ok(Ok(_)) => return,
            Ok(Err(error)) => {
                return tracing::warn!(%error, "cannot send a file of a box completely");
            }
            // The error is already in the log.
            Err(_) => return,
        }
    }
    let mut reader = reader.take(part.bytes().unwrap_or(u64::MAX));
    loop {
        let read = start(move || next_piece(&mut reader).map(|piece| (piece, reader)));
        let piece = match read.outcome().await {
            Ok(Ok((piece, back))) => {
                reader = back;
                piece
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot send a file of a box completely");
                break;
            }
            Err(_) => break,
        };
        let Some(piece) = piece else {
            if part.bytes().is_some_and(|bytes| feed.sent() != bytes) {
                tracing::error!("a file of a box is shorter than its recorded length");
                break;
            }
            let is_last = feed.finish().await.is_ok() && part.reaches_the_end();
            return lent.note_taken(part.start, feed.taken(), is_last);
        };
        if feed.send(piece).await.is_err() {
            break;
        }
    }
    lent.note_taken(part.start, feed.taken(), false);
}

fn next_piece(reader: &mut impl Read) -> io::Result<Option<Bytes>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    reader.take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
    Ok((!piece.is_empty()).then(|| piece.into()))
}

fn not_satisfiable(bytes: u64) -> Response<Body> {
    let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{bytes}")) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response
}
