//! Requests from outside, each over its own connection, so that its certificate and its addresses are known.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming},
    client::conn::http1,
    header::{self, HeaderMap},
};
use hyper_util::rt::TokioIo;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{CertificateError, ClientConfig, Error as TlsError, pki_types::ServerName},
};
use url::Url;

/// How long a connection, and an answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a proxy may take to refuse a body of which only the beginning is sent. One that reads all of it
/// before it asks the daemon does not answer at all.
const REFUSAL: Duration = Duration::from_secs(2);
/// The part of the body that is sent.
const BEGINNING: Bytes = Bytes::from_static(&[0; 1024]);

/// A client that trusts certain certificates.
pub(super) struct OutsideClient {
    pub(super) tls: Arc<ClientConfig>,
}

/// An answer, and its connection.
pub(super) struct OutsideAnswer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// `Date`, in seconds since 1970.
    pub(super) date: Option<i64>,
    /// The certificate, in DER.
    pub(super) certificate: Option<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutsideError {
    #[error("the name {0} has no address")]
    NoAddress(String),
    #[error("cannot connect: {0}")]
    NoConnection(String),
    #[error("{0}")]
    Certificate(CertificateFault),
    #[error("no TLS: {0}")]
    NoTls(String),
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CertificateFault {
    #[error("the certificate has expired")]
    Expired,
    #[error("the certificate is not valid yet")]
    NotYet,
    #[error("the certificate is for another name")]
    OtherName,
    #[error("the certificate is not signed by a known authority, or its chain is incomplete")]
    Untrusted,
    #[error("the certificate cannot be used")]
    Other,
}

/// A connection, with or without TLS.
trait OutsideStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> OutsideStream for S {}

type OutsideBody = BoxBody<Bytes, io::Error>;

impl OutsideClient {
    /// The addresses of the URL's host.
    pub(super) async fn addresses(url: &Url) -> Result<Vec<SocketAddr>, OutsideError> {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or_default();
        let none = || OutsideError::NoAddress(bare.to_owned());
        let found: Vec<SocketAddr> = lookup_host((bare, port)).await.map_err(|_| none())?.collect();
        if found.is_empty() { Err(none()) } else { Ok(found) }
    }

    /// `GET`. Goes to `address` if there is one, else to the first address of the host that answers.
    pub(super) async fn get(
        &self,
        url: &Url,
        address: Option<SocketAddr>,
        headers: HeaderMap,
    ) -> Result<OutsideAnswer, OutsideError> {
        let body = Empty::new().map_err(|never| match never {}).boxed();
        let work = self.exchange(url, address, "GET", headers, body);
        timeout(PATIENCE * 2, work)
            .await
            .unwrap_or_else(|_| Err(OutsideError::NoAnswer("it takes too long".into())))
    }

    /// Announces a `POST` of `bytes` and sends the beginning. Returns the status of an answer that comes before
    /// the rest; `None` if there is no answer.
    pub(super) async fn announce(&self, url: &Url, bytes: u64) -> Option<u16> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, bytes.into());
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/octet-stream"),
        );
        let body = UnfinishedBody(Some(BEGINNING)).boxed();
        let work = self.exchange(url, None, "POST", headers, body);
        timeout(REFUSAL, work).await.ok()?.ok().map(|answer| answer.status)
    }

    async fn exchange(
        &self,
        url: &Url,
        address: Option<SocketAddr>,
        method: &str,
        headers: HeaderMap,
        body: OutsideBody,
    ) -> Result<OutsideAnswer, OutsideError> {
        let addresses = match address {
            Some(address) => vec![address],
            None => Self::addresses(url).await?,
        };
        let stream = connect(&addresses).await?;
        let (stream, certificate): (Box<dyn OutsideStream>, _) = match url.scheme() {
            "https" => {
                let (stream, certificate) = self.secure(url, stream).await?;
                (stream, certificate)
            }
            _ => (Box::new(stream), None),
        };
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut request = Request::builder()
            .method(method)
            .uri(url.path())
            .header(header::HOST, host)
            .header(header::USER_AGENT, concat!("sealdrop/", env!("CARGO_PKG_VERSION")))
            .body(body)
            .map_err(|error| OutsideError::NoAnswer(error.to_string()))?;
        request.headers_mut().extend(headers);
        let response = send(stream, request).await?;
        let text = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().ok()?.to_owned())
        };
        Ok(OutsideAnswer {
            status: response.status().as_u16(),
            location: text(header::LOCATION),
            date: text(header::DATE)
                .and_then(|date| OffsetDateTime::parse(&date, &Rfc2822).ok())
                .map(OffsetDateTime::unix_timestamp),
            certificate,
        })
    }

    async fn secure(
        &self,
        url: &Url,
        stream: TcpStream,
    ) -> Result<(Box<dyn OutsideStream>, Option<Vec<u8>>), OutsideError> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host)
            .map_err(|_| OutsideError::NoTls("the host of the URL is not a name".into()))?;
        let connecting = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let stream = match timeout(PATIENCE, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(tls_error(&error)),
            Err(_) => return Err(OutsideError::NoTls("no answer".into())),
        };
        let chain = stream.get_ref().1.peer_certificates();
        let certificate = chain.and_then(|chain| chain.first()).map(|first| first.to_vec());
        Ok((Box::new(stream), certificate))
    }
}

/// The first bytes of a body whose rest never comes.
struct UnfinishedBody(Option<Bytes>);

impl Body for UnfinishedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // Without a waker: the caller stops waiting by its time limit.
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, OutsideError> {
    let patience = PATIENCE / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut problem = String::from("no address");
    for address in addresses {
        problem = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => format!("{address}: {}", error.kind()),
            Err(_) => format!("{address}: no answer"),
        };
    }
    Err(OutsideError::NoConnection(problem))
}

/// Whether a connection can be made.
pub(super) async fn is_open(address: SocketAddr) -> bool {
    connect(&[address]).await.is_ok()
}

/// Sends one request and waits for the head of its answer.
async fn send(
    stream: Box<dyn OutsideStream>,
    request: Request<OutsideBody>,
) -> Result<Response<Incoming>, OutsideError> {
    let broken = |error: hyper::Error| OutsideError::NoAnswer(error.to_string());
    let (mut sender, connection) =
        http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Both futures run here, without a task: if the caller stops waiting, the connection is closed.
    let mut answered = std::pin::pin!(sender.send_request(request));
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        _ = connection => answered.await,
    }
    .map_err(broken)
}

fn tls_error(error: &io::Error) -> OutsideError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    let Some(TlsError::InvalidCertificate(fault)) = inner else {
        return OutsideError::NoTls(match inner {
            Some(TlsError::InvalidMessage(_)) => "it speaks plain HTTP there".to_owned(),
            Some(other) => other.to_string(),
            None => error.kind().to_string(),
        });
    };
    OutsideError::Certificate(match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateFault::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYet
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::OtherName
        }
        CertificateError::UnknownIssuer => CertificateFault::Untrusted,
        _ => CertificateFault::Other,
    })
}
