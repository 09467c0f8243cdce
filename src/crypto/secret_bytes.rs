//! Text that is secret, until the module `crypto` itself arrives.

use zeroize::Zeroizing;

/// A secret text: no Debug, Clone or Serialize; wiped on drop.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every call is a place where the secret may leave.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}
