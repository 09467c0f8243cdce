//! The server and the key of a command: from flags, else from variables, else from the user's file.
//!
//! A key is sent only to the server that it was given for, never to the server of a foreign link.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use ureq::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::{Context, Failure, headers};
use crate::{
    client::{Dialect, ServerClient, Way, link::LinkPlace, proxy},
    crypto::SecretText,
    secret_file::{decode, read_short, trimmed},
};

/// The longest file of settings or of a key.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// The flags of a command that talks to a server, as given.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct ServerFlags {
    pub(crate) server: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) dialect: Option<String>,
    pub(crate) header: Vec<String>,
    pub(crate) cacert: Option<String>,
}

/// The server and the key from flags, variables and the file.
pub(crate) struct ServerSettings {
    server: Option<Url>,
    /// Whether the address comes from a flag, which takes precedence over the address in a link.
    is_flag: bool,
    key: Option<SecretText>,
    /// Whether the key comes from a flag: it is sent to any server that the command line names.
    is_key_flag: bool,
    dialect: Dialect,
    /// Only for the named server: the headers beside it, and the login in its address.
    headers: HeaderMap,
    /// For any server that the command line names.
    flag_headers: HeaderMap,
    certificates: Option<PathBuf>,
}

/// The address of a server, and the login that the address contained.
type NamedServer = (Url, Option<HeaderValue>);

/// `~/.config/sealdrop/config.toml`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientFile {
    server: Option<String>,
    key: Option<Zeroizing<String>>,
    key_file: Option<String>,
    dialect: Option<String>,
    header: Option<Vec<Zeroizing<String>>>,
    cacert: Option<String>,
}

impl ServerFlags {
    /// Reads flags, variables and file.
    pub(crate) fn settings(self, context: &mut Context<'_>) -> Result<ServerSettings, Failure> {
        if context.out_is_closed {
            return Err(Failure::usage("standard output is closed, so the output would be lost"));
        }
        let path = file_path(context);
        let dir = path.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        let file = path
            .as_deref()
            .map_or_else(|| Ok(ClientFile::default()), |path| read(path, context))?;
        let named_file =
            path.as_deref().map_or_else(String::new, |path| path.display().to_string());
        let is_flag = self.server.is_some();
        let of_flag = self.server.map(|text| address(&text, "--server")).transpose()?;
        let of_variable = context.variable("SEALDROP_SERVER")?;
        let of_variable = of_variable.map(|text| address(&text, "SEALDROP_SERVER")).transpose()?;
        let of_file = file.server.as_deref().map(|text| address(text, &named_file)).transpose()?;
        let named = [&of_flag, &of_variable, &of_file].into_iter().flatten().next().cloned();
        let (server, login) = named.unzip();
        let of_variable = of_variable.map(|(server, _)| server);
        let of_file = of_file.map(|(server, _)| server);
        // A key belongs to the server that is named in the same place. Without a server there, it is for any
        // server that a flag names.
        let is_for_it = |beside: &Option<Url>| *beside == server;
        let is_key_flag = self.key_file.is_some();
        let key = if let Some(path) = &self.key_file {
            Some(key_in(Path::new(path), "--key-file", context)?)
        } else if of_variable.is_some() && !is_for_it(&of_variable) {
            None
        } else if let Some(key) = context.variable("SEALDROP_KEY")? {
            Some(checked(&Zeroizing::new(key), "SEALDROP_KEY")?)
        } else if let Some(path) = context.variable("SEALDROP_KEY_FILE")? {
            Some(key_in(Path::new(&path), "SEALDROP_KEY_FILE", context)?)
        } else if !is_for_it(&of_file) {
            None
        } else if let Some(key) = &file.key {
            Some(checked(key, &named_file)?)
        } else if let Some(key_file) = &file.key_file {
            Some(key_in(&dir.join(key_file), &named_file, context)?)
        } else {
            None
        };
        let dialect = match (self.dialect, context.variable("SEALDROP_DIALECT")?, file.dialect) {
            (Some(name), ..) => dialect(&name, "--dialect")?,
            (None, Some(name), _) => dialect(&name, "SEALDROP_DIALECT")?,
            (None, None, Some(name)) => dialect(&name, &named_file)?,
            (None, None, None) => Dialect::default(),
        };
        // Headers are sent to the server that gets the key.
        let mut headers = HeaderMap::new();
        let here = Path::new("");
        if is_for_it(&of_file) {
            for text in file.header.iter().flatten() {
                headers::add(&mut headers, text, &named_file, &dir, context)?;
            }
        }
        if (of_variable.is_none() || is_for_it(&of_variable))
            && let Some(text) = context.variable("SEALDROP_HEADER")?.map(Zeroizing::new)
        {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                headers::add(&mut headers, line, "SEALDROP_HEADER", here, context)?;
            }
        }
        if let Some(login) = login.flatten() {
            headers.insert(AUTHORIZATION, login);
        }
        let mut flag_headers = HeaderMap::new();
        for text in self.header.into_iter().map(Zeroizing::new) {
            headers::add(&mut flag_headers, &text, "--header", here, context)?;
        }
        let of_variable = context.path_variable("SEALDROP_CACERT");
        let of_file = file.cacert.map(|cacert| dir.join(cacert));
        let certificates = self.cacert.map(PathBuf::from).or(of_variable).or(of_file);
        Ok(ServerSettings {
            server,
            is_flag,
            key,
            is_key_flag,
            dialect,
            headers,
            flag_headers,
            certificates,
        })
    }
}

