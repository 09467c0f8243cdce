//! Lists a box: messages are opened in parallel and returned in order, in pieces.

use std::{collections::VecDeque, sync::Arc, thread};

use hyper::{Response, StatusCode, header::CONTENT_TYPE};
use tokio::task::JoinHandle;

use super::{
    access::{BoxReader, authenticate, find},
    error::ServiceError,
    input::{
        names::{LIMIT, OFFSET, SINCE},
        parameters::Parameters,
    },
    output::{
        format::Format,
        item::{MessageHead, MessageTail},
        message_list::MessageListWriter,
    },
    tickets::{FileSource, Hold, Ticket},
};
use crate::{
    api::{ApiError, App, Client, load::work::blocking},
    crypto::{BoxKey, SecretBytes},
    domain::{
        drop_box::{
            self, BoxError,
            message::{
                self, BoxMessage, DeliveredMessages, MessageContent,
                opening::{self, OpenedMessage, ShownBody, ShownText},
            },
        },
        numbers::{BoxId, MessageId},
    },
    http::response::{self, Body, Feed, HungUp},
    store::FoundPayload,
};

/// How many messages one change reads, and burns if the terms require that. Each may hold a file open, and
/// burned messages are lost if the client disconnects.
const BATCH: usize = 8;
/// How many messages are listed at once if the box is deleted with the last one: that is one change.
const LAST_BATCH: usize = 64;
/// The approximate size of the pieces of an answer.
const PIECE_BYTES: usize = 64 << 10;

/// A request to read a box.
struct Reading {
    client: Client,
    id: BoxId,
    /// The private key, if the server decrypts the messages.
    key: Option<Arc<BoxKey>>,
    /// The messages that have not been read yet.
    ids: VecDeque<MessageId>,
    /// How many messages one change reads.
    batch: usize,
}

