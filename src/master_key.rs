//! The file with a master key: 64 hexadecimal digits, as `openssl rand -hex 32` writes them.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    config::{BadSetting, Loaded},
    crypto::{Random, WrappingKey, hex},
    secret_file,
};

/// The environment variable that names the file for a command without a daemon.
pub const MASTER_KEY_FILE: &str = "SEALDROP_MASTER_KEY_FILE";

/// Reads the master key, if the settings name one. Blocks.
///
/// # Errors
///
/// As [`read`], with the names of the setting and the file.
pub fn configured(loaded: &Loaded) -> Result<Option<WrappingKey>, BadSetting> {
    let path = loaded.settings.ring.master_key_file.as_ref();
    path.map(|path| {
        let named =
            |problem| loaded.bad("master_key_file", format!("{}: {problem}", path.display()));
        read(path).map_err(named)
    })
    .transpose()
}

/// Reads the master key in the file that [`MASTER_KEY_FILE`] names. Blocks.
///
/// # Errors
///
/// As [`read`], with the names of the variable and the file.
pub fn read_named(path: &Path) -> Result<WrappingKey, String> {
    read(path).map_err(|problem| format!("{MASTER_KEY_FILE}: {}: {problem}", path.display()))
}

/// Reads a master key. Blocks.
///
/// # Errors
///
/// The problem with the file; the text contains nothing of its content.
pub fn read(path: &Path) -> Result<WrappingKey, String> {
    let text = secret_file::read_secret(path)?;
    let mut bytes = Zeroizing::new([0; 32]);
    parse(text.expose_secret(), &mut bytes)
        .ok_or("it has not 64 hexadecimal digits: make one with sealdrop master-key create")?;
    Ok(WrappingKey::from_bytes(*bytes))
}

fn parse(text: &str, bytes: &mut [u8; 32]) -> Option<()> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(())
}

/// Writes a new master key into a new file that only its owner reads. Blocks.
///
/// # Errors
///
/// An error of the system; [`io::ErrorKind::AlreadyExists`] if there is a file.
pub fn create(path: &Path, random: &dyn Random) -> io::Result<()> {
    let key = WrappingKey::new(random);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    let digits = Zeroizing::new(hex(key.expose_secret()));
    file.write_all(digits.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SystemRandom;

    #[test]
    fn a_key_comes_back_and_nothing_else_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master");
        create(&path, &SystemRandom).unwrap();
        let key = read(&path).unwrap();
        let digits = std::fs::read_to_string(&path).unwrap();
        assert_eq!(digits.trim(), hex(key.expose_secret()));
        let taken = create(&path, &SystemRandom).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        for wrong in ["", "00", &"0".repeat(63), &"0".repeat(65), &"é".repeat(32), &"g".repeat(64)]
        {
            std::fs::write(&path, wrong).unwrap();
            assert!(read(&path).is_err(), "{wrong}");
        }
        std::fs::write(&path, format!("\u{feff}{}\r\n", digits.trim().to_uppercase())).unwrap();
        assert_eq!(read(&path).unwrap().expose_secret(), key.expose_secret());
    }
}
