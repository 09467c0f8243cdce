//! Sending a secret: pack, seal, send; files that are too large for the secret follow one by one.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    error::ClientError,
    secrets::{CreatedSecret, SealedFields},
    server::{Dialect, ServerClient, Watch},
    upload,
};
use crate::crypto::{
    MessageKey, Random, SecretText,
    contents::{Packed, PackedPlace, pack_for_reply},
    halves,
};

/// A text with files up to this size together is sent as one secret, in one call.
const INLINE_BYTES: u64 = 256 << 10;

/// A file to be sent.
pub struct SourceFile {
    /// Its name, without folders.
    pub name: String,
    /// Its size in bytes when it was opened.
    pub size: u64,
    /// Its bytes.
    pub file: File,
}

/// A secret that was sent.
pub struct HandedOver {
    /// The server's answer.
    pub created: CreatedSecret,
    /// The public half, base64, which is part of the link.
    pub public: SecretText,
}

/// What is sent.
pub struct HandedContents<'a> {
    /// The text; empty if there are only files.
    pub text: &'a str,
    /// The files.
    pub files: Vec<SourceFile>,
    /// The fingerprint of the key for a reply, if one is allowed.
    pub reply: Option<&'a str>,
}

/// Seals the contents, creates the secret with `create`, and uploads the files that are not in it.
///
/// # Errors
///
/// [`ClientError`]; a secret that cannot be completed is deleted again.
pub fn hand_over(
    server: &ServerClient,
    contents: HandedContents<'_>,
    random: &dyn Random,
    watch: &dyn Watch,
    create: impl FnOnce(&SealedFields<'_>, &SecretText) -> Result<CreatedSecret, ClientError>,
) -> Result<HandedOver, ClientError> {
    let HandedContents { text, mut files, reply } = contents;
    let total = files.iter().fold(text.len() as u64, |sum, file| sum.saturating_add(file.size));
    // Other servers do not support attachments.
    let is_inline = total <= INLINE_BYTES && server.dialect() == Dialect::Sealdrop;
    let keys: Vec<MessageKey> = match is_inline {
        true => Vec::new(),
        false => files.iter().map(|_| MessageKey::new(random)).collect(),
    };
    let places = match is_inline {
        true => files.iter_mut().map(inline).collect::<Result<Vec<_>, _>>()?,
        false => {
            keys.iter().map(|key| Zeroizing::new(STANDARD.encode(key.expose_secret()))).collect()
        }
    };
    let packed: Vec<Packed<'_>> = (1..)
        .zip(files.iter().zip(&places))
        .map(|(n, (file, place))| {
            let place = match is_inline {
                true => PackedPlace::Here { data: place },
                false => PackedPlace::Attached { n, key: place },
            };
            Packed { name: &file.name, size: file.size, place }
        })
        .collect();
    // Clients of other servers do not read the packed form.
    let plaintext = match server.dialect() {
        Dialect::PasswordLink => Zeroizing::new(text.as_bytes().to_vec()),
        Dialect::Sealdrop => pack_for_reply(text, &packed, reply),
    };
    let sealed = halves::seal(&plaintext, random);
    let fields = SealedFields {
        ciphertext: &sealed.ciphertext,
        password_part_private: sealed.private.expose_secret(),
        password_part_public: None,
        sealed_part: None,
        attachments: (!keys.is_empty()).then_some(keys.len()),
    };
    let mut created = create(&fields, &sealed.public)?;
    if let Some(token) = created.upload_token.take() {
        let attached = files.into_iter().zip(keys).collect();
        let published = upload::run(server, &created.id, &token, attached, random, watch)?;
        created.expires_at = published.expires_at;
    } else if fields.attachments.is_some() {
        let id = &created.id;
        return Err(server.misunderstood(format!(
            "it does not accept files; burn the secret that it created: {id}"
        )));
    }
    Ok(HandedOver { created, public: sealed.public })
}

fn inline(source: &mut SourceFile) -> Result<Zeroizing<String>, ClientError> {
    let wrong =
        |cause| ClientError::File { what: format!("{} cannot be read", source.name), cause };
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(source.size + 1).unwrap_or(0)));
    source.file.seek(SeekFrom::Start(0)).map_err(wrong)?;
    // Files in /proc contain more than the size that they report.
    let read = (&source.file).take(source.size + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if read as u64 != source.size {
        return Err(wrong(io::Error::other("it was changed while it was read")));
    }
    Ok(Zeroizing::new(STANDARD.encode(&*bytes)))
}
