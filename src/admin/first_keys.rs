//! The keys of the first account, in a file of the data directory until the operator has read them.
//!
//! The standard output of a service usually goes to a journal, which is stored and which others can read. So
//! the keys go to standard output only if it is a terminal.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::AccountCreated;
use crate::{
    crypto::{SystemRandom, contents::pack, halves},
    private_file::write_private,
};

/// The file's name in the data directory.
pub const FIRST_KEYS_NAME: &str = "first-keys";
/// The file has two keys, a name and an address; a longer file is another one.
const MAX_BYTES: u64 = 16 << 10;

/// The keys of the first account, and the address of the daemon.
#[derive(Serialize, Deserialize)]
pub struct FirstKeys {
    /// The account.
    #[serde(flatten)]
    pub account: AccountCreated,
    /// The address of the daemon, without a trailing slash.
    pub base: String,
}

/// Keys that were read but not removed yet. A lock prevents other processes from reading them.
pub struct Taken {
    /// The keys.
    pub keys: FirstKeys,
    file: File,
    path: PathBuf,
}

/// The reason why no keys can be read.
#[derive(Debug, thiserror::Error)]
pub enum NoFirstKeys {
    /// There is no file, or another process has just read it.
    #[error("the keys do not exist")]
    Gone,
    /// The system does not allow reading or removing the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("the file does not contain the keys of a first account")]
    Damaged,
}

impl FirstKeys {
    /// Writes the keys to their file in `dir`, readable only for its owner, and replaces an existing file.
    /// Returns the path when the file is durable.
    ///
    /// # Errors
    ///
    /// The system's; then nothing was changed.
    pub fn leave(&self, dir: &Path) -> io::Result<PathBuf> {
        let path = dir.join(FIRST_KEYS_NAME);
        // Wiped, and large enough not to be moved while it holds keys.
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer(&mut *line, self)?;
        line.push(b'\n');
        write_private(&path, &line)?;
        Ok(path)
    }

    /// Reads the keys from `dir`. The file stays until `Taken::remove`.
    ///
    /// # Errors
    ///
    /// See [`NoFirstKeys`].
    pub fn take(dir: &Path) -> Result<Taken, NoFirstKeys> {
        let path = dir.join(FIRST_KEYS_NAME);
        // Neither a link to another file nor a pipe that never ends.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path);
        let mut file = opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound => NoFirstKeys::Gone,
            _ => NoFirstKeys::Io(error),
        })?;
        file.lock()?;
        let found = file.metadata()?;
        if found.nlink() == 0 {
            return Err(NoFirstKeys::Gone);
        }
        if !found.is_file() || found.len() > MAX_BYTES {
            return Err(NoFirstKeys::Damaged);
        }
        let mut line = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_BYTES).unwrap_or(0)));
        (&mut file).take(MAX_BYTES).read_to_end(&mut line)?;
        let keys = serde_json::from_slice(&line).map_err(|_| NoFirstKeys::Damaged)?;
        Ok(Taken { keys, file, path })
    }

    /// Shows the keys and an example of their use.
    ///
    /// # Errors
    ///
    /// That of `out`.
    pub fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        let AccountCreated { account, private_key, public_key } = &self.account;
        let (private_key, public_key) = (private_key.expose_secret(), public_key.expose_secret());
        let sealed = halves::seal(&pack("It works.", &[]), &SystemRandom);
        let (ciphertext, part) = (&sealed.ciphertext, sealed.private.expose_secret());
        let (base, key) = (&self.base, sealed.public.expose_secret());
        write!(
            out,
            "API keys of the account {account:?}, for scripts. They are shown now and never again (sealdrop\n\
             keeps only their hashes; `sealdrop apikey create` creates others).\n\
             \n  private key: {private_key}\n  public key:  {public_key}\n\n\
             Create a secret with curl:\n\n  \
             curl -H 'Authorization: ApiKey {private_key}' -H 'Content-Type: application/json' \
             -d '{{\"ciphertext\":\"{ciphertext}\",\"password_part_private\":\"{part}\"}}' \
             {base}/api/secrets\n\n\
             and open it at this address, with the id of the answer in the place of ID:\n\n  \
             {base}/ID/#{key}\n\n"
        )?;
        out.flush()
    }
}

impl Taken {
    /// Overwrites the file and removes it, durably.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn remove(self) -> io::Result<()> {
        let Self { mut file, path, .. } = self;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut io::repeat(0).take(length), &mut file)?;
        file.sync_all()?;
        fs::remove_file(&path)?;
        match path.parent() {
            Some(dir) if dir != Path::new("") => File::open(dir)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::crypto::SecretText;

    fn keys(private: &str) -> FirstKeys {
        FirstKeys {
            account: AccountCreated {
                account: "default".into(),
                private_key: SecretText::new(private.into()),
                public_key: SecretText::new("public_key_2".into()),
            },
            base: "http://127.0.0.1:1".into(),
        }
    }

    #[test]
    fn they_are_left_for_their_owner_and_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(FirstKeys::take(dir.path()), Err(NoFirstKeys::Gone)));
        // What an interrupted start left is replaced.
        fs::write(dir.path().join(".first-keys.new"), "half").unwrap();
        keys("private_key_0").leave(dir.path()).unwrap();
        let path = keys("private_key_1").leave(dir.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

        let taken = FirstKeys::take(dir.path()).unwrap();
        assert_eq!(taken.keys.account.private_key.expose_secret(), "private_key_1");
        // A concurrent reader waits for the lock, and finds no file.
        let waiting = dir.path().to_owned();
        let second = std::thread::spawn(move || FirstKeys::take(&waiting).err());
        let kept = File::open(&path).unwrap();
        taken.remove().unwrap();
        assert!(matches!(second.join().unwrap(), Some(NoFirstKeys::Gone)));
        assert!(!path.exists());
        let mut rest = Vec::new();
        (&kept).read_to_end(&mut rest).unwrap();
        assert!(!rest.is_empty() && rest.iter().all(|byte| *byte == 0), "it was overwritten");
    }

    #[test]
    fn what_is_not_taken_stays() {
        let dir = tempfile::tempdir().unwrap();
        keys("private_key_1").leave(dir.path()).unwrap();
        drop(FirstKeys::take(dir.path()).unwrap());
        assert!(FirstKeys::take(dir.path()).is_ok());
    }

    #[test]
    fn another_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FIRST_KEYS_NAME);
        for text in ["", "{}", "private_key_x", &"x".repeat(1 << 20)] {
            fs::write(&path, text).unwrap();
            assert!(matches!(FirstKeys::take(dir.path()), Err(NoFirstKeys::Damaged)));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::remove_file(&path).unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "{}").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(matches!(FirstKeys::take(dir.path()), Err(NoFirstKeys::Io(_))));
        fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        assert!(matches!(FirstKeys::take(dir.path()), Err(NoFirstKeys::Damaged)));
    }
}