/// `GET /Service`.
pub(super) async fn list(
    app: &Arc<App>,
    format: Format,
    client: Client,
    parameters: &Parameters,
) -> Result<Response<Body>, ServiceError> {
    let (offset, limit, since) =
        (parameters.number(OFFSET)?, parameters.number(LIMIT)?, parameters.number(SINCE)?);
    if limit == Some(0) {
        return Err(ServiceError::parameter(LIMIT, "must be at least 1"));
    }
    let (id, drop_box) = find(app, parameters).await?;
    let key = match authenticate(app, client, (id, &drop_box), parameters).await? {
        BoxReader::Open(key) => Some(key),
        BoxReader::Sealed => None,
    };
    drop_box.check_reading(app.clock.now())?;
    let offset = usize::try_from(offset.unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = usize::try_from(limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let box_may_go = drop_box.terms.delete_box_after_reading;
    let (batch, limit) =
        if box_may_go { (LAST_BATCH, limit.min(LAST_BATCH)) } else { (BATCH, limit) };
    let store = app.store.clone();
    let found = blocking(move || {
        let after = since.unwrap_or(0);
        let mut ids = VecDeque::new();
        let mut skipped = 0;
        for message in message::ids(&store, id) {
            let message = message?;
            if u64::from(message.0) <= after {
                continue;
            }
            if ids.len() == limit {
                break;
            }
            if skipped < offset {
                skipped += 1;
            } else {
                ids.push_back(message);
            }
        }
        let files = if box_may_go { message::files_among(&store, id, &ids)? } else { 0 };
        Ok::<_, ServiceError>((ids, files))
    });
    let (ids, files) = found.await??;
    // The last read of such a box keeps its files open, so their permits are needed before it.
    let hold = match files {
        0 => None,
        files => Some(app.key_service.tickets.hold(files).ok_or(ServiceError::Busy)?),
    };
    let mut reading = Reading { client, id, key, ids, batch };
    // The first messages are read before the answer begins, so that errors can still set its status.
    let Some(first) = reading.next_batch(app).await? else {
        return Ok(response::empty(StatusCode::NOT_MODIFIED));
    };
    let (feed, body) = Body::stream(None);
    let app = Arc::clone(app);
    tokio::spawn(async move {
        match answer(&app, format, reading, (first, hold), feed).await {
            Ok(()) => {}
            Err(ListFailure::HungUp) => {
                tracing::debug!("the client that reads a box has disconnected")
            }
            Err(ListFailure::Failed(error)) => {
                tracing::error!(?error, "cannot send a list of messages completely")
            }
        }
    });
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, format.content_type());
    Ok(response)
}

impl Reading {
    /// The next messages that still exist; `None` after the last.
    async fn next_batch(
        &mut self,
        app: &Arc<App>,
    ) -> Result<Option<DeliveredMessages>, ServiceError> {
        loop {
            let ids: Vec<_> = self.ids.drain(..self.ids.len().min(self.batch)).collect();
            if ids.is_empty() {
                return Ok(None);
            }
            let (id, now, store) = (self.id, app.clock.now(), app.store.clone());
            // Runs on a blocking thread, so that a disconnect cannot leave a box partly burned.
            let read = move || {
                let read = store.change(message::read(id, ids, now)).wait()?;
                if read.box_is_gone {
                    drop_box::burn(&store, id.number)?;
                }
                Ok::<_, BoxError>(read)
            };
            let read = blocking(read).await??;
            if read.box_is_gone {
                self.ids.clear();
            }
            if !read.messages.is_empty() {
                return Ok(Some(read));
            }
        }
    }
}

/// The reason why an answer was not completed.
enum ListFailure {
    HungUp,
    Failed(ServiceError),
}

impl From<HungUp> for ListFailure {
    fn from(_: HungUp) -> Self {
        Self::HungUp
    }
}

impl From<ServiceError> for ListFailure {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl From<ApiError> for ListFailure {
    fn from(error: ApiError) -> Self {
        Self::Failed(error.into())
    }
}

async fn answer(
    app: &Arc<App>,
    format: Format,
    mut reading: Reading,
    (first, mut hold): (DeliveredMessages, Option<Hold>),
    feed: Feed,
) -> Result<(), ListFailure> {
    let mut page = MessageListAnswer::new(format, feed);
    let mut batch = Some(first);
    while let Some(delivered) = batch {
        let hold = hold.take().filter(|_| delivered.box_is_gone);
        let mut opening = Opening::new(app, &reading, delivered, hold);
        while let Some(message) = opening.next().await? {
            page.write(message).await?;
        }
        batch = match reading.next_batch(app).await {
            // The box was deleted in the meantime, so the list ends here.
            Err(ServiceError::NoBox) => None,
            more => more?,
        };
    }
    page.end().await
}

/// A message, ready to be written.
struct ReadyMessage {
    id: MessageId,
    message: BoxMessage,
    encryption_key: Option<String>,
    body: ReadyBody,
}

enum ReadyBody {
    /// The text with its first piece already read; most texts have only one.
    Text(Option<SecretBytes>, ShownText),
    File {
        name: String,
        sha256: Option<String>,
        ticket: String,
    },
}

/// Opens messages ahead of the writer, several in parallel.
struct Opening<'a> {
    app: &'a Arc<App>,
    client: Client,
    id: BoxId,
    key: Option<Arc<BoxKey>>,
    /// If the box is deleted by this read: the permit to keep its files open.
    hold: Option<Hold>,
    waiting: std::vec::IntoIter<(MessageId, BoxMessage, FoundPayload)>,
    under_way: VecDeque<JoinHandle<Result<ReadyMessage, ServiceError>>>,
    most_under_way: usize,
}

impl<'a> Opening<'a> {
    fn new(
        app: &'a Arc<App>,
        reading: &Reading,
        delivered: DeliveredMessages,
        hold: Option<Hold>,
    ) -> Self {
        Self {
            app,
            client: reading.client,
            id: reading.id,
            key: reading.key.clone(),
            hold,
            waiting: delivered.messages.into_iter(),
            under_way: VecDeque::new(),
            most_under_way: thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The next message, in order.
    async fn next(&mut self) -> Result<Option<ReadyMessage>, ServiceError> {
        while self.under_way.len() < self.most_under_way
            && let Some((message_id, message, payload)) = self.waiting.next()
        {
            let (app, id, key) = (Arc::clone(self.app), self.id, self.key.clone());
            let client = self.client.net();
            let hold = self.hold.as_mut().filter(|_| message.is_file).and_then(Hold::one);
            self.under_way.push_back(tokio::spawn(async move {
                let slow = Arc::clone(&app);
                let is_slow = key.is_some();
                let work = move || {
                    let content = MessageContent::open(id, payload)?;
                    ready(&app, (id, key.as_deref()), (message_id, message), content, hold)
                };
                match is_slow {
                    true => {
                        slow.load.slow_work.messages.later_turn(client).await?.run(work).await?
                    }
                    false => blocking(work).await?,
                }
            }));
        }
        let Some(first) = self.under_way.pop_front() else { return Ok(None) };
        first.await.unwrap_or(Err(ServiceError::Internal)).map(Some)
    }
}

/// Opens one message and reads its first piece. Blocks.
fn ready(
    app: &App,
    (drop_box, key): (BoxId, Option<&BoxKey>),
    (id, message): (MessageId, BoxMessage),
    content: MessageContent,
    hold: Option<Hold>,
) -> Result<ReadyMessage, ServiceError> {
    let shown = match key {
        Some(key) => {
            let limit = app.key_service.rules.max_upload;
            opening::open(&message, content, key, limit, &*app.random)
        }
        None => opening::as_stored(&message, content),
    };
    let OpenedMessage { encryption_key, body } = shown?;
    let body = match body {
        ShownBody::Text(mut text) => ReadyBody::Text(text.next_piece()?, text),
        ShownBody::File { name, bytes, sha256, key, content } => {
            let source = match hold {
                Some(hold) => FileSource::Held(content, hold),
                None => FileSource::InBox(drop_box, id),
            };
            let ticket = Ticket {
                drop_box: drop_box.number,
                source,
                key,
                sealed_by: message.sealed_by,
                file_name: name.clone(),
                bytes,
                taken: 0,
            };
            let ticket = app.key_service.tickets.issue(ticket, &*app.random, app.clock.monotonic());
            ReadyBody::File { name, sha256, ticket }
        }
    };
    Ok(ReadyMessage { id, message, encryption_key, body })
}

/// The answer, while it is written and sent.
struct MessageListAnswer {
    writer: MessageListWriter,
    out: Vec<u8>,
    feed: Feed,
}

impl MessageListAnswer {
    fn new(format: Format, feed: Feed) -> Self {
        let writer = MessageListWriter::new(format);
        let mut out = Vec::with_capacity(2 * PIECE_BYTES);
        writer.begin(&mut out);
        Self { writer, out, feed }
    }

    async fn write(&mut self, ready: ReadyMessage) -> Result<(), ListFailure> {
        let ReadyMessage { id, message, encryption_key, body } = ready;
        let has_data = matches!(body, ReadyBody::Text(..));
        let encryption_key = encryption_key.as_deref();
        let head = MessageHead { message_id: id.0.into(), encryption_key, has_data };
        self.writer.open(&head, &mut self.out);
        let mut tail = MessageTail {
            created: message.created_at,
            message_hash: None,
            is_file: message.is_file,
            file_name: None,
            size: message.size,
            temporary_download_id: None,
        };
        match body {
            ReadyBody::File { name, sha256, ticket } => {
                tail.file_name = Some(&name);
                tail.message_hash = sha256.as_deref();
                tail.temporary_download_id = Some(&ticket);
                self.writer.close(&tail, &mut self.out);
            }
            ReadyBody::Text(mut piece, mut text) => {
                while let Some(bytes) = piece {
                    self.writer.data(bytes.expose_secret(), &mut self.out);
                    self.send_if_long().await?;
                    if text.is_at_end() {
                        break;
                    }
                    (piece, text) = blocking(move || {
                        let piece = text.next_piece();
                        piece.map(|piece| (piece, text))
                    })
                    .await?
                    .map_err(ServiceError::from)?;
                }
                let plaintext = text.plaintext();
                if let Some((bytes, hash)) = &plaintext {
                    tail.size = *bytes;
                    tail.message_hash = Some(hash);
                }
                self.writer.close(&tail, &mut self.out);
            }
        }
        self.send_if_long().await
    }

    async fn send_if_long(&mut self) -> Result<(), ListFailure> {
        if self.out.len() >= PIECE_BYTES {
            let piece = std::mem::replace(&mut self.out, Vec::with_capacity(2 * PIECE_BYTES));
            self.feed.send(piece).await?;
        }
        Ok(())
    }

    async fn end(mut self) -> Result<(), ListFailure> {
        self.writer.end(&mut self.out);
        self.feed.send(self.out).await?;
        Ok(self.feed.finish().await?)
    }
}
