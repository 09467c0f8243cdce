//! Parsers of values. An error names the problem; [`super::Setting::remedy`] describes a correct value.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
};

use hyper::header::HeaderName;
use ipnet::IpNet;
use tracing::Level;

use super::{Boxes, LogFormat, SecretCreation, ViewerIp};
use crate::crypto::RsaBits;

/// A numeric address and port. Names are not resolved: the result could change between `--check` and the
/// start.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not a numeric address and port"))
}

/// A path that is not empty. Opening it shows whether it is a directory.
pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("the path is empty".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// `true` or `false`.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

/// A whole number within `range`; `_` may group its digits, as in TOML.
pub(super) fn number<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>) -> Result<T, String> {
    let value: u64 = text
        .replace('_', "")
        .parse()
        .map_err(|_| format!("{text:?} is not a whole number, or it is too large"))?;
    within(value, &range).ok_or_else(|| format!("{text} is out of range"))
}

/// A number of bytes within `range`: plain, or with KiB to TiB (powers of 1,024) or kB to TB
/// (powers of 1,000) after it, in any case.
pub(super) fn bytes<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>) -> Result<T, String> {
    let digits =
        text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_').len();
    let (count, unit) = text.split_at(digits);
    let not_a_size = || format!("{text:?} is not a number of bytes");
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(not_a_size()),
    };
    let count: u64 = count.replace('_', "").parse().map_err(|_| not_a_size())?;
    count
        .checked_mul(factor)
        .and_then(|value| within(value, &range))
        .ok_or_else(|| format!("{text} is out of range"))
}

/// As [`bytes`], where 0 means no limit.
pub(super) fn bytes_or_no_limit(
    text: &str,
    range: RangeInclusive<u64>,
) -> Result<Option<u64>, String> {
    match bytes::<u64>(text, 0..=*range.end())? {
        0 => Ok(None),
        _ => bytes(text, range).map(Some),
    }
}

/// Parses who may create secrets.
pub(super) fn create(text: &str) -> Result<SecretCreation, String> {
    match text {
        "open" => Ok(SecretCreation::Open),
        "account" => Ok(SecretCreation::Account),
        _ => Err(format!("{text:?} is not an allowed value")),
    }
}

/// Parses who may create boxes.
pub(super) fn boxes(text: &str) -> Result<Boxes, String> {
    match text {
        "open" => Ok(Boxes::Open),
        "account" => Ok(Boxes::Account),
        "off" => Ok(Boxes::Off),
        _ => Err(format!("{text:?} is not an allowed value")),
    }
}

/// A size of RSA keys.
pub(super) fn rsa_bits(text: &str) -> Result<RsaBits, String> {
    let not_one = || format!("{text:?} is not a valid key size");
    let bits = text.parse::<u64>().map_err(|_| not_one())?;
    RsaBits::try_from(bits).map_err(|_| not_one())
}

/// Addresses and CIDR blocks, separated by commas; a single address is a block of its own. Bits
/// after the prefix are cleared.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(str::trim).map(network).collect()
}

/// The name of a header; empty for none.
pub(super) fn header_name(text: &str) -> Result<Option<HeaderName>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{text:?} is not the name of a header");
    text.parse().map(Some).map_err(|_| wrong())
}

/// How much of a viewer's address the log keeps.
pub(super) fn viewer_ip(text: &str) -> Result<ViewerIp, String> {
    match text {
        "full" => Ok(ViewerIp::Full),
        "truncated" => Ok(ViewerIp::Truncated),
        "off" => Ok(ViewerIp::Off),
        _ => Err(format!("{text:?} is not an allowed value")),
    }
}

/// The form of the log.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        "journald" => Ok(LogFormat::Journald),
        _ => Err(format!("{text:?} is not an allowed value")),
    }
}

/// A level of the log, by name.
pub(super) fn level(text: &str) -> Result<Level, String> {
    match text {
        "error" => Ok(Level::ERROR),
        "warn" => Ok(Level::WARN),
        "info" => Ok(Level::INFO),
        "debug" => Ok(Level::DEBUG),
        "trace" => Ok(Level::TRACE),
        _ => Err(format!("{text:?} is not a log level")),
    }
}

fn within<T: TryFrom<u64>>(value: u64, range: &RangeInclusive<u64>) -> Option<T> {
    range.contains(&value).then(|| T::try_from(value).ok()).flatten()
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is neither an address nor a CIDR block"))
}
