//! Values of settings, and the error for a wrong one.

/// What the view log keeps of a viewer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerIp {
    /// The whole address.
    Full,
    /// The network only: the first 24 bits of IPv4, the first 48 of IPv6.
    Truncated,
    /// Nothing.
    Off,
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
    /// No one. Existing boxes still work.
    Off,
}

/// A setting that cannot be used: exit code 64.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} (from {origin}): {problem}; {remedy}")]
pub struct BadSetting {
    /// The setting, as it is called in the file.
    pub setting: String,
    /// Where the value came from: `--listen`, `SEALDROP_LISTEN`, `sealdrop.toml: listen`.
    pub origin: String,
    /// What is wrong.
    pub problem: String,
    /// What a right value is.
    pub remedy: String,
}

/// The flags that were given: file key and value, in the order of the command line.
///
/// A setting that is a list may come more than once.
pub type Flags = Vec<(&'static str, String)>;
