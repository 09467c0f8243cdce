//! The limit: hyper alone, set up like the daemon's listener, with bodies of the same sizes. It reads the
//! body and answers with as many bytes as the path says; below `/copy`, the rest of the path names a file
//! that it copies bodies to and from.
//!
//! It is a process like the daemon: this program again, with an argument.

use std::{
    convert::Infallible,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    net::SocketAddr,
    pin::Pin,
    process::{Child, Command, Stdio},
    task::{Context, Poll},
};

use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Method, Request, Response,
    body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;

pub(crate) const ARGUMENT: &str = "--bare-hyper";

/// A running bare server; killed when dropped.
pub(crate) struct Bare {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line)?;
        let address = line.trim().parse().expect("the address of the bare server");
        Ok(Self { child, address })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bare server itself; ends when it is killed, or when its parent ends.
pub(crate) fn serve() -> io::Result<()> {
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        report_address(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
            );
        }
    })
}

#[expect(clippy::print_stdout, reason = "how the parent learns the address")]
fn report_address(address: SocketAddr) -> io::Result<()> {
    println!("{address}");
    io::Write::flush(&mut io::stdout())
}

type Body = Either<Full<Bytes>, Copied>;

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    if let Some(path) = request.uri().path().strip_prefix("/copy").map(str::to_owned) {
        return Ok(copy(&path, request).await.expect("a file that can be copied"));
    }
    /// As large as the largest answer.
    static BODY: [u8; 1 << 20] = [b'x'; 1 << 20];
    let bytes: usize = request.uri().path().trim_start_matches('/').parse().unwrap_or(0);
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    let mut response =
        Response::new(Either::Left(Full::new(Bytes::from_static(&BODY[..bytes.min(1 << 20)]))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The size of the pieces in which files are read.
const PIECE_BYTES: usize = 64 << 10;

/// Copies a body to a file, or a file to a body, in the simplest way: on the async worker, which waits for
/// the disk in the meantime. A service with other users must not do this, but it is the cheapest way.
async fn copy(path: &str, request: Request<Incoming>) -> io::Result<Response<Body>> {
    if request.method() == Method::GET {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        return Ok(Response::new(Either::Right(Copied { file, left })));
    }
    let mut file = File::create(path)?;
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        file.write_all(frame.data_ref().map_or(&[], |data| data))?;
    }
    file.sync_data()?;
    Ok(Response::new(Either::Left(Full::default())))
}

/// A file that is being sent.
struct Copied {
    file: File,
    left: u64,
}

impl HttpBody for Copied {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = (&mut self.file).take(PIECE_BYTES as u64).read_to_end(&mut piece);
        self.left = self.left.saturating_sub(piece.len() as u64);
        Poll::Ready(match read {
            Ok(0) => None,
            Ok(_) => Some(Ok(Frame::data(piece.into()))),
            Err(error) => Some(Err(error)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
