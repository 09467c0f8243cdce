//! Requests whose bodies are split at any position.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    body::{Body, Bytes, Frame},
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use proptest::prelude::*;
use tokio::time::{Instant, Sleep, sleep};

use super::{
    names::{MESSAGE, PASSPHRASE, PUBLIC_KEY, TOKEN},
    request::{BodyLimits, RequestReader},
};
use crate::{
    api::{Client, key_service::error::ServiceError},
    http::body_budget::{BodyBudget, Payer},
};

fn payer() -> Payer {
    BodyBudget::default().anybody(Client { address: [192, 0, 2, 1].into() })
}

const LIMITS: BodyLimits = BodyLimits { max_text: 1000, max_file: Some(100_000) };
const IN_PARTS: &str = "multipart/form-data; boundary=XX";
const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A body of these pieces. After them it ends, fails, or stalls.
struct Pieces(VecDeque<Bytes>, After, Option<Pin<Box<Sleep>>>);

#[derive(Clone, Copy, PartialEq)]
enum After {
    End,
    Failure,
    Silence,
    /// A byte every 29 seconds.
    Trickle,
}

impl Pieces {
    fn new(body: &[u8], size: usize, after: After) -> Self {
        let pieces = body.chunks(size).map(Bytes::copy_from_slice).collect();
        Self(pieces, after, None)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match (self.0.pop_front(), self.1) {
            (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            (None, After::End) => Poll::Ready(None),
            (None, After::Failure) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            (None, After::Silence) => Poll::Pending,
            (None, After::Trickle) => {
                let pause = || Box::pin(sleep(Duration::from_secs(29)));
                std::task::ready!(self.2.get_or_insert_with(pause).as_mut().poll(context));
                self.2 = None;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty() && self.1 == After::End
    }
}

/// The content of a request: some parameters, and its files as (name, file name, bytes).
#[derive(Debug, PartialEq)]
struct Read {
    token: Option<String>,
    message: Option<String>,
    files: Vec<(String, String, Vec<u8>)>,
}

fn headers(content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    }
    headers
}

async fn read_pieces(content_type: &str, mut body: Pieces) -> Result<Read, String> {
    let (headers, payer) = (headers(content_type), payer());
    let read = async {
        let mut reader =
            RequestReader::open(&headers, Some("message=q"), &mut body, LIMITS, &payer).await?;
        let mut files = Vec::new();
        while let Some(mut file) = reader.next_file().await? {
            let mut bytes = Vec::new();
            while let Some(chunk) = file.chunk().await? {
                assert!(!chunk.is_empty());
                bytes.extend_from_slice(&chunk);
            }
            files.push((file.name().to_owned(), file.file_name().to_owned(), bytes));
        }
        let found = reader.finish().await?;
        let [token, message] = [TOKEN, MESSAGE].map(|name| found.text(name).map(str::to_owned));
        Ok(Read { token, message, files })
    };
    read.await.map_err(|error: ServiceError| format!("{error:?}"))
}

/// Runs `work` with a paused clock that advances only when all tasks wait, so that the tests do not sleep.
fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(work)
}

fn read(content_type: &str, body: &[u8], size: usize) -> Result<Read, String> {
    run(read_pieces(content_type, Pieces::new(body, size, After::End)))
}

fn part(disposition: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), data, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat(), b"--XX--\r\n".as_slice()].concat()
}

