//! A form in parts is refused, or it is read to its end; and that is the same however it is cut on
//! its way.
#![no_main]

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http_body_util::Full;
use hyper::{
    HeaderMap,
    body::{Body, Bytes, Frame},
    header::{CONTENT_TYPE, HeaderValue},
};
use libfuzzer_sys::fuzz_target;
use sealdrop::{
    api::{
        Client,
        key_service::input::request::{BodyLimits, RequestReader},
    },
    http::body_budget::BodyBudget,
};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().build().expect("a runtime");
}

const MAX_FILE: u64 = 4096;

// The first byte is the length of the pieces.
fuzz_target!(|data: &[u8]| {
    let Some((size, form)) = data.split_first() else { return };
    let form = Bytes::copy_from_slice(form);
    let pieces = form.chunks(usize::from(*size).max(1)).map(|piece| form.slice_ref(piece));
    let whole = read(&mut Full::new(form.clone()));
    let cut = read(&mut Pieces(pieces.collect()));
    assert_eq!(whole, cut);
});

/// What is found in a form: the token, and of each file its name, file name, type and bytes. None where
/// it is refused.
type Found = Option<(Option<String>, Vec<File>)>;

#[derive(Debug, PartialEq)]
struct File(String, String, Option<String>, Vec<u8>);

fn read<B>(body: &mut B) -> Found
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin,
{
    let length = body.size_hint().exact();
    let headers = HeaderMap::from_iter([(
        CONTENT_TYPE,
        HeaderValue::from_static("multipart/form-data; boundary=b"),
    )]);
    let limits = BodyLimits { max_text: 2048, max_file: Some(MAX_FILE) };
    let payer = BodyBudget::default().anybody(Client { address: [192, 0, 2, 1].into() });
    let found = async {
        let mut files = Vec::new();
        let mut request = RequestReader::open(&headers, None, body, limits, &payer).await?;
        while let Some(mut part) = request.next_file().await? {
            let (name, file_name) = (part.name().to_owned(), part.file_name().to_owned());
            let content_type = part.content_type().map(str::to_owned);
            let mut bytes = Vec::new();
            while let Some(chunk) = part.chunk().await? {
                assert!(!chunk.is_empty(), "no chunk is empty");
                bytes.extend_from_slice(&chunk);
            }
            assert!(bytes.len() as u64 <= MAX_FILE);
            files.push(File(name, file_name, content_type, bytes));
        }
        let parameters = request.finish().await?;
        Ok::<_, sealdrop::api::key_service::error::ServiceError>((
            parameters.text("token").map(str::to_owned),
            files,
        ))
    };
    let found = RUNTIME.with(|runtime| runtime.block_on(found)).ok()?;
    let bytes: usize = found.1.iter().map(|File(.., bytes)| bytes.len()).sum();
    assert!(length.is_none_or(|length| bytes as u64 <= length), "nothing is made up");
    Some(found)
}

/// A body that comes in pieces.
struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}
