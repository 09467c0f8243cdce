//! The mail server (RFC 5321): its connections, which are kept for a while, and sending.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lettre::transport::smtp::{
    client::AsyncSmtpConnection,
    commands::{Data, Mail as MailFrom, Rcpt, Rset},
    extension::ClientId,
    response::Response,
};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_rustls::rustls::ClientConfig;

use super::{
    login::{Login, LoginServer, Proof},
    message::Mail,
    wire::{STEP, Wire},
};
use crate::{
    config::{SmtpHost, SmtpTls, SmtpUrl},
    tls,
};

/// How long a connection is kept for the next mail.
const KEEP: Duration = Duration::from_secs(10);
/// Words of a reply with this length could be a part of a link: half a password has 24 characters.
const LINK_CHARS: usize = 24;
/// How long to wait for the reply to QUIT.
const QUIT: Duration = Duration::from_secs(2);

type SmtpConnection = AsyncSmtpConnection;
type SmtpFailure = lettre::transport::smtp::Error;

/// The operator's mail server.
pub struct SmtpServer {
    host: SmtpHost,
    port: u16,
    security: SmtpTls,
    tls: Option<Arc<ClientConfig>>,
    login: Option<Login>,
    hello: String,
    idle: Mutex<Vec<(SmtpConnection, Instant)>>,
}

/// Why a mail was not accepted. The texts are for the operator and do not contain the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No mail can be sent: no connection, no TLS, no login.
    #[error("{0}")]
    Down(String),
    /// This mail was refused; a retry may succeed.
    #[error("{0}")]
    Later(String),
    /// This mail was refused permanently.
    #[error("{0}")]
    Never(String),
}

/// How far a transaction came before it failed.
enum FailedStage {
    /// The connection ended before this mail: it can be tried on another one.
    BeforeMail(SendError),
    /// The connection ended during this mail.
    Within(SendError),
    /// The server refused the mail, and the connection is still usable.
    Refused(SendError),
}

impl From<FailedStage> for SendError {
    fn from(broken: FailedStage) -> Self {
        match broken {
            FailedStage::BeforeMail(error)
            | FailedStage::Within(error)
            | FailedStage::Refused(error) => error,
        }
    }
}

impl SmtpServer {
    /// Prepares the server's settings, without a connection. Reads the system's certificate authorities:
    /// blocks.
    ///
    /// # Errors
    ///
    /// In words for the operator: a user without a password or token, no certificate authorities.
    pub fn new(url: &SmtpUrl, proof: Option<Proof>, hello: &str) -> Result<Self, String> {
        let tls = match url.tls {
            SmtpTls::Off => None,
            _ => Some(Arc::new(tls::client_config(None)?)),
        };
        let login = match (&url.user, proof) {
            (Some(user), Some(proof)) => Some(Login { user: user.clone(), proof }),
            (None, None) => None,
            _ => return Err("a user and a password or token are needed together".to_owned()),
        };
        Ok(Self {
            host: url.host.clone(),
            port: url.port,
            security: url.tls,
            tls,
            login,
            hello: hello.to_owned(),
            idle: Mutex::default(),
        })
    }

    /// Sends a mail, over a kept connection if there is one. Returns the server's reply.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the step that failed.
    pub async fn send(&self, mail: &Mail) -> Result<String, SendError> {
        if let Some(connection) = self.take_idle() {
            match self.hand_in(connection, mail).await {
                Err(FailedStage::BeforeMail(_)) => {}
                Err(FailedStage::Within(error) | FailedStage::Refused(error)) => return Err(error),
                Ok(said) => return Ok(said),
            }
        }
        let connection = self.connect().await.map_err(SendError::Down)?;
        Ok(self.hand_in(connection, mail).await?)
    }

    /// Sends a mail over a new connection.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the step that failed.
    pub async fn send_alone(&self, mail: &Mail) -> Result<String, SendError> {
        let mut connection = self.connect().await.map_err(SendError::Down)?;
        let outcome = transact(&mut connection, mail).await;
        // The server may already have closed it; the mail was sent.
        let _ = timeout(QUIT, connection.quit()).await;
        Ok(outcome?)
    }

    /// Connects and logs in, and sends no mail.
    ///
    /// # Errors
    ///
    /// The step that failed, and why.
    pub async fn log_in(&self) -> Result<(), String> {
        let mut connection = self.connect().await?;
        // The login worked, whatever the server says at the end.
        let _ = timeout(QUIT, connection.quit()).await;
        Ok(())
    }

