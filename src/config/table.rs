//! The table of all settings: the one place that knows their names and which parser reads them.

use super::{BadSetting, CrossOrigin, Link, PublicUrl, Settings, SmtpUrl, mail, parse, site};

/// One setting.
///
/// Its name in the file is `key`; the flag and the environment variable are derived from it.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file: `max_ciphertext`.
    pub key: &'static str,
    /// What it does, in a few words.
    pub meaning: &'static str,
    /// The default as one would write it; empty for none.
    pub default: &'static str,
    /// What would be right, as the end of an error message.
    pub remedy: &'static str,
    /// Whether it is a list: a repeated flag, an array in the file, commas everywhere.
    pub is_list: bool,
    /// Parses a value and puts it into the settings; the error says what is wrong with it.
    pub(super) set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl Setting {
    /// The flag: `--max-ciphertext`.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    /// The environment variable: `SEALDROP_MAX_CIPHERTEXT`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SEALDROP_{}", self.key.to_ascii_uppercase())
    }

    /// The error for a value of this setting from `origin`.
    pub(super) fn bad(&self, origin: &str, problem: String) -> BadSetting {
        BadSetting {
            setting: self.key.to_owned(),
            origin: origin.to_owned(),
            problem,
            remedy: self.remedy.to_owned(),
        }
    }
}

/// The path of the file itself: not a setting of the daemon, and so not a key of the file.
pub(super) static CONFIG: Setting = Setting {
    key: "config",
    meaning: "a TOML file with settings",
    default: "",
    remedy: "give the path of a readable TOML file",
    is_list: false,
    set: |_, _| Ok(()),
};

/// The setting that is called `key` in the file.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.key == key)
}

const NUMBER_OR_NO_LIMIT: &str = "give a whole number, or 0 for no limit";

