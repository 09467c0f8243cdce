//! Checks that the settings of HTTPS fit together. Files are read elsewhere.

use super::{BadSetting, sources::Sources, table::Settings};

pub(super) fn check(settings: &Settings, sources: &Sources) -> Result<(), BadSetting> {
    let Settings { tls_cert, tls_key, tls_self_signed, .. } = settings;
    let (key, problem) = match (tls_cert, tls_key, tls_self_signed) {
        (Some(_), None, _) => ("tls_key", "it is missing, and tls_cert is set"),
        (None, Some(_), _) => ("tls_cert", "it is missing, and tls_key is set"),
        (Some(_), Some(_), true) => ("tls_self_signed", "it is true, and tls_cert is set"),
        _ => return Ok(()),
    };
    Err(sources.bad(key, problem))
}
