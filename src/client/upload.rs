//! Uploads the files of a draft, continues after a broken connection, and publishes the secret:
//! `docs/secrets-api.md`, "Attachments".

use std::{fs::File, io::Read};

use serde::Deserialize;
use ureq::{SendBody, http::HeaderMap};

use super::{
    counted::Counted,
    error::ClientError,
    handover::SourceFile,
    secrets::ApiAnswer,
    server::{Again, ServerClient, Watch, in_path},
};
use crate::crypto::{
    FileSealer, MessageKey, Random, SecretText,
    stream::{PREFIX_BYTES, SEALED_CHUNK_BYTES},
};

/// The chunks of a slice, for proxies that limit bodies: they stay below 1 MiB, which is nginx's default
/// limit.
const SLICE_CHUNKS: u64 = 15;

/// The start of the server's message about a file that is longer than allowed; proxies have other messages.
const TOO_LARGE: &str = "A file is too large";

/// The answer to publishing a secret.
#[derive(Deserialize)]
pub struct PublishedDraft {
    published: bool,
    /// When it expires, RFC 3339; `None` if it does not expire.
    pub expires_at: Option<String>,
}

/// Uploads `files`, each under its key, and publishes the draft. Deletes the draft if that fails.
///
/// # Errors
///
/// [`ClientError`] of the failed step.
pub fn run(
    server: &ServerClient,
    id: &str,
    token: &SecretText,
    files: Vec<(SourceFile, MessageKey)>,
    random: &dyn Random,
    watch: &dyn Watch,
) -> Result<PublishedDraft, ClientError> {
    let path = format!("api/secrets/{}", in_path(id));
    let draft = SecretDraft { server, path, token, watch };
    draft.send(files, random).map_err(|error| match error {
        ClientError::Gone => ClientError::Failed {
            status: 404,
            message: "the secret has expired before all of its files were uploaded; send it again"
                .into(),
        },
        error => {
            draft.drop();
            error
        }
    })
}

struct SecretDraft<'a> {
    server: &'a ServerClient,
    path: String,
    token: &'a SecretText,
    watch: &'a dyn Watch,
}

impl SecretDraft<'_> {
    fn send(
        &self,
        files: Vec<(SourceFile, MessageKey)>,
        random: &dyn Random,
    ) -> Result<PublishedDraft, ClientError> {
        let mut files: Vec<Sending> = (1..)
            .zip(files)
            .map(|(n, (source, key))| Sending {
                path: format!("{}/attachments/{n}", self.path),
                name: source.name,
                sealer: FileSealer::new(source.file, source.size, &key, random),
            })
            .collect();
        let total = files.iter().map(|file| file.sealer.sealed_len()).sum();
        let mut done = 0;
        for file in &mut files {
            self.send_file(file, done, total)?;
            done += file.sealer.sealed_len();
        }
        self.publish()
    }

    /// Uploads one file; `done` of `total` bytes were sent before it.
    fn send_file(&self, file: &mut Sending, done: u64, total: u64) -> Result<(), ClientError> {
        let length = file.sealer.sealed_len();
        let mut is_sliced = false;
        let mut at = 0;
        while at < length {
            let mut has_failed = false;
            let sent = self.server.patiently(Again::Harmless, self.watch, || {
                if has_failed {
                    let stored = self.stored(file)?;
                    // Some bytes were stored: this is progress, so the retries start again.
                    if stored != at {
                        return Ok(stored);
                    }
                }
                has_failed = true;
                let to = if is_sliced { slice_end(at, length) } else { length };
                self.put(file, (at, to), (done, total))?;
                Ok(to)
            });
            at = match sent {
                // The server refuses the file, so a part of it is refused, too.
                Err(ClientError::Rejected { status: 413, field, message })
                    if message.starts_with(TOO_LARGE) =>
                {
                    let message = format!("{}: {message}", file.name);
                    return Err(ClientError::Rejected { status: 413, field, message });
                }
                // A proxy refuses the length of the body.
                Err(ClientError::Rejected { status: 413, .. }) if !is_sliced => {
                    is_sliced = true;
                    at
                }
                sent => sent?,
            };
        }
        Ok(())
    }

    fn put(
        &self,
        file: &mut Sending,
        (from, to): (u64, u64),
        (done, total): (u64, u64),
    ) -> Result<(), ClientError> {
        let length = file.sealer.sealed_len();
        let request = self
            .server
            .request("PUT", &file.path)
            .header("Upload-Token", self.token.expose_secret())
            .header("Content-Type", "application/octet-stream")
            .header("Content-Length", to - from)
            // The server can refuse the body before it is sent: otherwise the connection would break, and
            // the reason would be lost.
            .header("Expect", "100-continue")
            .header("Content-Range", format!("bytes {from}-{}/{length}", to - 1));
        let mut part = Counted {
            inner: file.sealer.read_from(from).take(to - from),
            left: to - from,
            done: done + from,
            total,
            watch: self.watch,
            failed: None,
        };
        let sent = self.server.run(self.server.built(request, SendBody::from_reader(&mut part))?);
        if let Some(cause) = part.failed {
            return Err(ClientError::File { what: file.name.clone(), cause });
        }
        match sent {
            // Two meanings: the upload continues at another position, or the server has not yet detected
            // that the previous connection broke.
            Err(ClientError::Rejected { status: 409, message, .. }) => {
                Err(ClientError::Busy { message, retry_after: None })
            }
            sent => sent.map(drop),
        }
    }

    /// The number of bytes of a file that the server has stored.
    fn stored(&self, file: &Sending) -> Result<u64, ClientError> {
        let request = self.server.request("HEAD", &file.path);
        let request = request.header("Upload-Token", self.token.expose_secret());
        let answer = self.server.run(self.server.built(request, ())?)?;
        let length = file.sealer.sealed_len();
        if told(answer.headers(), "Upload-Complete").is_some_and(|complete| complete == "true") {
            return Ok(length);
        }
        let stored = told(answer.headers(), "Upload-Offset").and_then(|offset| offset.parse().ok());
        stored.filter(|stored| *stored <= length).ok_or_else(|| {
            self.server.misunderstood("it does not report how much of a file it has")
        })
    }

    fn publish(&self) -> Result<PublishedDraft, ClientError> {
        let path = format!("{}/publish", self.path);
        let request = || {
            let request = self.server.request("POST", &path);
            request.header("Upload-Token", self.token.expose_secret())
        };
        let published: ApiAnswer<PublishedDraft> =
            self.server.json(request, None::<&()>, Again::Harmless, self.watch)?;
        match published.data.published {
            true => Ok(published.data),
            false => {
                Err(self.server.misunderstood("it has all files, but does not publish the secret"))
            }
        }
    }

    /// The draft would also expire, so one attempt is enough.
    fn drop(&self) {
        let request = self.server.request("DELETE", &format!("{}/draft", self.path));
        let request = request.header("Upload-Token", self.token.expose_secret());
        if let Ok(request) = self.server.built(request, ()) {
            let _ = self.server.run(request);
        }
    }
}

struct Sending {
    path: String,
    name: String,
    sealer: FileSealer<File>,
}

/// The end of a slice from `at`, at a chunk boundary, so that no chunk is sealed twice.
fn slice_end(at: u64, length: u64) -> u64 {
    let (prefix, chunk) = (PREFIX_BYTES as u64, SEALED_CHUNK_BYTES as u64);
    let number = at.saturating_sub(prefix) / chunk;
    length.min(prefix + (number + SLICE_CHUNKS) * chunk)
}

fn told<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
