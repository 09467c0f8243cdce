//! The login at a mail server (RFC 4954): user, credentials and mechanism.
//!
//! The server lists its mechanisms; the first one that fits the operator's credentials is used.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{
    client::AsyncSmtpConnection, commands::Ehlo, extension::ClientId, response::Response,
};
use serde_json::Value;
use zeroize::Zeroizing;

use super::server::{Failed, step};
use crate::{crypto::SecretText, secret_file::read_secret};

/// A command has at most 512 bytes (RFC 5321, 4.5.3.1.4); longer data follows on a separate line.
const MAX_COMMAND_BYTES: usize = 512;
/// Words of a reply with this length are compared with the secret.
const MAX_ECHO_CHARS: usize = 6;
/// Words with this length may be the secret in an unknown encoding.
const LONG_WORD_CHARS: usize = 24;

/// The user and the credentials.
pub(super) struct Login {
    /// The user.
    pub user: String,
    /// The credentials.
    pub proof: Proof,
}

/// The kind of credentials.
pub enum Proof {
    /// A password, read at the start.
    Password(SecretText),
    /// The file of an access token (OAuth 2.0), read at each login: another program replaces it.
    TokenFile(PathBuf),
}

/// The server of a login, which OAUTHBEARER sends.
pub(super) struct LoginServer<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// The client's name in EHLO.
    pub(super) name: &'a ClientId,
}

/// A login mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    /// RFC 4616
    Plain,
    /// Never became an RFC; some old servers support nothing else.
    Login,
    /// RFC 7628
    OauthBearer,
    /// Google's and Microsoft's predecessor of OAUTHBEARER.
    Xoauth2,
}

impl Mechanism {
    const PASSWORD: [Self; 2] = [Self::Plain, Self::Login];
    const TOKEN: [Self; 2] = [Self::OauthBearer, Self::Xoauth2];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// The lines that the client sends, in base64; the server answers 334 in between.
    fn lines(self, user: &str, secret: &str, place: &LoginServer<'_>) -> Vec<Zeroizing<String>> {
        let encoded = |text: Zeroizing<String>| Zeroizing::new(STANDARD.encode(text.as_bytes()));
        let text = match self {
            Self::Plain => format!("\0{user}\0{secret}"),
            Self::Login => {
                let [user, secret] = [user, secret].map(|text| Zeroizing::new(text.to_owned()));
                return vec![encoded(user), encoded(secret)];
            }
            Self::OauthBearer => {
                // RFC 5801: these two characters are separators.
                let user = user.replace('=', "=3D").replace(',', "=2C");
                let LoginServer { host, port, .. } = place;
                format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {secret}\x01\x01")
            }
            Self::Xoauth2 => format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
        };
        vec![encoded(Zeroizing::new(text))]
    }

    /// The client's answer to the reasons for a refused token, after which the server sends the refusal.
    fn acknowledgement(self) -> &'static str {
        match self {
            // RFC 7628, 3.2.3: one byte of 1.
            Self::OauthBearer => "AQ==",
            _ => "",
        }
    }
}