/// All settings, in the order of the documentation.
pub static TABLE: &[Setting] = &[
    Setting {
        key: "listen",
        meaning: "address and port to listen on; port 0 picks a free one",
        default: "127.0.0.1:8080",
        remedy: "give one numeric address and port, such as 127.0.0.1:8080 or [::1]:8080 \
                 (names are not looked up)",
        is_list: false,
        set: |settings, text| parse::address(text).map(|value| settings.listen = value),
    },
    Setting {
        key: "data",
        meaning: "the data directory",
        default: "./sealdrop-data",
        remedy: "give the path of a directory",
        is_list: false,
        set: |settings, text| parse::directory(text).map(|value| settings.data = value),
    },
    Setting {
        key: "public_url",
        meaning: "where people reach the daemon; links are made of it",
        default: "",
        remedy: "give an absolute URL without user name, query and fragment, such as \
                 https://secrets.example.org or https://example.org/secrets",
        is_list: false,
        set: |settings, text| PublicUrl::parse(text).map(|url| settings.public_url = Some(url)),
    },
    Setting {
        key: "max_ciphertext",
        meaning: "longest ciphertext of a secret",
        default: "1MiB",
        remedy: "give a number of bytes from 1KiB to 16MiB, such as 1048576, 512KiB or 2MB",
        is_list: false,
        set: |settings, text| {
            parse::bytes(text, 1 << 10..=16 << 20)
                .map(|value| settings.max_ciphertext_bytes = value)
        },
    },
    Setting {
        key: "expiration_min",
        meaning: "shortest life of a secret, in hours",
        default: "1",
        remedy: "give whole hours from 1 to 350",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 1..=350).map(|value| settings.expiration.min_hours = value)
        },
    },
    Setting {
        key: "expiration_default",
        meaning: "life of a secret whose sender names none, in hours",
        default: "168",
        remedy: "give whole hours from 1 to 350, or 0 for secrets that never expire",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=350).map(|value| settings.expiration.default_hours = value)
        },
    },
    Setting {
        key: "expiration_max",
        meaning: "longest life of a secret, in hours",
        default: "350",
        remedy: "give whole hours from 1 to 350 (the maximum of the Secrets API)",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 1..=350).map(|value| settings.expiration.max_hours = value)
        },
    },
    Setting {
        key: "allow_no_expiration",
        meaning: "whether expiration_default may be 0, for ever",
        default: "false",
        remedy: "give true or false",
        is_list: false,
        set: |settings, text| {
            parse::truth(text).map(|value| settings.expiration.for_ever_allowed = value)
        },
    },
    Setting {
        key: "allowance",
        meaning: "secrets that a new account may create in a month",
        default: "1000000",
        remedy: "give a whole number",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u64::MAX).map(|value| settings.allowance = value)
        },
    },
    Setting {
        key: "request_allowance",
        meaning: "secret requests that an account may have in its list",
        default: "10000",
        remedy: "give a whole number",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u64::MAX).map(|value| settings.request_allowance = value)
        },
    },
    Setting {
        key: "keep_log",
        meaning: "days that a used-up or expired secret or secret request stays in the list",
        default: "90",
        remedy: "give whole days from 1 to 3650",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 1..=3650).map(|value| settings.keep_log_days = value)
        },
    },
    Setting {
        key: "create",
        meaning: "who may create secrets: open (anyone) or account (with a private API key)",
        default: "account",
        remedy: "give open or account",
        is_list: false,
        set: |settings, text| parse::create(text).map(|value| settings.create = value),
    },
    Setting {
        key: "boxes",
        meaning: "who may create boxes: open (anyone), account (with a private API key) or off",
        default: "open",
        remedy: "give open, account or off",
        is_list: false,
        set: |settings, text| parse::boxes(text).map(|value| settings.boxes = value),
    },
    Setting {
        key: "max_upload",
        meaning: "longest file in a box, also once it is decompressed, and longest attachment of a secret; \
                  0 for no limit",
        default: "100MiB",
        remedy: "give a number of bytes from 1KiB to 1TiB, such as 100MiB or 2GB, or 0 for no limit",
        is_list: false,
        set: |settings, text| {
            parse::bytes_or_no_limit(text, 1 << 10..=1 << 40)
                .map(|value| settings.max_upload_bytes = value)
        },
    },
    Setting {
        key: "max_box",
        meaning: "what the messages of one box may take on disk; 0 for no limit",
        default: "10GiB",
        remedy: "give a number of bytes from 1MiB to 1TiB, such as 512MiB or 10GB, or 0 for no limit",
        is_list: false,
        set: |settings, text| {
            parse::bytes_or_no_limit(text, 1 << 20..=1 << 40)
                .map(|value| settings.max_box_bytes = value)
        },
    },
    Setting {
        key: "max_attachments",
        meaning: "attachments that a secret may have",
        default: "10",
        remedy: "give a whole number from 1 to 64",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 1..=64).map(|value| settings.max_attachments = value)
        },
    },
    Setting {
        key: "max_account",
        meaning: "what the attachments of one account may take on disk; 0 for no limit",
        default: "10GiB",
        remedy: "give a number of bytes from 1MiB to 1024TiB, such as 512MiB or 10GB, or 0 for no limit",
        is_list: false,
        set: |settings, text| {
            parse::bytes_or_no_limit(text, 1 << 20..=1 << 50)
                .map(|value| settings.max_account_bytes = value)
        },
    },
    Setting {
        key: "max_storage",
        meaning: "what all attachments may take on disk; 0 for no limit",
        default: "0",
        remedy: "give a number of bytes from 1MiB to 1024TiB, such as 512MiB or 10GB, or 0 for no limit",
        is_list: false,
        set: |settings, text| {
            parse::bytes_or_no_limit(text, 1 << 20..=1 << 50)
                .map(|value| settings.max_storage_bytes = value)
        },
    },
    Setting {
        key: "rsa_bits",
        meaning: "size of the keys of new boxes",
        default: "3072",
        remedy: "give 2048, 3072 or 4096",
        is_list: false,
        set: |settings, text| parse::rsa_bits(text).map(|value| settings.rsa_bits = value),
    },
    Setting {
        key: "key_pool",
        meaning: "keys for new boxes that are prepared in the background",
        default: "4",
        remedy: "give a whole number from 0 to 64",
        is_list: false,
        set: |settings, text| parse::number(text, 0..=64).map(|value| settings.key_pool = value),
    },
    Setting {
        key: "trusted_proxy",
        meaning: "proxies whose X-Forwarded-For and Forwarded are believed",
        default: "",
        remedy: "give addresses or CIDR blocks, separated by commas, such as \
                 127.0.0.1,10.0.0.0/8,fd00::/8",
        is_list: true,
        set: |settings, text| parse::networks(text).map(|value| settings.trusted_proxies = value),
    },
    Setting {
        key: "client_ip_header",
        meaning: "the one header in which trusted proxies name the client, such as X-Real-IP",
        default: "",
        remedy: "give the name of a header, such as X-Real-IP or CF-Connecting-IP",
        is_list: false,
        set: |settings, text| {
            parse::header_name(text).map(|value| settings.client_ip_header = value)
        },
    },
    Setting {
        key: "cors",
        meaning: "whose web pages may call the APIs: any, off (none but our own), or a list of origins",
        default: "any",
        remedy: "give any, off, or origins separated by commas, such as \
                 https://www.example.org,https://intranet.example.org:8443",
        is_list: true,
        set: |settings, text| CrossOrigin::parse(text).map(|value| settings.cors = value),
    },
    Setting {
        key: "create_limit",
        meaning: "secrets made without an account from one address in an hour; 0 for no limit",
        default: "30",
        remedy: NUMBER_OR_NO_LIMIT,
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u32::MAX.into()).map(|value| settings.limits.creations = value)
        },
    },
    Setting {
        key: "answer_limit",
        meaning: "secrets handed over through requests from one address in an hour; 0 for no limit",
        default: "60",
        remedy: NUMBER_OR_NO_LIMIT,
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u32::MAX.into()).map(|value| settings.limits.answers = value)
        },
    },
    Setting {
        key: "password_tries",
        meaning: "wrong passwords of secrets from one address in an hour; 0 for no limit",
        default: "10",
        remedy: NUMBER_OR_NO_LIMIT,
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u32::MAX.into()).map(|value| settings.limits.passwords = value)
        },
    },
    Setting {
        key: "passphrase_tries",
        meaning: "wrong passphrases of boxes from one address in a minute; 0 for no limit",
        default: "5",
        remedy: NUMBER_OR_NO_LIMIT,
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u32::MAX.into())
                .map(|value| settings.limits.passphrases = value)
        },
    },
    Setting {
        key: "box_passphrase_tries",
        meaning: "wrong passphrases of one box, from anywhere, in a minute; 0 for no limit",
        default: "600",
        remedy: NUMBER_OR_NO_LIMIT,
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u32::MAX.into())
                .map(|value| settings.limits.box_passphrases = value)
        },
    },
    Setting {
        key: "self_destruct_limit",
        meaning: "messages mailed to destroy themselves from one address in an hour; 0 for no limit",
        default: "10",
        remedy: NUMBER_OR_NO_LIMIT,
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u32::MAX.into())
                .map(|value| settings.limits.self_destructs = value)
        },
    },
    Setting {
        key: "webhook_test_limit",
        meaning: "webhooks that one account tries out in a minute; 0 for no limit",
        default: "10",
        remedy: NUMBER_OR_NO_LIMIT,
        is_list: false,
        set: |settings, text| {
            parse::number(text, 0..=u32::MAX.into())
                .map(|value| settings.limits.webhook_tests = value)
        },
    },
    Setting {
        key: "viewer_ip",
        meaning: "what the view log keeps of a viewer's address",
        default: "full",
        remedy: "give full, truncated or off",
        is_list: false,
        set: |settings, text| parse::viewer_ip(text).map(|value| settings.viewer_ip = value),
    },
    Setting {
        key: "webhook_private",
        meaning: "whether webhooks at private and loopback addresses are called",
        default: "false",
        remedy: "give true or false",
        is_list: false,
        set: |settings, text| parse::truth(text).map(|value| settings.webhook_private = value),
    },
    Setting {
        key: "max_connections",
        meaning: "connections that may be open at once",
        default: "1024",
        remedy: "give a whole number from 1 to 65536",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 1..=65_536).map(|value| settings.max_connections = value)
        },
    },
    Setting {
        key: "max_connections_per_client",
        meaning: "connections that one client (an IPv4 address, or the first 64 bits of an IPv6 address) \
                  may have open; not for trusted proxies",
        default: "256",
        remedy: "give a whole number from 1 to 65536",
        is_list: false,
        set: |settings, text| {
            parse::number(text, 1..=65_536).map(|value| settings.max_connections_per_client = value)
        },
    },
    Setting {
        key: "cache",
        meaning: "memory for the database's page cache",
        default: "32MiB",
        remedy: "give a number of bytes from 8MiB to 1GiB, such as 33554432 or 64MiB",
        is_list: false,
        set: |settings, text| {
            parse::bytes(text, 8 << 20..=1 << 30).map(|value| settings.cache_bytes = value)
        },
    },
    Setting {
        key: "smtp_url",
        meaning: "the mail server: smtps://user@host, or smtp://user@host with STARTTLS",
        default: "",
        remedy: "give smtps://user@host:465 or smtp://user@host:587, the latter with \
                 ?tls=opportunistic or ?tls=none where it must be; the password comes from \
                 smtp_password_file",
        is_list: false,
        set: |settings, text| SmtpUrl::parse(text).map(|url| settings.mail.smtp = Some(url)),
    },
    Setting {
        key: "smtp_password_file",
        meaning: "a file with the password of the user in smtp_url",
        default: "",
        remedy: "give the path of a readable file with one line where smtp_url has a user, else leave \
                 it out",
        is_list: false,
        set: |settings, text| {
            parse::directory(text).map(|value| settings.mail.password_file = Some(value))
        },
    },
    Setting {
        key: "smtp_token_file",
        meaning: "a file with an access token (OAuth 2.0) of that user, in place of a password",
        default: "",
        remedy: "give the path of a readable file with the token alone, which another program keeps \
                 fresh, where smtp_url has a user and there is no smtp_password_file, else leave it out",
        is_list: false,
        set: |settings, text| {
            parse::directory(text).map(|value| settings.mail.token_file = Some(value))
        },
    },
    Setting {
        key: "mail_from",
        meaning: "whom mails are from",
        default: "",
        remedy: "give an address such as no-reply@example.org or \"sealdrop <no-reply@example.org>\"",
        is_list: false,
        set: |settings, text| mail::sender(text).map(|value| settings.mail.from = Some(value)),
    },
    Setting {
        key: "mail_templates",
        meaning: "a directory with texts of mails that go before the built-in ones",
        default: "",
        remedy: "give a directory whose files are as docs/mail.md describes them",
        is_list: false,
        set: |settings, text| {
            parse::directory(text).map(|value| settings.mail.templates = Some(value))
        },
    },
    Setting {
        key: "language",
        meaning: "language of pages and mails if the reader's own is unknown",
        default: "en",
        remedy: crate::locales::REMEDY,
        is_list: false,
        set: |settings, text| mail::language(text).map(|value| settings.mail.language = value),
    },
    Setting {
        key: "site_name",
        meaning: "what the pages call this site",
        default: "sealdrop",
        remedy: "give one line of 1 to 40 characters",
        is_list: false,
        set: |settings, text| site::name(text).map(|value| settings.site.name = value),
    },
    Setting {
        key: "site_logo",
        meaning: "a picture beside the name: SVG, PNG or WebP, 256 KiB at most",
        default: "",
        remedy: "give the path of a readable SVG, PNG or WebP file of 256 KiB at most",
        is_list: false,
        set: |settings, text| parse::directory(text).map(|value| settings.site.logo = Some(value)),
    },
    Setting {
        key: "site_color",
        meaning: "colour of buttons and links",
        default: "#0f766e",
        remedy: "give a colour as #rrggbb, such as #0f766e",
        is_list: false,
        set: |settings, text| site::color(text).map(|value| settings.site.color = value),
    },
    Setting {
        key: "site_imprint",
        meaning: "link below each page: who runs this",
        default: "",
        remedy: "give an absolute http, https or mailto URL",
        is_list: false,
        set: |settings, text| Link::parse(text).map(|link| settings.site.imprint = Some(link)),
    },
    Setting {
        key: "site_privacy",
        meaning: "link below each page: what is done with data",
        default: "",
        remedy: "give an absolute http, https or mailto URL",
        is_list: false,
        set: |settings, text| Link::parse(text).map(|link| settings.site.privacy = Some(link)),
    },
    Setting {
        key: "log",
        meaning: "least important level that is logged",
        default: "info",
        remedy: "give error, warn, info, debug or trace",
        is_list: false,
        set: |settings, text| parse::level(text).map(|value| settings.log = value),
    },
];
