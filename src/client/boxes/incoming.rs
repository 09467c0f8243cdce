//! Reading a box: its list page by page, and the content of each message, opened here with the private key,
//! or by the server with the passphrase.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use ureq::{
    Body,
    http::{Response, StatusCode},
};
use zeroize::Zeroizing;

use super::{BoxAccess, BoxClient, BoxClientError, BoxTerms};
use crate::{
    client::{
        ClientError, Watch,
        resumed::{self, Resumed},
        server::{Again, in_path},
    },
    crypto::{
        BoxKey, EnvelopeError, EnvelopeReader, MessageKey, Random, SecretText, contents::safe_name,
        envelope, without_line_ends,
    },
};

/// The number of messages in a page.
const PAGE: u64 = 20;
/// The longest text that is opened: a few kilobytes can decompress to gigabytes of zeros.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// The longest name of a file, with its other metadata.
const MAX_ABOUT_BYTES: u64 = 16 << 10;

/// A message in the list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IncomingMessage {
    /// Its number in the box, from 1.
    #[serde(rename = "MessageId")]
    pub id: u64,
    #[serde(rename = "MessageData")]
    data: Option<Zeroizing<String>>,
    encryption_key: Option<String>,
    /// The hash of the plaintext. `None` if the server does not know the plaintext or its length.
    message_hash: Option<String>,
    /// When it was received, RFC 3339.
    pub created: String,
    is_file: bool,
    file_name: Option<Zeroizing<String>>,
    /// The length of the plaintext, or of the stored bytes if the server does not know the plaintext.
    pub size: u64,
    temporary_download_id: Option<String>,
}

impl IncomingMessage {
    /// The sealed form of a text, with its sealed key: JSON, by the names of the Key Service. `None` for a
    /// file, and for a text that the server opened.
    #[must_use]
    pub fn sealed_text(&self) -> Option<String> {
        let (data, key) = (self.data.as_deref()?, self.encryption_key.as_deref()?);
        let sealed = serde_json::json!({
            "MessageId": self.id,
            "Created": self.created,
            "EncryptionKey": key,
            "MessageData": data,
        });
        Some(sealed.to_string())
    }

    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.is_file
    }
}

/// The content of a message.
pub enum IncomingContent {
    /// A text.
    Text(SecretText),
    /// A file, which is downloaded separately.
    File(StoredFile),
}

/// A file in a box.
pub struct StoredFile {
    /// Its name, which is a safe file name.
    pub name: String,
    /// The key that seals it, if it is opened here.
    key: Option<MessageKey>,
}

/// Reads one box.
pub struct IncomingMessages<'a> {
    drop_box: BoxClient<'a>,
    access: BoxAccess,
    key: Option<BoxKey>,
    /// The number of messages in a page.
    page: u64,
    again: Again,
    /// The number of the last message that was listed.
    last: u64,
    has_more: bool,
    listed: VecDeque<IncomingMessage>,
    random: &'a dyn Random,
    watch: &'a dyn Watch,
}

impl<'a> IncomingMessages<'a> {
    /// Reads messages with numbers above `since`; opens them here if there is a `key`.
    #[must_use]
    pub fn new(
        drop_box: BoxClient<'a>,
        terms: &BoxTerms,
        (access, key): (BoxAccess, Option<BoxKey>),
        since: u64,
        random: &'a dyn Random,
        watch: &'a dyn Watch,
    ) -> Self {
        // Such a box deletes messages when they are listed, and the tickets of its last page are not issued
        // again: so it lists only as many as are processed at once.
        let (page, again) = match terms.delete_messages || terms.delete_box {
            true => (1, Again::IfNothingWasDone),
            false => (PAGE, Again::Harmless),
        };
        Self {
            drop_box,
            access,
            key,
            page,
            again,
            last: since,
            has_more: true,
            listed: VecDeque::new(),
            random,
            watch,
        }
    }

    /// Sets another passphrase after a wrong one.
    pub fn set_access(&mut self, access: BoxAccess) {
        self.access = access;
    }

    /// Requests no more messages. Messages that were already listed are still returned, since the server
    /// may have deleted them.
    pub fn stop(&mut self) {
        self.has_more = false;
    }

    /// The next message, oldest first.
    ///
    /// # Errors
    ///
    /// [`BoxClientError`], if a page cannot be fetched.
    pub fn next_message(&mut self) -> Result<Option<IncomingMessage>, BoxClientError> {
        if self.listed.is_empty() && self.has_more {
            let before = self.last;
            let found = self.list(before, self.page);
            let found = match found {
                // The box was deleted with the last message of the page before.
                Err(BoxClientError::Gone)
                    if self.again == Again::IfNothingWasDone && before > 0 =>
                {
                    Vec::new()
                }
                found => found?,
            };
            self.has_more = found.len() as u64 >= self.page;
            self.listed.extend(found);
        }
        Ok(self.listed.pop_front())
    }

    fn list(&mut self, since: u64, limit: u64) -> Result<Vec<IncomingMessage>, BoxClientError> {
        let BoxClient { server, .. } = self.drop_box;
        let path = format!("Service?since={since}&limit={limit}");
        let found: Vec<IncomingMessage> = server.patiently(self.again, self.watch, || {
            let answer = self.drop_box.call("GET", &path, &self.access)?;
            match answer.status() {
                StatusCode::NOT_MODIFIED => Ok(Vec::new()),
                _ => server.read_json(answer),
            }
        })?;
        if let Some(newest) = found.iter().map(|message| message.id).max() {
            self.last = self.last.max(newest);
        }
        Ok(found)
    }

