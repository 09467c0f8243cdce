//! HTTPS for the ACME library: one connection for each request, with limits.

use std::{error::Error as StdError, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1,
    header::{HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// The program that asks, as authorities want it named (RFC 8555 6.1).
const AGENT: &str = concat!("sealdrop/", env!("CARGO_PKG_VERSION"));

/// The limit of one request, from the lookup of the name to the end of the answer.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The largest answers are certificate chains, of some 10 KiB.
const MAX_ANSWER_BYTES: usize = 1 << 20;

type AnyError = Box<dyn StdError + Send + Sync>;

pub(super) struct AcmeClient {
    tls: TlsConnector,
}

impl AcmeClient {
    pub(super) fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls: TlsConnector::from(tls) }
    }
}

impl HttpClient for AcmeClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let tls = self.tls.clone();
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let exchanged = timeout(TIME_LIMIT, exchange(tls, request)).await;
            let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            exchanged
                .unwrap_or_else(late)
                .map_err(|error| Error::Other(format!("cannot reach {host}: {error}").into()))
        })
    }
}

async fn exchange(
    tls: TlsConnector,
    request: Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, AnyError> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let authority = head.uri.authority().ok_or("the address has no host")?.clone();
    if head.uri.scheme_str() != Some("https") {
        return Err("it is no https address".into());
    }
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let stream = TcpStream::connect((host.as_str(), authority.port_u16().unwrap_or(443))).await?;
    let stream = tls.connect(ServerName::try_from(host)?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse()?;
    head.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    head.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let answer = async {
        let answer = sender.send_request(Request::from_parts(head, Full::new(body))).await?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?.to_bytes();
        Ok::<_, AnyError>(BytesResponse { parts, body: Box::new(body) })
    };
    tokio::select! {
        answer = answer => answer,
        // It is over before the answer is.
        ended = connection => Err(ended.err().map_or("the connection ended".into(), AnyError::from)),
    }
}