    /// Ends connections that have been idle for a while; all of them if `all` is set.
    pub async fn rest(&self, all: bool) {
        let now = Instant::now();
        let over: Vec<SmtpConnection> = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over = |since: Instant| all || now.duration_since(since) >= KEEP;
            let (over, kept): (Vec<_>, Vec<_>) =
                idle.drain(..).partition(|(_, since)| is_over(*since));
            *idle = kept;
            over.into_iter().map(|(connection, _)| connection).collect()
        };
        let mut closing = JoinSet::new();
        for mut connection in over {
            closing.spawn(async move {
                let _ = timeout(QUIT, connection.quit()).await;
            });
        }
        // Otherwise the caller does not wait for QUIT.
        if all {
            closing.join_all().await;
        } else {
            closing.detach_all();
        }
    }

    /// Whether there are kept connections.
    #[must_use]
    pub fn holds_connections(&self) -> bool {
        !self.idle.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The youngest one, so that the others reach their time limit.
    fn take_idle(&self) -> Option<SmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: SmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, Instant::now()));
    }

    /// A connection that is ready for mails.
    async fn connect(&self) -> Result<SmtpConnection, String> {
        let Self { host, port, security, tls, login, hello, .. } = self;
        let wire = Wire::connect(host, *port, *security, tls.as_ref(), hello).await?;
        let is_encrypted = wire.is_encrypted();
        let name = ClientId::Domain(hello.clone());
        let greeted = SmtpConnection::connect_with_transport(Box::new(wire), &name);
        let mut connection = step("the server's greeting", greeted).await.map_err(|e| e.0)?;
        let Some(login) = login else { return Ok(connection) };
        // An attacker on the network who removes STARTTLS must not receive the password.
        if !is_encrypted && *security != SmtpTls::Off {
            return Err("AUTH: the connection is not encrypted, so the password is not sent".into());
        }
        let place = LoginServer { host: host.as_str(), port: *port, name: &name };
        login.log_in(&mut connection, &place).await?;
        Ok(connection)
    }

    async fn hand_in(
        &self,
        mut connection: SmtpConnection,
        mail: &Mail,
    ) -> Result<String, FailedStage> {
        let outcome = transact(&mut connection, mail).await;
        let is_usable = match &outcome {
            Ok(_) => true,
            // Resets the transaction; a server that is about to close the connection reports it now.
            Err(FailedStage::Refused(_)) => step("RSET", connection.command(Rset)).await.is_ok(),
            Err(FailedStage::BeforeMail(_) | FailedStage::Within(_)) => false,
        };
        if is_usable {
            self.keep(connection);
        }
        outcome
    }
}

/// One mail, step by step.
async fn transact(connection: &mut SmtpConnection, mail: &Mail) -> Result<String, FailedStage> {
    let scrubbed = |text: String| scrub(&text, mail.to.as_ref());
    let refused = |Failed(text, reply): Failed| {
        let text = scrubbed(text);
        match reply {
            Some(code) if (500..600).contains(&code) => {
                FailedStage::Refused(SendError::Never(text))
            }
            Some(421) | None => FailedStage::Within(SendError::Later(text)),
            Some(_) => FailedStage::Refused(SendError::Later(text)),
        }
    };
    let from = MailFrom::new(Some(mail.from.clone()), Vec::new());
    if let Err(Failed(text, reply)) = step("MAIL", connection.command(from)).await {
        let text = scrubbed(text);
        return Err(match reply {
            // The connection is closed, or is about to be.
            None | Some(421) => FailedStage::BeforeMail(SendError::Later(text)),
            // The server wants a login, or another sender, or no more mails on this connection: the cause
            // is not this mail.
            Some(500..600) => FailedStage::BeforeMail(SendError::Down(text)),
            reply => refused(Failed(text, reply)),
        });
    }
    let to = Rcpt::new(mail.to.clone(), Vec::new());
    step("RCPT", connection.command(to)).await.map_err(refused)?;
    step("DATA", connection.command(Data)).await.map_err(refused)?;
    let said = step("the end of DATA", connection.message(&mail.bytes)).await.map_err(refused)?;
    Ok(scrubbed(words(&said)))
}

/// The failed step, and the code of the server's reply, if there was one.
pub(super) struct Failed(pub(super) String, pub(super) Option<u16>);

/// One step, with the time limit [`STEP`].
pub(super) async fn step<T>(
    what: &str,
    work: impl Future<Output = Result<T, SmtpFailure>>,
) -> Result<T, Failed> {
    match timeout(STEP, work).await {
        Ok(done) => done.map_err(|error| {
            let code = error.status().map(u16::from);
            let why = match (code, std::error::Error::source(&error)) {
                (Some(code), Some(said)) => format!("the server answered {code} {said}"),
                (Some(code), None) => format!("the server answered {code}"),
                (None, _) => error.to_string(),
            };
            Failed(format!("{what}: {why}"), code)
        }),
        Err(_) => Err(Failed(format!("{what}: no answer within {} seconds", STEP.as_secs()), None)),
    }
}

fn words(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), lines.join(" "))
}

/// Removes the address and the links of the mail, which servers often repeat, and line breaks.
fn scrub(text: &str, address: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // ASCII changes its case in place, so the offsets stay.
    let (lower, address) = (plain.to_ascii_lowercase(), address.to_ascii_lowercase());
    let mut scrubbed = String::with_capacity(plain.len());
    let mut done = 0;
    for (at, found) in lower.match_indices(&address) {
        scrubbed.push_str(plain.get(done..at).unwrap_or_default());
        scrubbed.push_str("(address)");
        done = at + found.len();
    }
    scrubbed.push_str(plain.get(done..).unwrap_or_default());
    let words = scrubbed.split_whitespace();
    let words = words.map(|word| if word.len() < LINK_CHARS { word } else { "(…)" });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_address_nor_link_is_repeated() {
        let cases = [
            ("550 <Joe@Example.org>: no, joe@example.org", "550 <(address)>: no, (address)"),
            ("å joe@example.org\r\nx", "å (address) x"),
            ("250 ok", "250 ok"),
            (
                "554 5.7.1 no <https://x.org/abcdefghijklmnopqrstuvwxyz01234/#YWJj>",
                "554 5.7.1 no (…)",
            ),
            ("554 #YWJjZGVmZ2hpamtsbW5vcHFy", "554 (…)"),
        ];
        for (said, kept) in cases {
            assert_eq!(scrub(said, "joe@example.ORG"), kept);
        }
    }
}
