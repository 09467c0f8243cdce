//! Values of settings, and the error for a wrong one.

/// How the view log stores a viewer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerIp {
    /// The whole address.
    Full,
    /// Only the network: the first 24 bits of IPv4, the first 48 of IPv6.
    Truncated,
    /// Not at all.
    Off,
}

/// The form of the log on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people, in colour on a terminal.
    Human,
    /// An object in each line.
    Json,
    /// Lines without a time, with the priority of `sd-daemon(3)` before each.
    Journald,
}

/// Who may create secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretCreation {
    /// Anyone, within limits.
    Open,
    /// Clients with a private API key.
    Account,
}

/// Who may create boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boxes {
    /// Anyone.
    Open,
    /// Clients with a private API key.
    Account,
    /// New boxes are off. Existing boxes still work.
    Off,
}

/// A setting that cannot be used: exit code 64.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} (from {origin}): {problem}; {remedy}")]
pub struct BadSetting {
    /// The key of the setting in the file.
    pub setting: String,
    /// The source of the value: `--listen`, `SEALDROP_LISTEN`, `sealdrop.toml: listen`.
    pub origin: String,
    /// The problem.
    pub problem: String,
    /// The description of a correct value.
    pub remedy: String,
}

/// The given flags: the key in the file and the value, in the order of the command line.
///
/// A list setting may occur more than once.
pub type Flags = Vec<(&'static str, String)>;