impl ServerSettings {
    /// The API of the server.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The named server, with the key.
    pub(crate) fn server(self, context: &mut Context<'_>) -> Result<ServerClient, Failure> {
        let Some(root) = self.server else {
            return Err(Failure::usage(
                "no server is given: give --server URL, set SEALDROP_SERVER, or write server = \
                 \"https://…\" to ~/.config/sealdrop/config.toml",
            ));
        };
        let variable = |name: &str| {
            context.path_variable(name).map(|value| value.to_string_lossy().into_owned())
        };
        let proxy = proxy::find(&root, variable)?;
        warn_of_plain_http(&root, context)?;
        let mut headers = self.headers;
        for name in self.flag_headers.keys() {
            headers.remove(name);
        }
        headers.extend(self.flag_headers);
        let way = Way { headers, proxy, certificates: self.certificates };
        Ok(ServerClient::new(root, self.key, self.dialect, way)?)
    }

    /// The server of a link, unless a flag names another one. It gets the key only if the key belongs to it.
    pub(crate) fn server_of(
        mut self,
        place: &LinkPlace,
        context: &mut Context<'_>,
    ) -> Result<ServerClient, Failure> {
        if let Some(root) = place.root.as_ref().filter(|_| !self.is_flag) {
            let (root, login) = headers::without_login(root.clone());
            if self.server.as_ref() != Some(&root) {
                self.headers.clear();
                if !self.is_key_flag {
                    self.key = None;
                }
            }
            if let Some(login) = login {
                self.headers.insert(AUTHORIZATION, login);
            }
            self.server = Some(root);
        }
        self.server(context)
    }

    /// As [`Self::server`], for creating something: password.link creates nothing without a key, and sealdrop what
    /// the operator allows.
    pub(crate) fn creator(self, context: &mut Context<'_>) -> Result<ServerClient, Failure> {
        match self.dialect {
            Dialect::Sealdrop => self.server(context),
            Dialect::PasswordLink => self.account(context),
        }
    }

    /// As [`Self::server`]; an error without a key.
    pub(crate) fn account(self, context: &mut Context<'_>) -> Result<ServerClient, Failure> {
        let server = self.server(context)?;
        if server.has_key() {
            return Ok(server);
        }
        Err(Failure::usage(format!(
            "this needs an API key for {}: give --key-file FILE, set SEALDROP_KEY or \
             SEALDROP_KEY_FILE, or write key_file = \"…\" to ~/.config/sealdrop/config.toml. A key that is \
             given beside another server is only for that server",
            server.root()
        )))
    }
}

