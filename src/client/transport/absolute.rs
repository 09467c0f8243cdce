//! Requests to an HTTP proxy (RFC 9112 3.2.2), with the whole address in the first line.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ureq::{
    Error, Proxy,
    http::Uri,
    unversioned::transport::{Buffers, NextTimeout, Transport},
};
use zeroize::Zeroizing;

/// A connection to a proxy, for one request.
pub(super) struct AbsoluteForm {
    proxy: Box<dyn Transport>,
    /// The text before the path, and an additional header; `None` once they were sent.
    additions: Option<(String, Zeroizing<String>)>,
}

impl AbsoluteForm {
    pub(super) fn new(
        proxy: Box<dyn Transport>,
        target: &Uri,
        settings: &Proxy,
    ) -> Result<Self, Error> {
        let authority = target.authority().ok_or(Error::InvalidProxyUrl)?;
        let header = match (settings.username(), settings.password()) {
            (None, None) => Zeroizing::default(),
            (name, password) => {
                let (name, password) = (name.unwrap_or_default(), password.unwrap_or_default());
                let login = Zeroizing::new(format!("{name}:{password}"));
                let login = Zeroizing::new(STANDARD.encode(login.as_bytes()));
                Zeroizing::new(format!("Proxy-Authorization: Basic {}\r\n", *login))
            }
        };
        Ok(Self { proxy, additions: Some((format!("http://{authority}"), header)) })
    }
}

impl Transport for AbsoluteForm {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.proxy.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let Some((origin, header)) = self.additions.take() else {
            return self.proxy.transmit_output(amount, timeout);
        };
        let head = self.proxy.buffers().output().get(..amount).unwrap_or_default();
        let head = Zeroizing::new(completed(head, &origin, &header));
        let most = self.proxy.buffers().output().len().max(1);
        for piece in head.chunks(most) {
            if let Some(output) = self.proxy.buffers().output().get_mut(..piece.len()) {
                output.copy_from_slice(piece);
            }
            self.proxy.transmit_output(piece.len(), timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.proxy.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        // The next request gets another connection, whose first bytes are its head.
        false
    }
}

/// The head of a request, with `origin` inserted before its path and `header` after its first line.
fn completed(head: &[u8], origin: &str, header: &str) -> Vec<u8> {
    let path = head.iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1);
    let line = head.windows(2).position(|bytes| bytes == b"\r\n").map_or(path, |end| end + 2);
    let (method, rest) = head.split_at(path);
    let (line, rest) = rest.split_at(line - path);
    [method, origin.as_bytes(), line, header.as_bytes(), rest].concat()
}

/// Omits the login.
impl fmt::Debug for AbsoluteForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbsoluteForm").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_all_of_it() {
        let head = b"GET /a?b HTTP/1.1\r\nHost: x.org\r\n\r\nGET / HTTP/1.1\r\n";
        let whole = completed(head, "http://x.org", "Proxy-Authorization: Basic eA==\r\n");
        let expected = "GET http://x.org/a?b HTTP/1.1\r\nProxy-Authorization: Basic eA==\r\n\
                        Host: x.org\r\n\r\nGET / HTTP/1.1\r\n";
        assert_eq!(String::from_utf8(whole).unwrap(), expected);
    }
}