    /// The content of a message.
    ///
    /// # Errors
    ///
    /// [`ClientError::Damaged`] if it does not open.
    pub fn content(&self, message: &IncomingMessage) -> Result<IncomingContent, ClientError> {
        let not_here = || {
            ClientError::Damaged(
                "the server cannot open it: it was sealed in another format, or is damaged".into(),
            )
        };
        let Some(box_key) = &self.key else {
            if message.encryption_key.is_some() {
                return Err(not_here());
            }
            if message.is_file {
                let name = safe_name(message.file_name.as_deref().map_or("", String::as_str));
                return Ok(IncomingContent::File(StoredFile { name, key: None }));
            }
            let text = message.data.as_deref().ok_or_else(not_here)?;
            return Ok(IncomingContent::Text(SecretText::new(text.clone())));
        };
        let other = || {
            ClientError::Damaged(
                "it does not open: it was sealed for another key or in another format, or is damaged"
                    .into(),
            )
        };
        let wrapped = message.encryption_key.as_deref().unwrap_or_default();
        let wrapped = STANDARD.decode(&*without_line_ends(wrapped)).map_err(|_| other())?;
        let key = box_key.open_message_key(&wrapped, self.random).map_err(|_| other())?;
        if message.is_file {
            let stored = message.file_name.as_deref().map_or("", String::as_str);
            let name = opened_name(&key, stored).unwrap_or_else(|| safe_name(stored));
            return Ok(IncomingContent::File(StoredFile { name, key: Some(key) }));
        }
        let sealed = message.data.as_deref().map_or("", String::as_str);
        let sealed = STANDARD.decode(&*without_line_ends(sealed)).map_err(|_| other())?;
        let plain = envelope::open(&key, &sealed, MAX_TEXT_BYTES).map_err(damage)?;
        let text = std::str::from_utf8(plain.expose_secret()).map_err(|_| other())?;
        Ok(IncomingContent::Text(SecretText::new(text.to_owned())))
    }

    /// A reader of the plaintext of a file. Only its end shows that the file is complete. The caller must
    /// limit the length: a few kilobytes can decompress to gigabytes.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; [`cause`] converts the errors of reading.
    pub fn file<'r>(
        &'r mut self,
        message: &IncomingMessage,
        file: &StoredFile,
    ) -> Result<Box<dyn Read + 'r>, ClientError> {
        let Self { watch, drop_box: BoxClient { server, .. }, .. } = *self;
        let (id, size) = (message.id, message.size);
        let mut ticket = message.temporary_download_id.clone();
        let is_known = file.key.is_none() && message.message_hash.is_some();
        let stored = Resumed {
            server,
            connect: move |at| self.fetch(id, &mut ticket, at),
            at: 0,
            total: is_known.then_some(size),
            body: None,
            moved: Box::new(move |at, total| watch.moved(at, total.unwrap_or(size).max(at))),
            watch,
        };
        match &file.key {
            None => Ok(Box::new(stored)),
            Some(key) => Ok(Box::new(EnvelopeReader::new(stored, key, None).map_err(cause)?)),
        }
    }

    /// Requests a file from byte `at`. Without a `ticket`, it requests one first.
    fn fetch(
        &mut self,
        id: u64,
        ticket: &mut Option<String>,
        at: u64,
    ) -> Result<Response<Body>, ClientError> {
        let is_fresh = ticket.is_none();
        let lent = match ticket.take() {
            Some(ticket) => ticket,
            None => self.ticket_again(id)?,
        };
        let server = self.drop_box.server;
        let request = server.request("GET", &format!("Service/File/{}", in_path(&lent)));
        match server.run(server.built(resumed::from(request, at), ())?) {
            // A ticket expires, and other files of the same page were fetched first.
            Err(ClientError::Rejected { status: 400, message, .. })
                if !is_fresh && message.starts_with("There is no file to be fetched") =>
            {
                self.fetch(id, ticket, at)
            }
            // The server has not yet detected that the previous connection broke.
            Err(ClientError::Rejected { status: 400, message, .. })
                if message.starts_with("This file is being fetched") =>
            {
                *ticket = Some(lent);
                Err(ClientError::Busy { message, retry_after: None })
            }
            answer => {
                *ticket = Some(lent);
                answer
            }
        }
    }

    /// A new ticket for a file whose ticket has expired.
    fn ticket_again(&mut self, id: u64) -> Result<String, ClientError> {
        let gone = || ClientError::Damaged("the server no longer sends the file".into());
        let before = self.last;
        let found = match self.list(id.saturating_sub(1), 1) {
            Ok(found) => found,
            Err(BoxClientError::Other(error)) => return Err(error),
            Err(_) => return Err(gone()),
        };
        for message in found {
            if message.id == id {
                return message.temporary_download_id.ok_or_else(gone);
            }
            // The file is gone. Listing may have deleted the messages after it, so they are kept.
            if message.id > before {
                self.listed.push_back(message);
            }
        }
        Err(gone())
    }
}

/// Converts an error of reading a file.
#[must_use]
pub fn cause(error: io::Error) -> ClientError {
    match EnvelopeError::of(&error) {
        Some(error) => damage(error),
        None => error.downcast().unwrap_or_else(|cause| ClientError::File {
            what: "a file cannot be opened".into(),
            cause,
        }),
    }
}

fn damage(error: EnvelopeError) -> ClientError {
    ClientError::Damaged(match error {
        EnvelopeError::Damaged => "it is damaged or incomplete".into(),
        EnvelopeError::TooLong => "it is longer than allowed".into(),
    })
}

fn opened_name(key: &MessageKey, stored: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct IncomingHead {
        name: String,
    }
    let sealed = STANDARD.decode(&*without_line_ends(stored)).ok()?;
    let about = envelope::open(key, &sealed, MAX_ABOUT_BYTES).ok()?;
    let IncomingHead { name } = serde_json::from_slice(about.expose_secret()).ok()?;
    Some(safe_name(&name))
}