/// `$XDG_CONFIG_HOME/sealdrop/config.toml`, or below `~/.config`.
fn file_path(context: &Context<'_>) -> Option<PathBuf> {
    let folder = match context.path_variable("XDG_CONFIG_HOME") {
        Some(folder) if folder.is_absolute() => folder,
        _ => context.path_variable("HOME")?.join(".config"),
    };
    Some(folder.join("sealdrop/config.toml"))
}

fn read(path: &Path, context: &mut Context<'_>) -> Result<ClientFile, Failure> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ClientFile::default()),
        Err(error) => return Err(Failure::usage(format!("{}: {error}", path.display()))),
    };
    let file: ClientFile = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        // Not the whole error: it shows the line, which may contain the key.
        Failure::usage(format!("{}, line {line}: {}", path.display(), error.message()))
    })?;
    let has_login = file.server.as_deref().is_some_and(|server| server.contains('@'));
    if file.key.is_some() || file.header.is_some() || has_login {
        warn_of_readers(path, context)?;
    }
    Ok(file)
}

fn key_in(path: &Path, origin: &str, context: &mut Context<'_>) -> Result<SecretText, Failure> {
    let text = read_text(path).map_err(|error| {
        Failure::usage(format!("{origin}: {} cannot be read: {error}", path.display()))
    })?;
    warn_of_readers(path, context)?;
    checked(&text, origin)
}

/// The text of a short file.
pub(crate) fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    let bytes = read_short(path, MAX_FILE_BYTES)?;
    let text = decode(&bytes).map_err(io::Error::other)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn checked(text: &str, origin: &str) -> Result<SecretText, Failure> {
    let key = trimmed(text);
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "{origin}: this is not an API key; API keys begin with private_key_ or public_key_"
        )));
    }
    Ok(SecretText::new(key.to_owned()))
}

fn address(text: &str, origin: &str) -> Result<NamedServer, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("{origin}: {why}; give an address such as https://drop.example.org"))
    };
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&full).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("the address of a server begins with https or http"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("this is a link to something on a server, not the address of a server"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(headers::without_login(url))
}

fn dialect(name: &str, origin: &str) -> Result<Dialect, Failure> {
    match name {
        "sealdrop" => Ok(Dialect::Sealdrop),
        "password.link" => Ok(Dialect::PasswordLink),
        _ => Err(Failure::usage(format!("{origin}: give sealdrop or password.link"))),
    }
}

fn warn_of_plain_http(root: &Url, context: &mut Context<'_>) -> Result<(), Failure> {
    let is_here = match root.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if root.scheme() == "http" && !is_here {
        writeln!(
            context.err,
            "warning: the connection to {root} is not encrypted: others can read keys and links on the way"
        )?;
    }
    Ok(())
}

pub(crate) fn warn_of_readers(path: &Path, context: &mut Context<'_>) -> Result<(), Failure> {
    if fs::metadata(path).is_ok_and(|file| file.mode() & 0o077 != 0) {
        let path = path.display();
        writeln!(
            context.err,
            "warning: other users can read {path}, which contains a key: chmod 600 {path}"
        )?;
    }
    Ok(())
}

impl Context<'_> {
    /// The value of a variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(value) = self.os_variable(name) else { return Ok(None) };
        let value = value.to_str().map(|text| trimmed(text).to_owned());
        value
            .map(|text| Some(text).filter(|text| !text.is_empty()))
            .ok_or_else(|| Failure::usage(format!("{name} is not UTF-8")))
    }

    /// The same as a path, which need not be UTF-8.
    pub(crate) fn path_variable(&self, name: &str) -> Option<PathBuf> {
        self.os_variable(name).map(PathBuf::from)
    }

    fn os_variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }
}
