//! Monitoring: the token of `/metrics`, and the listener at which it needs none.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::failure;
use crate::{
    api::routes::METRICS_PATH,
    cli::Failure,
    config::Loaded,
    crypto::SecretText,
    http::response::{self, Body, empty},
    metrics::read_token,
    router::{Site, read_metrics},
};

/// One monitoring system has one connection, or a few.
const MAX_CONNECTIONS: usize = 16;
/// The time limit for the head of a request, which also ends idle connections.
const HEAD: Duration = Duration::from_secs(75);
/// The longest life of a connection. A client that reads nothing must not hold its place.
const LIFE: Duration = Duration::from_secs(3600);
/// The pause after an error of accept, as in the server.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The token in the file of `metrics_token_file`. Blocks.
///
/// # Errors
///
/// [`Exit::Usage`](crate::cli::Exit::Usage) for a file that cannot be used.
pub(super) fn token(loaded: &Loaded) -> Result<Option<SecretText>, Failure> {
    let Some(path) = &loaded.settings.metrics_token_file else { return Ok(None) };
    let token = read_token(path).map_err(|problem| loaded.bad("metrics_token_file", problem))?;
    Ok(Some(token))
}

/// Binds the listener of `metrics_listen`.
///
/// # Errors
///
/// As for the setting `listen`.
pub(super) async fn bind(loaded: &Loaded) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = loaded.settings.metrics_listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let problem = format!("cannot listen on {address}: {error}");
        failure::of_setting(&loaded.bad("metrics_listen", problem), &error)
    })?;
    Ok(Some(listener))
}

/// Answers requests for the metrics until the future is dropped.
pub(super) async fn serve(listener: TcpListener, site: Arc<Site>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection for the metrics");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A connection beyond the limit is closed at once.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let _place = place;
            if timeout(LIFE, connection(stream, peer, site)).await.is_err() {
                tracing::debug!("a connection for the metrics has reached its longest life");
            }
        });
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, site: Arc<Site>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(answer(&site, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%peer, %error, "a connection for the metrics failed");
    }
}

async fn answer(site: &Site, request: &Request<Incoming>) -> Response<Body> {
    let mut answer = match request.uri().path() {
        METRICS_PATH => read_metrics(site, request.method()).await,
        _ => empty(StatusCode::NOT_FOUND),
    };
    response::add_common_headers(answer.headers_mut());
    answer
}
