//! The structs and the table of settings, made from the definitions.

use std::{net::SocketAddr, path::PathBuf};

use hyper::header::HeaderName;
use ipnet::IpNet;
use lettre::message::Mailbox;

use super::{
    BadSetting, Boxes, Color, CrossOrigin, Link, ListenAddress, LogFormat, NamedLink, PublicUrl,
    RingPlace, SecretCreation, SmtpUrl, ViewerIp, acme, definitions::settings, listen, mail, parse,
    ring, site,
};
use crate::{crypto::RsaBits, domain::notify::language::Language};

/// One setting.
///
/// Its name in the file is `key`; the flag and the environment variable are derived from it.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file: `max_ciphertext`.
    pub key: &'static str,
    /// The text of the help, without the default.
    pub help: &'static str,
    /// The name of its value in the help: `SIZE`, `open|account`.
    pub value: &'static str,
    /// The default, as text; empty for none.
    pub default: &'static str,
    /// The description of a correct value, as the end of an error message.
    pub remedy: &'static str,
    /// Whether it is a list: a repeated flag, an array in the file, text separated by commas in each source.
    pub is_list: bool,
    /// Whether it is the path of a file that may be a credential of systemd.
    pub is_credential: bool,
    /// Parses a value and stores it in the settings; the error names the problem.
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

/// The setting that is called `key` in the file.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.key == key)
}

const NUMBER_OR_NO_LIMIT: &str = "give a whole number, or 0 for no limit";

macro_rules! is_list {
    (Vec) => {
        true
    };
    (Option) => {
        false
    };
}

/// The value of a field by default.
macro_rules! default_value {
    ($Type:ty, $parse:expr,) => {
        <$Type>::default()
    };
    ($Type:ty, $parse:expr, $default:literal) => {{
        let parse: fn(&str) -> Result<$Type, String> = $parse;
        parse($default).expect("a test parses each default")
    }};
}

/// An entry of the table, whose value is in the field `$place` of the settings.
macro_rules! entry {
    (
        $($help:literal)+, $key:ident: $many:ident $value:literal $($default:literal)?, $Type:ty,
        $($place:ident).+, $parse:expr, $remedy:expr, $($credential:expr)?
    ) => {
        Setting {
            key: stringify!($key),
            help: concat!($($help),+).trim_ascii(),
            value: $value,
            default: concat!($($default)?),
            remedy: $remedy,
            is_list: is_list!($many),
            is_credential: false $(|| $credential)?,
            set: |settings, text| {
                let parse: fn(&str) -> Result<$Type, String> = $parse;
                settings.$($place).+ = parse(text)?;
                Ok(())
            },
        }
    };
}

macro_rules! define {
    ($(
        settings { $(
            $(#[doc = $help:tt])+
            $key:ident: $many:ident $value:tt $(= $default:tt)? => $vis:vis $field:ident: $Type:ty {
                parse: $parse:expr, remedy: $remedy:expr, $(credential: $credential:expr,)?
            }
        )* }
        $(flag $flag:ident $flag_value:tt $flag_help:tt;)?
        $(
            $(#[doc = $group_help:tt])+
            $(#[derive($derive:ident)])?
            group $group:ident: $Group:ident { $(
                $(#[doc = $in_help:tt])+
                $in_key:ident: $in_many:ident $in_value:tt $(= $in_default:tt)?
                    => $in_vis:vis $in_field:ident: $InType:ty {
                        parse: $in_parse:expr, remedy: $in_remedy:expr,
                        $(credential: $in_credential:expr,)?
                    }
            )* }
        )?
    )*) => {
        /// Everything that `serve` needs to know, parsed.
        ///
        /// [`Settings::default`] has the documented defaults. A relative path starts at the working
        /// directory, whatever its source.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(rustdoc::bare_urls, reason = "the texts are also those of --help")]
        pub struct Settings { $(
            $( $(#[doc = $help])+ $vis $field: $Type, )*
            $( $(#[doc = $group_help])+ pub $group: $Group, )?
        )* }

        impl Default for Settings {
            fn default() -> Self {
                Self { $(
                    $( $field: default_value!($Type, $parse, $($default)?), )*
                    $( $group: $Group::default(), )?
                )* }
            }
        }

        $($(
            $(#[doc = $group_help])+
            #[derive(Clone, Debug, PartialEq, Eq $(, $derive)?)]
            #[allow(rustdoc::bare_urls, reason = "the texts are also those of --help")]
            pub struct $Group { $( $(#[doc = $in_help])+ $in_vis $in_field: $InType, )* }

            impl Default for $Group {
                fn default() -> Self {
                    Self { $( $in_field: default_value!($InType, $in_parse, $($in_default)?), )* }
                }
            }
        )?)*

        /// All settings, in the order of the documentation.
        pub static TABLE: &[Setting] = &[ $(
            $( entry!(
                $($help)+, $key: $many $value $($default)?, $Type, $field, $parse, $remedy, $($credential)?
            ), )*
            $( $( entry!(
                $($in_help)+, $in_key: $in_many $in_value $($in_default)?, $InType, $group.$in_field,
                $in_parse, $in_remedy, $($in_credential)?
            ), )* )?
        )* ];

        /// The path of the file: not a key of the file.
        pub(super) static CONFIG: Setting = Setting {
            key: concat!($($(stringify!($flag))?)*),
            help: concat!($($($flag_help)?)*),
            value: concat!($($($flag_value)?)*),
            default: "",
            remedy: "give the path of a readable TOML file",
            is_list: false,
            is_credential: false,
            set: |_, _| Ok(()),
        };
    };
}

settings!(define);
