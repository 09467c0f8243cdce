//! Reads a request: its parameters from headers, query and body, and the files of a form one after the
//! other.
//!
//! Files are streamed: only the parameters and a few pieces of 64 KiB are in memory.

use std::error::Error;

use hyper::{
    body::{Body, Bytes},
    header::{CONTENT_TYPE, HeaderMap},
};

use super::{
    form,
    names::NAMES,
    parameters::{ParameterSource, Parameters},
    parts::{FilePartHead, FormParts},
};
use crate::{
    api::{key_service::error::ServiceError, load::work::blocking},
    http::{
        body::{is_json, read_whole},
        body_budget::{Payer, SMALL_BYTES},
        json_fields::without_bom,
    },
};

/// The maximum length of a boundary (RFC 2046).
const MAX_BOUNDARY: usize = 70;

/// The limits on a body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// All parameters of a body together, in encoded bytes.
    pub max_text: usize,
    /// One file, in bytes.
    pub max_file: Option<u64>,
}

/// A request whose body is being read.
pub struct RequestReader<'b> {
    parameters: Parameters,
    /// A multipart form.
    parts: Option<FormParts<'b>>,
}

impl<'b> RequestReader<'b> {
    /// Reads headers, query, and a body that is not multipart. A body without a content type is a form.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Malformed`] for an unsupported content type or an invalid body,
    /// [`ServiceError::ContentCoding`], [`ServiceError::Parameter`], [`ServiceError::TooLarge`],
    /// [`ServiceError::BodyStopped`], [`ServiceError::Busy`] if too many large bodies arrive at once.
    pub async fn open<B>(
        headers: &HeaderMap,
        query: Option<&str>,
        body: &'b mut B,
        limits: BodyLimits,
        payer: &Payer,
    ) -> Result<Self, ServiceError>
    where
        B: Body<Data = Bytes> + Send + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut parameters = Parameters::from_head(headers, query)?;
        if body.is_end_stream() {
            return Ok(Self { parameters, parts: None });
        }
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let kind = BodyKind::find(content_type.unwrap_or_default())?;
        if let BodyKind::Parts(boundary) = kind {
            let parts = FormParts::new(body, boundary, limits, payer.clone());
            return Ok(Self { parameters, parts: Some(parts) });
        }
        let mut whole = read_whole(body, limits.max_text, payer).await?;
        let is_large = whole.bytes().len() > SMALL_BYTES;
        let take_up = move || {
            match kind {
                BodyKind::Json if whole.bytes().is_empty() => {}
                BodyKind::Json => form::add_json(&mut parameters, whole.bytes())?,
                _ => {
                    let pairs = without_bom(whole.bytes());
                    form::add_urlencoded(&mut parameters, ParameterSource::Body, &NAMES, pairs)?;
                }
            }
            parameters.keep(whole.take_share());
            Ok::<_, ServiceError>(parameters)
        };
        let parameters = if is_large { blocking(take_up).await?? } else { take_up()? };
        Ok(Self { parameters, parts: None })
    }

    /// The parameters so far. They are complete when [`RequestReader::next_file`] returns no more files.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The next file, if any. The rest of the previous file is skipped, and parameters before the next file
    /// are stored.
    ///
    /// # Errors
    ///
    /// As for [`RequestReader::open`]. After an error the request cannot be read further.
    pub async fn next_file(&mut self) -> Result<Option<FilePart<'_, 'b>>, ServiceError> {
        let Self { parameters, parts } = self;
        let Some(parts) = parts else { return Ok(None) };
        let found = parts.next_file(parameters).await?;
        Ok(found.map(|found| FilePart { found, parts, parameters }))
    }

    /// Reads the rest of a request that contains no more files.
    ///
    /// # Errors
    ///
    /// As for [`RequestReader::open`], and [`ServiceError::Invalid`] if another file follows.
    pub async fn finish(mut self) -> Result<Parameters, ServiceError> {
        if self.next_file().await?.is_some() {
            return Err(ServiceError::Invalid("Files are sent with PUT".into()));
        }
        Ok(self.parameters)
    }
}

/// A file of a form, read in pieces.
pub struct FilePart<'a, 'b> {
    found: FilePartHead,
    parts: &'a mut FormParts<'b>,
    parameters: &'a Parameters,
}

impl FilePart<'_, '_> {
    /// The unchanged name of the form field, or an empty string.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.found.name
    }

    /// The parameters before the file.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        self.parameters
    }

    /// Whether the sender has sealed the file, according to the name of the form field.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.found.is_sealed
    }

    /// The file's name, or an empty string. Folders are removed, unless the sender has sealed the file:
    /// then the name is unchanged.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.found.file_name
    }

    /// The content type from the sender.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.found.content_type.as_deref()
    }

    /// The next bytes, between 1 and a little more than 64 KiB; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ServiceError::TooLarge`], [`ServiceError::BodyStopped`], or [`ServiceError::Malformed`] if the
    /// body ends within the file.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ServiceError> {
        if let Some(first) = self.found.first.take() {
            return Ok(Some(first));
        }
        self.parts.file_chunk().await
    }
}

enum BodyKind {
    Form,
    Json,
    Parts(String),
}

impl BodyKind {
    fn find(content_type: &[u8]) -> Result<Self, ServiceError> {
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
        let essence = essence.trim_ascii().to_ascii_lowercase();
        match essence.as_slice() {
            b"" | b"application/x-www-form-urlencoded" => Ok(Self::Form),
            b"multipart/form-data" => std::str::from_utf8(content_type)
                .ok()
                .and_then(|text| multer::parse_boundary(text).ok())
                .filter(|boundary| (1..=MAX_BOUNDARY).contains(&boundary.len()))
                .map(Self::Parts)
                .ok_or_else(|| {
                    let text = "The Content-Type multipart/form-data needs a boundary of 1 to 70 \
                                characters";
                    ServiceError::Malformed(text.into())
                }),
            _ if is_json(content_type) => Ok(Self::Json),
            _ => Err(ServiceError::Malformed(
                "Send the body as Content-Type: multipart/form-data, \
                 application/x-www-form-urlencoded or application/json"
                    .into(),
            )),
        }
    }
}
