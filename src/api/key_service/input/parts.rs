//! Reads the parts of a form (RFC 7578) in order: stores parameters and returns files.

use std::{error::Error, time::Duration};

use hyper::{
    body::{Body, Bytes},
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap},
};
use multer::{Field, Multipart};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::{
    intake::{HeadTooLong, Intake, Meter},
    names::{ENCRYPTED_MESSAGE, MESSAGE, NAMES, find},
    parameters::{ParameterSource, Parameters},
    request::BodyLimits,
};
use crate::{
    api::key_service::{
        disposition::{Disposition, without_folders},
        error::ServiceError,
    },
    http::{
        body::{Credit, MIN_BYTES_PER_SECOND, MIN_UPLOAD_BYTES_PER_SECOND, bytes_in_words},
        body_budget::Payer,
    },
};

/// The maximum number of parts in a form, and of files among them. Forms filled in by people have fewer.
const MAX_PARTS: usize = 1000;
const MAX_FILES: usize = 100;
/// Names of parts that are files even without a file name.
const FILE_NAMES: [&str; 6] =
    ["file", "files", "files[]", "encryptedfile", "encryptedfiles", "encryptedfiles[]"];
/// Names of parts with files that the sender has sealed.
const SEALED_NAMES: [&str; 4] =
    ["encryptedfile", "encryptedfiles", "encryptedfiles[]", ENCRYPTED_MESSAGE];

/// The head of a part with a file.
pub(super) struct FilePartHead {
    pub(super) name: String,
    /// If the sender has sealed the file, any text, otherwise a name without folders.
    pub(super) file_name: String,
    /// Whether the sender has sealed the file.
    pub(super) is_sealed: bool,
    pub(super) content_type: Option<String>,
    /// The first bytes, if they were already read.
    pub(super) first: Option<Bytes>,
}

/// The parts of a form.
pub(super) struct FormParts<'b> {
    /// The part that is being read.
    current: Option<Field<'b>>,
    parts: Multipart<'b>,
    meter: Meter,
    limits: BodyLimits,
    payer: Payer,
    credit: Credit,
    /// The number of bytes that have been added to the credit.
    credited: u64,
    parts_seen: usize,
    files_seen: usize,
    text_bytes: usize,
    has_share: bool,
    file_bytes: u64,
}