#[test]
fn every_kind_of_body_holds_parameters() {
    let in_parts = form(&[part("name=\"Token\"", b"a b"), part("name=x", b"y")]);
    let cases: [(&str, &[u8]); 7] = [
        (URLENCODED, b"x=y&Token=a+b"),
        (URLENCODED, b"\xef\xbb\xbfToken=a+b"),
        ("application/json", b"\xef\xbb\xbf{\"TOKEN\":\"a b\"}"),
        ("", b"token=a%20b"),
        ("application/json; charset=utf-8", br#"{"TOKEN":"a b","message":null}"#),
        (IN_PARTS, &in_parts),
        ("Multipart/Form-Data; boundary=\"XX\"; a=b", &in_parts),
    ];
    for (content_type, body) in cases {
        for size in 1..=body.len() {
            let found = read(content_type, body, size).unwrap();
            assert_eq!(found.token.as_deref(), Some("a b"), "{content_type} {size}");
            assert_eq!(found.message.as_deref(), Some("q"), "{content_type} {size}");
        }
    }
    for content_type in ["", "text/plain", IN_PARTS] {
        assert_eq!(read(content_type, b"", 1).unwrap().token, None, "{content_type}");
    }
}

#[test]
fn bodies_that_are_not_understood_are_refused() {
    let field = |data: &[u8]| form(&[part("name=token", data)]);
    let endless = [b"--XX\r\nA: ".as_slice(), &[b'a'; 200_000]].concat();
    let many = form(&vec![part("name=x", b""); 1001]);
    let files = form(&vec![part("name=file", b"x"); 101]);
    let big_file = form(&[part("name=file", &[0; 100_001])]);
    let long_text = vec![b'a'; 1001];
    let cases: [(&str, &[u8], &str); 19] = [
        ("text/plain", b"token=a", "Send the body as"),
        ("multipart/form-data", b"--XX--", "needs a boundary"),
        ("multipart/form-data; boundary=\"\"", b"--XX--", "needs a boundary"),
        ("application/json", b"{", "not valid JSON"),
        (URLENCODED, b"token=a&token=b", "given twice"),
        (URLENCODED, b"token=%ff", "must be UTF-8"),
        (URLENCODED, &long_text, "TooLarge"),
        (IN_PARTS, &field(&long_text), "TooLarge"),
        (IN_PARTS, &form(&[part("name=x", &long_text)]), "TooLarge"),
        (IN_PARTS, &field(b"\xff"), "must be UTF-8"),
        (IN_PARTS, &form(&[part("name=token", b"a"), part("name=TOKEN", b"b")]), "given twice"),
        (IN_PARTS, &field(b"a\r\n--XXjunk"), "ends too early"),
        (IN_PARTS, b"--XX\nContent-Disposition: form-data; name=token\n\na\n--XX--\n", "ends too"),
        (IN_PARTS, &endless, "too long"),
        (IN_PARTS, &[b'-'; 200_000], "too long"),
        (IN_PARTS, &many, "Too many parts"),
        (IN_PARTS, &files, "Too many files"),
        (IN_PARTS, &big_file, "A file is too long"),
        (IN_PARTS, b"--XX\r\n\x01: a\r\n\r\n\r\n--XX--", "malformed"),
    ];
    for (content_type, body, expected) in cases {
        for size in [1000, usize::MAX] {
            let told = read(content_type, body, size).unwrap_err();
            assert!(told.contains(expected), "{content_type}, {expected:?}: {told}");
        }
    }
}

#[test]
fn a_cut_form_is_no_form() {
    let whole = form(&[part("name=token", b"a"), part("name=f; filename=b", b"data")]);
    let last = whole.len() - b"\r\n".len();
    for end in 1..whole.len() {
        let outcome = read(IN_PARTS, &whole[..end], 7);
        assert_eq!(outcome.is_ok(), end >= last, "{end}: {outcome:?}");
        let failing = Pieces::new(&whole[..end], 7, After::Failure);
        let outcome = run(read_pieces(IN_PARTS, failing));
        assert!(outcome.is_ok() || end < last || outcome.unwrap_err().contains("incomplete"));
    }
}

#[test]
fn a_body_that_stops_is_given_up() {
    let whole = form(&[part("name=token", b"a"), part("name=f; filename=b", b"data")]);
    for (content_type, end) in [(IN_PARTS, 3), (IN_PARTS, 60), (IN_PARTS, 120), (URLENCODED, 3)] {
        run(async {
            let since = Instant::now();
            let body = Pieces::new(&whole[..end], 7, After::Silence);
            let told = read_pieces(content_type, body).await.unwrap_err();
            assert_eq!(told, "BodyStopped", "{end}");
            assert_eq!(since.elapsed().as_secs(), 30, "{end}");
        });
    }
}

#[test]
fn parts_are_files_or_parameters() {
    let body = form(&[
        part("name=\"files\"; filename=\"å.txt\"", b"1"),
        part("name=\"token\"", b"t"),
        part("name=\"publickey\"; filename=\"key.pem\"", b"k"),
        part("name=\"message\"; filename=\"m.txt\"", b"2"),
        part("name=\"other\"; filename=\"\"", b""),
        part("name=\"other\"; filename=\"\"", b"3"),
        part("name=\"File\"", b"4"),
        part("name=\"empty\"; filename=\"e\"", b""),
    ]);
    let found = read(IN_PARTS, &body, 5).unwrap();
    let file = |name: &str, file: &str, data: &[u8]| (name.into(), file.into(), data.to_vec());
    assert_eq!(
        found.files,
        [
            file("files", "å.txt", b"1"),
            file("message", "m.txt", b"2"),
            file("other", "", b"3"),
            file("File", "", b"4"),
            file("empty", "e", b""),
        ]
    );
    assert_eq!((found.token.as_deref(), found.message.as_deref()), (Some("t"), Some("q")));
}

#[test]
fn files_are_for_those_who_take_them() {
    let body = form(&[part("name=token", b"a"), part("name=f; filename=b", b"data")]);
    run(async {
        let (headers, payer) = (headers(IN_PARTS), payer());
        let mut pieces = Pieces::new(&body, 7, After::End);
        let open = RequestReader::open(&headers, None, &mut pieces, LIMITS, &payer);
        let refused = open.await.unwrap().finish().await;
        assert!(matches!(refused, Err(ServiceError::Invalid(_))));

        // A file that is not read is skipped.
        let body = [part("name=f; filename=b", &[0; 5000]), form(&[part("name=passphrase", b"p")])];
        let mut pieces = Pieces::new(&body.concat(), 100, After::End);
        let open = RequestReader::open(&headers, Some("publickey=k"), &mut pieces, LIMITS, &payer);
        let mut reader = open.await.unwrap();
        assert!(reader.next_file().await.unwrap().is_some());
        assert!(reader.next_file().await.unwrap().is_none());
        assert_eq!(reader.parameters().text(PASSPHRASE), Some("p"));
        assert_eq!(reader.finish().await.unwrap().text(PUBLIC_KEY), Some("k"));
    });
}

#[test]
fn a_form_is_not_read_ahead() {
    let body = form(&[part("name=f; filename=b", &vec![0; 90_000])]);
    run(async {
        let (headers, payer) = (headers(IN_PARTS), payer());
        let mut pieces = Pieces::new(&body, 1000, After::End);
        let open = RequestReader::open(&headers, None, &mut pieces, LIMITS, &payer);
        let mut reader = open.await.unwrap();
        let mut file = reader.next_file().await.unwrap().unwrap();
        file.chunk().await.unwrap();
        drop(reader);
        assert!(pieces.0.len() > 80, "{} pieces are left", pieces.0.len());
    });
}

proptest! {
    #[test]
    fn any_data_comes_out_of_a_form(
        files in prop::collection::vec(
            prop::collection::vec(prop::sample::select(&b"\r\n-Xa\0"[..]), 0..300), 0..4,
        ),
        size in 1usize..400,
    ) {
        // The sender picks a boundary that is not in the data.
        prop_assume!(!files.iter().any(|data| data.windows(4).any(|part| part == b"--XX")));
        let parts: Vec<_> =
            files.iter().map(|data| part("name=f; filename=n", data)).collect();
        let found = read(IN_PARTS, &form(&parts), size).unwrap();
        let found: Vec<_> = found.files.into_iter().map(|(.., data)| data).collect();
        prop_assert_eq!(found, files);
    }

    #[test]
    fn no_bytes_break_the_reader(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n-X:;=\"a"[..])], 0..300,
        ),
        size in 1usize..100,
    ) {
        let body = [b"--XX\r\n".as_slice(), &bytes].concat();
        for content_type in [IN_PARTS, URLENCODED, "application/json"] {
            let _ = read(content_type, &body, size);
        }
    }
}

/// Time saved up by a fast start does not allow hours of slow sending, because an upload holds a place that
/// others need.
#[test]
fn a_body_that_trickles_is_given_up_in_a_few_minutes() {
    let files = part("name=file; filename=f", &[b'x'; 90_000]).repeat(10);
    let begun =
        [files, b"--XX\r\nContent-Disposition: form-data; name=file; filename=f\r\n\r\n".to_vec()];
    let of_text = b"--XX\r\nContent-Disposition: form-data; name=message\r\n\r\n".to_vec();
    for body in [begun.concat(), of_text] {
        let (outcome, seconds) = run(async {
            let since = Instant::now();
            let pieces = Pieces::new(&body, 1000, After::Trickle);
            (read_pieces(IN_PARTS, pieces).await, since.elapsed().as_secs())
        });
        assert_eq!(outcome, Err("BodyStopped".into()));
        assert!((29..180).contains(&seconds), "{seconds}");
    }
}
