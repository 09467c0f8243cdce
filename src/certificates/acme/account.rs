//! The account at the authority, kept in a file.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use instant_acme::{Account, AccountCredentials, Error, NewAccount, Problem};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::{AcmeAuthority, AcmeError, client::AcmeClient};
use crate::private_file::write_private;

const FILE: &str = "account.json";

#[derive(Serialize, Deserialize)]
struct KeptAccount {
    email: Option<String>,
    credentials: AccountCredentials,
}

impl AcmeAuthority {
    /// The account of this server. It is created if there is none.
    pub(super) async fn account(&self) -> Result<Account, AcmeError> {
        let path = self.folder.join(FILE);
        let builder = || Account::builder_with_http(Box::new(AcmeClient::new(self.tls.clone())));
        let contact: Vec<String> =
            self.email.iter().map(|email| format!("mailto:{email}")).collect();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let kept = blocking({
            let path = path.clone();
            move || read(&path)
        });
        let kept = kept.await?;
        let (account, credentials) = match kept {
            Some(kept) if kept.email == self.email => {
                return Ok(builder().from_credentials(kept.credentials).await?);
            }
            Some(kept) => {
                let again = Zeroizing::new(
                    serde_json::to_vec(&kept.credentials).map_err(io::Error::other)?,
                );
                let account = builder().from_credentials(kept.credentials).await?;
                account.update_contacts(&contact).await?;
                (account, serde_json::from_slice(&again).map_err(io::Error::other)?)
            }
            None => {
                // An account whose key cannot be kept would be followed by another one at each try.
                let trial = path.with_extension("trial");
                blocking(move || write_private(&trial, b"").and_then(|()| fs::remove_file(&trial)))
                    .await?;
                let new = NewAccount {
                    contact: &contact,
                    terms_of_service_agreed: true,
                    only_return_existing: false,
                };
                builder().create(&new, self.directory.clone(), None).await?
            }
        };
        let kept = KeptAccount { email: self.email.clone(), credentials };
        let text = Zeroizing::new(serde_json::to_vec(&kept).map_err(io::Error::other)?);
        blocking(move || write_private(&path, &text)).await?;
        Ok(account)
    }

    /// Forgets the account if the authority does not know it any more, so that a new one is created.
    pub(super) async fn forget_unknown(&self, error: &AcmeError) {
        let AcmeError::Authority(Error::Api(Problem { r#type: Some(kind), .. })) = error else {
            return;
        };
        if !kind.ends_with(":accountDoesNotExist") {
            return;
        }
        let path = self.folder.join(FILE);
        if let Err(error) = blocking(move || fs::remove_file(path)).await {
            tracing::warn!(%error, "cannot remove the account at the certificate authority");
        }
    }
}

fn read(path: &Path) -> io::Result<Option<KeptAccount>> {
    let text = match fs::read(path).map(Zeroizing::new) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let kept = serde_json::from_slice(&text);
    kept.map(Some).map_err(|_| {
        let path = path.display();
        io::Error::other(format!("{path} is damaged: remove it, and a new account is created"))
    })
}

/// Runs file work on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
