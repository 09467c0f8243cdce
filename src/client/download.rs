//! Downloads the files of a secret under a lease, continues after a broken connection, and opens them.

use std::io::{self, Read};

use super::{
    error::ClientError,
    resumed::{self, Resumed},
    server::{ServerClient, Watch, in_path},
};
use crate::crypto::{MessageKey, SecretText, StreamOpener, stream::sealed_len};

/// A reader of the plaintext of attachment `n` of a secret.
///
/// Every byte is authentic; only the end shows that the file is complete. An error may contain a
/// [`ClientError`]: see [`cause`].
///
/// # Errors
///
/// [`ClientError`], if the download cannot start.
pub fn open<'a>(
    server: &'a ServerClient,
    (id, n): (&str, u32),
    lease: &'a SecretText,
    key: &MessageKey,
    size: u64,
    progress: &'a dyn Fn(u64),
    watch: &'a dyn Watch,
) -> Result<StreamOpener<impl Read>, ClientError> {
    let path = format!("api/secrets/{}/attachments/{n}", in_path(id));
    let connect = move |at| {
        let request = server.request("GET", &path).header("Lease", lease.expose_secret());
        server.run(server.built(resumed::from(request, at), ())?)
    };
    let sealed = Resumed {
        server,
        connect,
        at: 0,
        total: Some(sealed_len(size)),
        body: None,
        moved: Box::new(|at, _| progress(at)),
        watch,
    };
    StreamOpener::new(sealed, key).map_err(cause)
}

/// Converts an error of reading `what`.
#[must_use]
pub fn cause(error: io::Error) -> ClientError {
    error.downcast().unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            ClientError::Damaged("a file is damaged or incomplete".into())
        }
        _ => ClientError::File { what: "a file cannot be opened".into(), cause: error },
    })
}