impl Login {
    /// Logs in over `connection`.
    ///
    /// # Errors
    ///
    /// The step that failed, in words for the operator; contains no secret.
    pub(super) async fn log_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        place: &LoginServer<'_>,
    ) -> Result<(), String> {
        // lettre also sends EHLO, but keeps only the mechanisms that it knows.
        let asked = step("EHLO", connection.command(Ehlo::new(place.name.clone()))).await;
        let offered = mechanisms(&asked.map_err(|Failed(text, _)| text)?);
        let fitting = match &self.proof {
            Proof::Password(_) => Mechanism::PASSWORD,
            Proof::TokenFile(_) => Mechanism::TOKEN,
        };
        let is_offered = |mechanism: &Mechanism| offered.iter().any(|o| o == mechanism.name());
        let mut usable = fitting.into_iter().filter(is_offered).peekable();
        if usable.peek().is_none() {
            return Err(self.nothing_fits(&offered));
        }
        let read;
        let secret = match &self.proof {
            Proof::Password(password) => password,
            Proof::TokenFile(path) => {
                read = read_token(path.clone()).await?;
                &read
            }
        };
        let mut error = String::new();
        for mechanism in usable {
            match self.attempt(mechanism, secret, connection, place).await {
                Ok(()) => return Ok(()),
                // The server offers a mechanism that it does not support.
                Err(Failed(text, Some(504))) => error = text,
                Err(Failed(text, _)) => return Err(text),
            }
        }
        Err(error)
    }

    async fn attempt(
        &self,
        mechanism: Mechanism,
        secret: &SecretText,
        connection: &mut AsyncSmtpConnection,
        place: &LoginServer<'_>,
    ) -> Result<(), Failed> {
        let lines = mechanism.lines(&self.user, secret.expose_secret(), place);
        let name = mechanism.name();
        let hidden = |text: &str| without(text, &self.user, secret.expose_secret(), place);
        let say = async |connection: &mut AsyncSmtpConnection, line: &str| {
            let line = Zeroizing::new(format!("{line}\r\n"));
            let said = step("AUTH", connection.command(line.as_str())).await;
            said.map_err(|Failed(text, code)| Failed(format!("{} ({name})", hidden(&text)), code))
        };
        let mut left = lines.iter();
        // Some servers do not accept the user of LOGIN on the line of the command.
        let mut first = left.as_slice().first().filter(|_| mechanism != Mechanism::Login);
        let mut command = Zeroizing::new(format!("AUTH {name}"));
        first =
            first.filter(|first| command.len() + first.len() + " \r\n".len() <= MAX_COMMAND_BYTES);
        if let Some(first) = first {
            left.next();
            command = Zeroizing::new(format!("AUTH {name} {}", first.as_str()));
        }
        let mut answer = say(connection, &command).await?;
        for line in left {
            if code(&answer) != 334 {
                break;
            }
            answer = say(connection, line).await?;
        }
        if code(&answer) == 235 {
            return Ok(());
        }
        if code(&answer) != 334 {
            return Err(Failed(
                format!(
                    "AUTH: the server answered {}, which is not a reply to {name}",
                    code(&answer)
                ),
                None,
            ));
        }
        let reasons = hidden(&reasons(&answer));
        match say(connection, mechanism.acknowledgement()).await {
            Err(Failed(text, code)) => Err(Failed(format!("{text}{reasons}"), code)),
            Ok(_) => Err(Failed(
                format!("AUTH: the server asks for more than {name} has{reasons}"),
                None,
            )),
        }
    }

    /// The error text for a server without a suitable mechanism.
    fn nothing_fits(&self, offered: &[String]) -> String {
        let list = |names: &[&str]| names.join(" and ");
        let (what, ours, others, hint) = match &self.proof {
            Proof::Password(_) => (
                "a password",
                Mechanism::PASSWORD,
                Mechanism::TOKEN,
                "it requires a token: give smtp_token_file instead of smtp_password_file",
            ),
            Proof::TokenFile(_) => (
                "a token",
                Mechanism::TOKEN,
                Mechanism::PASSWORD,
                "it requires a password: give smtp_password_file instead of smtp_token_file",
            ),
        };
        let ours = list(&ours.map(Mechanism::name));
        if offered.is_empty() {
            return format!(
                "AUTH: the server offers no login here, and smtp_url has a user: leave the user out, or use \
                 the port for clients (587 or 465); with {what} sealdrop can do {ours}"
            );
        }
        let wants_other = others.iter().any(|other| offered.iter().any(|o| o == other.name()));
        let hint = if wants_other { format!("; {hint}") } else { String::new() };
        let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
        format!(
            "AUTH: the server offers {}; with {what} sealdrop can do {ours}{hint}",
            offered.join(", ")
        )
    }
}

/// The token in a file.
///
/// # Errors
///
/// The problem with the file.
pub(super) fn token_in(path: &std::path::Path) -> Result<SecretText, String> {
    let trouble = |problem: &str| Err(format!("{}: {problem}", path.display()));
    // It is read repeatedly, which only regular files allow.
    if !std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.is_file() {
        return trouble("it is not a regular file");
    }
    let token = read_secret(path)?;
    let is_token_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    match token.expose_secret().bytes().all(is_token_char) {
        true => Ok(token),
        false => trouble("it must hold the access token alone (RFC 6750), and no JSON around it"),
    }
}

async fn read_token(path: PathBuf) -> Result<SecretText, String> {
    let read = tokio::task::spawn_blocking(move || token_in(&path)).await;
    let read = read.unwrap_or_else(|_| Err("it could not be read".to_owned()));
    read.map_err(|problem| format!("AUTH: smtp_token_file: {problem}"))
}

