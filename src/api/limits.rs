//! The operator's limits: what each one counts, and in which period.

use crate::{config::TryLimits, domain::limits::try_limit::TryRule};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

impl TryLimits {
    pub(super) fn creation_rule(self) -> TryRule {
        let counted = "secrets created or changed from your address";
        TryRule { counted, setting: "create_limit", most: self.creations, window_seconds: HOUR }
    }

    pub(super) fn answer_rule(self) -> TryRule {
        let counted = "answers to requests from your address";
        TryRule { counted, setting: "answer_limit", most: self.answers, window_seconds: HOUR }
    }

    pub(super) fn password_rule(self) -> TryRule {
        let counted = "wrong passwords from your address";
        TryRule { counted, setting: "password_tries", most: self.passwords, window_seconds: HOUR }
    }

    pub(super) fn passphrase_rule(self) -> TryRule {
        let counted = "wrong passphrases or hashes from your address";
        let (setting, most) = ("passphrase_tries", self.passphrases);
        TryRule { counted, setting, most, window_seconds: MINUTE }
    }

    pub(super) fn box_passphrase_rule(self) -> TryRule {
        let counted = "wrong passphrases or hashes for this box";
        let (setting, most) = ("box_passphrase_tries", self.box_passphrases);
        TryRule { counted, setting, most, window_seconds: MINUTE }
    }

    pub(super) fn self_destruct_rule(self) -> TryRule {
        let counted = "messages mailed from your address";
        let (setting, most) = ("self_destruct_limit", self.self_destructs);
        TryRule { counted, setting, most, window_seconds: HOUR }
    }

    pub(super) fn webhook_test_rule(self) -> TryRule {
        let counted = "tests of webhooks by this account";
        let (setting, most) = ("webhook_test_limit", self.webhook_tests);
        TryRule { counted, setting, most, window_seconds: MINUTE }
    }
}
