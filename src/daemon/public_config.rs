//! The settings that the scripts of the pages get.

use crate::{
    api::{Rules, key_service::ServiceRules},
    config::{Boxes, SecretCreation},
    web::{PublicConfig, PublicExpiration},
};

/// The part of the settings that scripts need.
#[must_use]
pub fn public_config(rules: &Rules, service_rules: &ServiceRules) -> PublicConfig {
    PublicConfig {
        create: match rules.create {
            SecretCreation::Open => "open",
            SecretCreation::Account => "account",
        },
        boxes: match service_rules.creation {
            Boxes::Open => "open",
            Boxes::Account => "account",
            Boxes::Off => "off",
        },
        expiration: PublicExpiration {
            min: rules.lifetime.min,
            max: rules.lifetime.max,
            default: rules.lifetime.default,
        },
        max_ciphertext: rules.max_ciphertext,
        max_upload: service_rules.max_upload,
        max_attachments: rules.attachments.max_count,
    }
}