/// The mechanisms in a reply to EHLO, in capitals: `AUTH PLAIN LOGIN`, or `AUTH=PLAIN` of old servers.
fn mechanisms(answer: &Response) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in answer.message() {
        let line = line.trim().to_ascii_uppercase();
        let Some(names) = line.strip_prefix("AUTH ").or_else(|| line.strip_prefix("AUTH=")) else {
            continue;
        };
        for name in names.split([' ', '=']) {
            // RFC 4422, 3.1
            let is_name = (1..=20).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if is_name && found.len() < 20 && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

fn code(answer: &Response) -> u16 {
    answer.code().into()
}

/// The server's reasons for refusing a token, which are JSON (RFC 7628, 3.2.2), as a short text.
fn reasons(answer: &Response) -> String {
    let line = answer.first_line().unwrap_or_default();
    let Ok(bytes) = STANDARD.decode(line.trim()) else { return String::new() };
    let Ok(Value::Object(told)) = serde_json::from_slice(&bytes) else { return String::new() };
    let status = told.get("status").map(|status| match status {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let is_word = |char: char| char.is_ascii_alphanumeric() || "_-. ".contains(char);
    match status {
        Some(status) if status.len() <= 40 && status.chars().all(is_word) => {
            format!(
                "; it refuses the token with status {status}: is the one in the file still valid?"
            )
        }
        _ => String::new(),
    }
}

/// The words of a reply, except those that contain a part of the secret, plain or encoded.
fn without(text: &str, user: &str, secret: &str, place: &LoginServer<'_>) -> String {
    let mechanisms = Mechanism::PASSWORD.into_iter().chain(Mechanism::TOKEN);
    let mut secrets: Vec<Zeroizing<String>> =
        mechanisms.flat_map(|mechanism| mechanism.lines(user, secret, place)).collect();
    // LOGIN sends the user separately, which is not secret.
    let user = STANDARD.encode(user);
    secrets.retain(|line| **line != user);
    secrets.push(Zeroizing::new(secret.to_owned()));
    let text =
        secrets.iter().fold(text.to_owned(), |text, line| text.replace(line.as_str(), "(…)"));
    let tells = |word: &&str| {
        let bare = word.trim_matches(|char: char| !char.is_ascii_alphanumeric());
        let is_part =
            bare.len() >= MAX_ECHO_CHARS && secrets.iter().any(|secret| secret.contains(bare));
        // Possibly the secret in another encoding; addresses of help pages are long as well.
        is_part || word.len() >= LONG_WORD_CHARS && !word.starts_with("https://")
    };
    let words = text.split_whitespace().map(|word| if tells(&word) { "(…)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str, secret: &str) -> String {
        let name = ClientId::Domain("example.org".into());
        without(text, "joe", secret, &LoginServer { host: "h", port: 587, name: &name })
    }

    #[test]
    fn a_secret_is_hidden_in_whatever_way_it_is_repeated() {
        let secret = "s3cret word";
        let encoded = |text: &str| STANDARD.encode(text);
        for repeated in [
            secret.to_owned(),
            "s3cret".to_owned(),
            format!("<{secret}>"),
            encoded(secret),
            encoded(&format!("\0joe\0{secret}")),
            encoded(&format!("user=joe\x01auth=Bearer {secret}\x01\x01")),
            encoded(&format!("an encoding of its own: {secret}")),
            encoded(&format!("\0joe\0{secret}"))[..14].to_owned(),
        ] {
            let text = hidden(&format!("AUTH: 535 5.7.8 no, {repeated} for joe"), secret);
            assert!(
                text.starts_with("AUTH: 535 5.7.8 no, ") && text.ends_with(" for joe"),
                "{text}"
            );
            assert!(!text.contains("s3cret") && !text.contains(&repeated), "{text}");
        }
        let harmless =
            "535 5.7.8 Bad Credentials for joe am9l https://support.example.com/mail/?p=Bad";
        assert_eq!(hidden(harmless, secret), harmless);
    }

    #[test]
    fn what_is_sent_is_what_the_standards_say() {
        let name = ClientId::Domain("example.org".into());
        let place = LoginServer { host: "mail.example.org", port: 587, name: &name };
        let lines = |mechanism: Mechanism| -> Vec<String> {
            let lines = mechanism.lines("a,b=c@x", "T", &place);
            let plain = lines.iter().map(|line| STANDARD.decode(line.as_str()).unwrap());
            plain.map(|line| String::from_utf8(line).unwrap()).collect()
        };
        assert_eq!(lines(Mechanism::Plain), ["\0a,b=c@x\0T"]);
        assert_eq!(lines(Mechanism::Login), ["a,b=c@x", "T"]);
        let oauth =
            "n,a=a=2Cb=3Dc@x,\x01host=mail.example.org\x01port=587\x01auth=Bearer T\x01\x01";
        assert_eq!(lines(Mechanism::OauthBearer), [oauth]);
        assert_eq!(lines(Mechanism::Xoauth2), ["user=a,b=c@x\x01auth=Bearer T\x01\x01"]);
    }
}
