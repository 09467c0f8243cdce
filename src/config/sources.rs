//! The sources of values: flags, the environment, systemd's credentials, the file. Here the values are still
//! text.

use std::{collections::BTreeMap, ffi::OsString, fs, path::PathBuf};

use toml::Value;

use super::{
    BadSetting, Flags, Setting, TABLE,
    table::{CONFIG, find},
};
use crate::secret_file::{decode, trimmed};

/// The variables of the client, which share the prefix: see `cli::connection`.
const CLIENT_VARIABLES: [&str; 4] =
    ["SEALDROP_SERVER", "SEALDROP_KEY", "SEALDROP_KEY_FILE", "SEALDROP_DIALECT"];

/// The variable in which systemd names the directory with the credentials of the service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The values of all sources.
#[derive(Debug)]
pub(super) struct Sources {
    flags: Flags,
    /// The variables that begin with `SEALDROP_` and are not blank.
    environment: BTreeMap<String, OsString>,
    /// Where systemd puts the credentials of the service.
    credentials: Option<PathBuf>,
    file: Option<SettingsFile>,
}

/// A value and its source.
pub(super) struct FoundValue {
    /// `--listen`, `SEALDROP_LISTEN`, `the credential tls_key` or `sealdrop.toml: listen`.
    pub(super) origin: String,
    /// The value as text; the items of a list are joined by commas.
    pub(super) text: String,
}

#[derive(Debug)]
struct SettingsFile {
    path: String,
    keys: toml::Table,
}

impl Sources {
    /// Collects the flags and the environment, and reads the file that one of them names.
    pub(super) fn gather(
        flags: Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, BadSetting> {
        let mut credentials = None;
        let environment = environment
            .into_iter()
            .inspect(|(name, value)| {
                if name == CREDENTIALS && !value.is_empty() {
                    credentials = Some(PathBuf::from(value));
                }
            })
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            // A file of variables that was written on Windows may begin with a byte order mark.
            .map(|(name, value)| (trimmed(&name).to_owned(), value))
            .filter(|(_, value)| value.to_str().is_none_or(|text| !trimmed(text).is_empty()))
            .filter(|(name, _)| name.starts_with("SEALDROP_"))
            .collect();
        let mut sources = Self { flags, environment, credentials, file: None };
        if let Some(FoundValue { origin, text: path }) = sources.find(&CONFIG)? {
            sources.file = Some(read(path, &origin)?);
        }
        Ok(sources)
    }

    /// The value of `setting` from the source with the highest precedence.
    ///
    /// # Errors
    ///
    /// A value that is not text: not UTF-8 in the environment, not a scalar in the file. A credential that
    /// cannot be looked up.
    pub(super) fn find(&self, setting: &Setting) -> Result<Option<FoundValue>, BadSetting> {
        let values: Vec<&str> = self
            .flags
            .iter()
            .filter(|(key, _)| *key == setting.key)
            .map(|(_, value)| trimmed(value))
            .collect();
        if !values.is_empty() {
            return Ok(Some(FoundValue { origin: setting.flag(), text: values.join(",") }));
        }
        let origin = setting.variable();
        if let Some(value) = self.environment.get(&origin) {
            let text = value.to_str().map(|text| trimmed(text).to_owned());
            let text = text.ok_or_else(|| setting.bad(&origin, "it is not UTF-8".to_owned()))?;
            return Ok(Some(FoundValue { origin, text }));
        }
        if let Some(found) = self.credential(setting)? {
            return Ok(Some(found));
        }
        let Some(file) = &self.file else { return Ok(None) };
        let Some(value) = file.keys.get(setting.key) else { return Ok(None) };
        let origin = file.origin(setting.key);
        let text = text(value, setting).map_err(|problem| setting.bad(&origin, problem))?;
        Ok(Some(FoundValue { origin, text }))
    }

    /// The path of the credential that has the name of `setting`, if there is one. The file itself is read
    /// where the setting is used.
    fn credential(&self, setting: &Setting) -> Result<Option<FoundValue>, BadSetting> {
        let Some(folder) = self.credentials.as_ref().filter(|_| setting.is_credential) else {
            return Ok(None);
        };
        let path = folder.join(setting.key);
        let origin = format!("the credential {}", setting.key);
        let bad = |problem: String| setting.bad(&origin, problem);
        match path.try_exists() {
            Ok(false) => Ok(None),
            Ok(true) => {
                let text = path.into_os_string().into_string();
                let text = text.map_err(|path| bad(format!("{} is not UTF-8", path.display())))?;
                Ok(Some(FoundValue { origin, text }))
            }
            Err(error) => Err(bad(format!("cannot look up {}: {error}", path.display()))),
        }
    }

    /// Whether any source has a value of the setting `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        find(key).is_some_and(|setting| self.find(setting).is_ok_and(|found| found.is_some()))
    }

    /// The source of the value of the setting `key`, which may be the default.
    pub(super) fn origin(&self, key: &str) -> String {
        find(key)
            .and_then(|setting| self.find(setting).ok().flatten())
            .map_or_else(|| "the default".to_owned(), |found| found.origin)
    }

    /// The error for the value of the setting `key`, wherever it comes from.
    pub(super) fn bad(&self, key: &str, problem: impl Into<String>) -> BadSetting {
        BadSetting {
            setting: key.to_owned(),
            origin: self.origin(key),
            problem: problem.into(),
            remedy: find(key).map_or("give another value", |setting| setting.remedy).to_owned(),
        }
    }

