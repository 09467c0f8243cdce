//! A request, in the parts that handlers take.

use std::sync::Arc;

use hyper::{Method, body::Incoming, header::HeaderMap};

use super::{App, Client};

/// A request whose path matched a route.
pub struct RoutedRequest<'a> {
    /// The state of the handlers.
    pub app: &'a Arc<App>,
    /// The client.
    pub client: Client,
    /// The method.
    pub method: &'a Method,
    /// The values of the `{name}` segments of the path, in order; empty strings fill the rest.
    pub path: [&'a str; 2],
    /// The query without its `?`.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a mut Incoming,
}
