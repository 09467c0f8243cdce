//! The account at the authority, kept in a file.

use std::{
    fs,
    io::{self, ErrorKind},
};

use instant_acme::{Account, AccountCredentials, Error, NewAccount, Problem};
use serde::{Deserialize, Serialize};
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
        let kept: Option<KeptAccount> = match fs::read(&path).map(Zeroizing::new) {
            Ok(text) => Some(serde_json::from_slice(&text).map_err(io::Error::other)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
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
        write_private(&path, &text)?;
        Ok(account)
    }

    /// Forgets the account if the authority does not know it any more, so that a new one is created.
    pub(super) fn forget_unknown(&self, error: &AcmeError) {
        let AcmeError::Authority(Error::Api(Problem { r#type: Some(kind), .. })) = error else {
            return;
        };
        if kind.ends_with(":accountDoesNotExist")
            && let Err(error) = fs::remove_file(self.folder.join(FILE))
        {
            tracing::warn!(%error, "cannot remove the account at the certificate authority");
        }
    }
}