impl<'b> FormParts<'b> {
    pub(super) fn new<B>(
        body: &'b mut B,
        boundary: String,
        limits: BodyLimits,
        payer: Payer,
    ) -> Self
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (stream, meter) = Intake::new(body);
        Self {
            current: None,
            parts: Multipart::new(stream, boundary),
            meter,
            limits,
            payer,
            credit: Credit::default(),
            credited: 0,
            parts_seen: 0,
            files_seen: 0,
            text_bytes: 0,
            has_share: false,
            file_bytes: 0,
        }
    }

    pub(super) async fn next_file(
        &mut self,
        parameters: &mut Parameters,
    ) -> Result<Option<FilePartHead>, ServiceError> {
        while self.current.is_some() {
            self.file_chunk().await?;
        }
        while let Some(headers) = self.next_part().await? {
            let disposition = headers.get(CONTENT_DISPOSITION).map(|value| value.as_bytes());
            let Disposition { name, file_name } =
                Disposition::parse(disposition.unwrap_or_default());
            let name = name.unwrap_or_default();
            let known = find(&NAMES, name.as_bytes());
            let is_file = match (known, &file_name) {
                // A key can be sent as a file, as with `curl -F publickey=@key.pem`.
                (Some(known), Some(_)) => matches!(known, MESSAGE | ENCRYPTED_MESSAGE),
                (None, Some(_)) => true,
                (_, None) => FILE_NAMES.iter().any(|file| name.eq_ignore_ascii_case(file)),
            };
            if !is_file {
                self.read_text(known, parameters).await?;
                continue;
            }
            self.file_bytes = 0;
            let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let is_sealed = SEALED_NAMES.iter().any(|sealed| name.eq_ignore_ascii_case(sealed));
            let file_name = match file_name.unwrap_or_default() {
                // A sealed name is base64, which can contain slashes.
                file_name if is_sealed => file_name,
                file_name => without_folders(&file_name),
            };
            let mut found = FilePartHead {
                name,
                file_name,
                is_sealed,
                content_type: content_type.map(str::to_owned),
                first: None,
            };
            if found.file_name.is_empty() {
                found.first = self.file_chunk().await?;
                if found.first.is_none() {
                    // An empty file field in a browser's form.
                    continue;
                }
            }
            self.files_seen += 1;
            if self.files_seen > MAX_FILES {
                let text = format!("Too many files: {MAX_FILES} are allowed at once");
                return Err(ServiceError::TooLarge(text));
            }
            return Ok(Some(found));
        }
        Ok(None)
    }

    /// Moves to the next part and returns its headers.
    async fn next_part(&mut self) -> Result<Option<HeaderMap>, ServiceError> {
        let patience = self.patience()?;
        let since = Instant::now();
        let next = timeout(patience, self.parts.next_field()).await;
        self.arrived(since);
        let Some(field) = next.map_err(|_| ServiceError::BodyStopped)?.map_err(broken)? else {
            return Ok(None);
        };
        self.parts_seen += 1;
        if self.parts_seen > MAX_PARTS {
            let text = format!("Too many parts: {MAX_PARTS} are allowed in one body");
            return Err(ServiceError::TooLarge(text));
        }
        let headers = field.headers().clone();
        self.current = Some(field);
        Ok(Some(headers))
    }

    /// The next bytes of the current part; `None` at its end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, ServiceError> {
        loop {
            let patience = self.patience()?;
            let Some(field) = &mut self.current else { return Ok(None) };
            let since = Instant::now();
            let chunk = timeout(patience, field.chunk()).await;
            self.arrived(since);
            match chunk.map_err(|_| ServiceError::BodyStopped)?.map_err(broken)? {
                Some(chunk) if chunk.is_empty() => {}
                Some(chunk) => return Ok(Some(chunk)),
                None => self.current = None,
            }
        }
    }

    pub(super) async fn file_chunk(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let chunk = self.chunk().await?;
        self.file_bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        match self.limits.max_file {
            Some(max) if self.file_bytes > max => {
                let words = bytes_in_words(max);
                let text = format!("A file is too long: {max} bytes are allowed ({words})");
                Err(ServiceError::TooLarge(text))
            }
            _ => Ok(chunk),
        }
    }

    /// Reads a part with a parameter, or skips an unknown part.
    async fn read_text(
        &mut self,
        name: Option<&'static str>,
        parameters: &mut Parameters,
    ) -> Result<(), ServiceError> {
        let mut value = Zeroizing::new(Vec::new());
        while let Some(chunk) = self.chunk().await? {
            self.text_bytes += chunk.len();
            let max = self.limits.max_text;
            if self.text_bytes > max {
                let text = format!("The parameters are too long: {max} bytes are allowed together");
                return Err(ServiceError::TooLarge(text));
            }
            if name.is_none() {
                continue;
            }
            self.has_share = parameters.hold(&self.payer, self.text_bytes).await?;
            append(&mut value, &chunk);
        }
        match name {
            Some(name) => {
                parameters.add_bytes(name, ParameterSource::Body, std::mem::take(&mut *value))
            }
            None => Ok(()),
        }
    }

    fn patience(&self) -> Result<Duration, ServiceError> {
        self.credit.patience().ok_or(ServiceError::BodyStopped)
    }

    fn arrived(&mut self, since: Instant) {
        let slowest =
            if self.has_share { MIN_BYTES_PER_SECOND } else { MIN_UPLOAD_BYTES_PER_SECOND };
        let total = self.meter.total();
        self.credit.arrived(since, total - self.credited, slowest);
        self.credited = total;
        self.meter.progress();
    }
}

/// Appends to a secret. If the buffer must be moved, the old copy is wiped.
fn append(value: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    let needed = value.len() + more.len();
    if needed > value.capacity() {
        let mut grown = Zeroizing::new(Vec::with_capacity(needed.max(2 * value.len())));
        grown.extend_from_slice(value);
        *value = grown;
    }
    value.extend_from_slice(more);
}

fn broken(error: multer::Error) -> ServiceError {
    let text = match error {
        multer::Error::StreamReadFailed(error) if error.is::<HeadTooLong>() => {
            "The head of a part is too long"
        }
        multer::Error::StreamReadFailed(_) => "The request's body is incomplete",
        multer::Error::IncompleteFieldData { .. } | multer::Error::IncompleteStream => {
            "The multipart body ends too early, or has a line that is not a boundary"
        }
        multer::Error::LockFailure => {
            tracing::error!("two parts of a form were read at once");
            return ServiceError::Internal;
        }
        _ => "The head of a part is malformed",
    };
    ServiceError::Malformed(text.into())
}
