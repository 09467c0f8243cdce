//! Files with private keys of boxes: encrypted with a passphrase, readable only for the owner.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};

use crate::{
    cli::{Context, Exit, Failure},
    crypto::public_key::MAX_TEXT_BYTES,
    secret_file::{decode, read_short},
};

/// A new key file. It is created before its box, and deleted if the box is not created.
pub(super) struct NewKeyFile {
    file: NamedTempFile,
    /// The folder, if the file gets the token of its box as its name.
    boxes: Option<PathBuf>,
}

impl NewKeyFile {
    /// Creates an empty file: at `path`, or in the user's folder of boxes. An error if the file exists.
    pub(super) fn create(path: Option<&str>, context: &Context<'_>) -> Result<Self, Failure> {
        let Some(path) = path else {
            let boxes = folder(context)?;
            let wrong = |error| Failure::failed(format!("{}: {error}", boxes.display()));
            DirBuilder::new().recursive(true).mode(0o700).create(&boxes).map_err(wrong)?;
            let mut builder = tempfile::Builder::new();
            let file = builder.prefix("new-").suffix(".pem").tempfile_in(&boxes).map_err(wrong)?;
            return Ok(Self { file, boxes: Some(boxes) });
        };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file =
            file.map_err(|error| Failure::usage(format!("--private-key {path}: {error}")))?;
        let path = TempPath::try_from_path(path).map_err(Failure::from)?;
        Ok(Self { file: NamedTempFile::from_parts(file, path), boxes: None })
    }

    /// Writes the key to the disk.
    pub(super) fn write(&mut self, pem: &str) -> Result<(), Failure> {
        let written = self.file.write_all(pem.as_bytes()).and_then(|()| {
            self.file.as_file().sync_all()?;
            // The name must also survive a power cut.
            let folder = self.file.path().parent().filter(|folder| *folder != Path::new(""));
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        let path = self.file.path().display();
        written
            .map_err(|error| Failure::failed(format!("the key cannot be saved: {path}: {error}")))
    }

    /// Keeps the file, for the box with this token. Returns its path.
    pub(super) fn keep(self, token: &str) -> Result<PathBuf, Failure> {
        let Some(boxes) = self.boxes else {
            let kept = self.file.keep();
            return kept.map(|(_, path)| path).map_err(|error| error.error.into());
        };
        let path = boxes.join(file_name(token));
        match self.file.persist_noclobber(&path) {
            Ok(_) => Ok(path),
            // An odd name is better than a lost key.
            Err(error) => match error.file.keep() {
                Ok((_, path)) => Ok(path),
                Err(error) => Err(error.error.into()),
            },
        }
    }
}

/// Checks that a file can be created at `path`. A file that appears there later is not replaced either.
pub(super) fn check_new(path: &str) -> Result<(), Failure> {
    let wrong = |why: &str| Failure::usage(format!("--private-key {path}: {why}"));
    if fs::symlink_metadata(path).is_ok() {
        return Err(wrong("this file already exists; give the name of a new one"));
    }
    let folder = Path::new(path).parent().filter(|folder| *folder != Path::new(""));
    match folder.is_none_or(Path::is_dir) {
        true => Ok(()),
        false => Err(wrong("there is no such directory")),
    }
}

/// The text of the key file at `path`, or of the box's file in the user's folder.
pub(super) fn read(
    path: Option<&str>,
    token: &str,
    context: &Context<'_>,
) -> Result<(PathBuf, String), Failure> {
    let found = match path {
        Some(path) => PathBuf::from(path),
        None => folder(context)?.join(file_name(token)),
    };
    let shown = found.display();
    // The longest key.
    let read = read_short(&found, MAX_TEXT_BYTES as u64)
        .and_then(|bytes| decode(&bytes).map(str::to_owned).map_err(std::io::Error::other));
    match (read, path) {
        (Ok(text), _) => Ok((found, text)),
        (Err(error), Some(path)) => Err(Failure::usage(format!("--private-key {path}: {error}"))),
        (Err(error), None) => Err(Failure {
            exit: Exit::Refused,
            message: format!(
                "the private key of the box was not found ({shown}: {error}): give its file with \
                 --private-key FILE; if the server has the key as well, --online opens the box with only \
                 its passphrase"
            ),
        }),
    }
}

fn file_name(token: &str) -> String {
    format!("{token}.pem")
}

/// `$XDG_DATA_HOME/sealdrop/boxes`, or below `~/.local/share`.
fn folder(context: &Context<'_>) -> Result<PathBuf, Failure> {
    let data = match context.path_variable("XDG_DATA_HOME") {
        Some(folder) if folder.is_absolute() => folder,
        _ => match context.path_variable("HOME") {
            Some(home) => home.join(".local/share"),
            None => {
                return Err(Failure::usage(
                    "HOME is not set, so there is no folder for keys: give a file with --private-key FILE",
                ));
            }
        },
    };
    Ok(data.join("sealdrop/boxes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_file_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(check_new(&path("new")), Ok(()));
        std::os::unix::fs::symlink("/nowhere", path("link")).unwrap();
        for bad in ["link", "none/new"] {
            let failure = check_new(&path(bad)).unwrap_err();
            assert!(failure.message.starts_with("--private-key "), "{}", failure.message);
        }
    }
}