    /// An error for the first unknown key of the file: otherwise a misspelt setting would keep its default
    /// without a message.
    pub(super) fn refuse_unknown_keys(&self) -> Result<(), BadSetting> {
        let Some(file) = &self.file else { return Ok(()) };
        let Some(key) =
            file.keys.keys().find(|key| TABLE.iter().all(|setting| setting.key != *key))
        else {
            return Ok(());
        };
        Err(BadSetting {
            setting: key.clone(),
            origin: file.origin(key),
            problem: "this setting does not exist".to_owned(),
            remedy: match nearest(key, TABLE.iter().map(|setting| setting.key)) {
                Some(near) => format!("did you mean {near}?"),
                None => {
                    let keys: Vec<_> = TABLE.iter().map(|setting| setting.key).collect();
                    format!("the settings are {}", keys.join(", "))
                }
            },
        })
    }

    /// One sentence for each unknown `SEALDROP_…` variable.
    ///
    /// Not an error: an environment is inherited, and another program or version may have set the variable.
    pub(super) fn warnings(&self) -> Vec<String> {
        let known = || TABLE.iter().chain([&CONFIG]);
        self.environment
            .keys()
            .filter(|name| known().all(|setting| setting.variable() != **name))
            // Variables of the client.
            .filter(|name| !CLIENT_VARIABLES.contains(&name.as_str()))
            .map(|name| {
                // Without the prefix, which would make all names similar.
                let key = name.trim_start_matches("SEALDROP_").to_ascii_lowercase();
                let hint = match nearest(&key, known().map(|setting| setting.key)) {
                    Some(near) => format!("; did you mean SEALDROP_{}?", near.to_ascii_uppercase()),
                    None => String::new(),
                };
                format!("the environment variable {name} is not a setting{hint}")
            })
            .collect()
    }
}

impl SettingsFile {
    fn origin(&self, key: &str) -> String {
        format!("{}: {key}", self.path)
    }
}

fn read(path: String, origin: &str) -> Result<SettingsFile, BadSetting> {
    let unreadable = |error: &dyn std::fmt::Display| {
        CONFIG.bad(origin, format!("cannot read {path:?}: {error}"))
    };
    let bytes = fs::read(&path).map_err(|error| unreadable(&error))?;
    let text = decode(&bytes).map_err(|problem| unreadable(&problem))?;
    let keys = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| {
            1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
        });
        CONFIG.bad(origin, format!("line {line} of {path:?} is not TOML: {}", error.message()))
    })?;
    Ok(SettingsFile { path, keys })
}

fn text(value: &Value, setting: &Setting) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(trimmed(text).to_owned()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        Value::Array(items) if setting.is_list => {
            let items: Option<Vec<_>> =
                items.iter().map(|item| item.as_str().map(trimmed)).collect();
            items
                .map(|items| items.join(","))
                .ok_or_else(|| "the array has an item that is not a string".to_owned())
        }
        Value::Array(_) => Err("an array is not allowed here".to_owned()),
        Value::Float(_) => Err("a fractional number is not allowed here".to_owned()),
        Value::Datetime(_) => Err("a date is not allowed here".to_owned()),
        Value::Table(_) => Err("a table is not allowed here".to_owned()),
    }
}

/// The candidate that is most similar to `name`, if one is similar enough.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .min()
        // More than a third of the letters differ: another word.
        .filter(|(distance, candidate)| distance * 3 <= candidate.len())
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance in bytes: insertions, deletions and replacements from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.bytes().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *above;
            left = replaced.min(diagonal + 1).min(left + 1);
            *above = left;
        }
    }
    row.pop().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The origin and the text of `key` with these sources. The credentials are in `folder`.
    fn found(
        key: &str,
        folder: &Path,
        flags: &[(&'static str, &str)],
        env: &[(&str, &str)],
    ) -> Option<(String, String)> {
        let flags = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let env = env.iter().map(|(name, value)| (name.into(), value.into()));
        let credentials = [(CREDENTIALS.into(), folder.into())];
        let sources = Sources::gather(flags, env.chain(credentials)).unwrap();
        sources.find(find(key).unwrap()).unwrap().map(|found| (found.origin, found.text))
    }

    #[test]
    fn a_credential_is_before_the_file_and_after_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let credentials = dir.path().join("credentials");
        fs::create_dir(&credentials).unwrap();
        let file = dir.path().join("sealdrop.toml");
        fs::write(&file, "tls_key = \"/from/file\"").unwrap();
        let file = [("SEALDROP_CONFIG", file.to_str().unwrap())];
        let with_env = [file[0], ("SEALDROP_TLS_KEY", "/from/env")];
        let find = |flags, env| found("tls_key", &credentials, flags, env).unwrap().1;
        assert_eq!(find(&[], &file), "/from/file");

        let path = credentials.join("tls_key");
        fs::write(&path, "").unwrap();
        let text = path.to_str().unwrap().to_owned();
        let credential = ("the credential tls_key".to_owned(), text);
        assert_eq!(found("tls_key", &credentials, &[], &[]).unwrap(), credential);
        assert_eq!(found("tls_key", &credentials, &[], &file).unwrap(), credential);
        assert_eq!(find(&[], &with_env), "/from/env");
        assert_eq!(find(&[("tls_key", "/from/flag")], &with_env), "/from/flag");
    }

    #[test]
    fn every_file_that_may_be_secret_can_be_a_credential() {
        let dir = tempfile::tempdir().unwrap();
        for setting in TABLE {
            fs::write(dir.path().join(setting.key), "").unwrap();
            // A logo, a style sheet and the certificate of an authority are public; the ring is written.
            let is_secret = setting.value == "FILE"
                && !["site_logo", "custom_css", "acme_ca", "ring"].contains(&setting.key);
            let is_found = found(setting.key, dir.path(), &[], &[]).is_some();
            assert_eq!(is_found, is_secret, "{}", setting.key);
        }
    }
}
