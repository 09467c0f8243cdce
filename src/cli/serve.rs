//! `sealdrop serve`: the daemon.

use std::{fs, io, path::Path};

use argh::{ArgsInfo, FromArgs};
use rustix::fs::{Access, access};

use super::{Context, Failure, Output};
use crate::{
    certificates::{Certificate, CertificateFiles},
    config::{BadSetting, Flags, Loaded, Settings, definitions::settings},
    delivery::smtp::{BadMail, Mailer},
    master_key, metrics, tls,
    web::{BadLook, PageLook},
};

/// Defines `ServeCommand`: a flag for each setting, and `--check`.
macro_rules! define {
    ($(
        settings { $(
            $(#[doc = $help:tt])+
            $key:ident: $many:ident $value:tt $(= $default:tt)? => $vis:vis $field:ident: $Type:ty {
                $($parse:tt)*
            }
        )* }
        $(flag $flag:ident $flag_value:tt $flag_help:tt;)?
        $(
            $(#[doc = $group_help:tt])+
            $(#[derive($derive:ident)])?
            group $group:ident: $Group:ident { $(
                $(#[doc = $in_help:tt])+
                $in_key:ident: $in_many:ident $in_value:tt $(= $in_default:tt)?
                    => $in_vis:vis $in_field:ident: $InType:ty { $($in_parse:tt)* }
            )* }
        )?
    )*) => {
        /// Run the server. A setting comes from its flag, else from the environment (--public-url is
        /// SEALDROP_PUBLIC_URL), a file also from a credential of systemd, else from the TOML file (public_url),
        /// else it has its default.
        #[derive(ArgsInfo, FromArgs, Default)]
        #[argh(
            subcommand,
            name = "serve",
            help_triggers("-h", "--help"),
            usage = "[--listen ADDR] [--data DIR] [--config FILE] [--public-url URL] [--check] [<flags>]",
            example = "{command_name} --listen 127.0.0.1:8080 --data /var/lib/sealdrop\n\
                       {command_name} --public-url https://example.org/secrets --trusted-proxy 127.0.0.1\n\
                       SEALDROP_LISTEN=[::1]:0 {command_name} --config /etc/sealdrop.toml --check",
            error_code(64, "a setting is wrong; the message names it, its source and a correct value"),
            error_code(65, "the data directory is damaged, or from a newer version"),
            error_code(75, "a temporary cause, such as a used port, a full disk or a lock; try again later")
        )]
        pub(crate) struct ServeCommand {
            $(
                $(
                    $(#[doc = $help])+
                    $(#[doc = " ("] #[doc = $default] #[doc = ")"])?
                    #[argh(option, arg_name = $value)]
                    $key: $many<String>,
                )*
                $(
                    #[doc = $flag_help]
                    #[argh(option, arg_name = $flag_value)]
                    $flag: Option<String>,
                )?
                $($(
                    $(#[doc = $in_help])+
                    $(#[doc = " ("] #[doc = $in_default] #[doc = ")"])?
                    #[argh(option, arg_name = $in_value)]
                    $in_key: $in_many<String>,
                )*)?
            )*

            /// check the settings, their files and whether the data directory is writable, then exit
            #[argh(switch)]
            check: bool,

            /// bring a data directory of an earlier version to the present format; earlier versions cannot read it
            /// afterwards
            #[argh(switch)]
            upgrade: bool,
        }

        impl ServeCommand {
            /// The given flags, by their keys in the table of settings.
            pub(crate) fn flags(self) -> Flags {
                let mut flags = Flags::new();
                $(
                    $( flags.extend(self.$key.into_iter().map(|value| (stringify!($key), value))); )*
                    $( flags.extend(self.$flag.map(|value| (stringify!($flag), value))); )?
                    $($(
                        flags.extend(self.$in_key.into_iter().map(|value| (stringify!($in_key), value)));
                    )*)?
                )*
                flags
            }
        }
    };
}

settings!(define);

impl ServeCommand {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let (check, upgrade) = (self.check, self.upgrade);
        let loaded = Settings::load(self.flags(), context.environment.iter().cloned())?;
        if !check {
            let is_terminal = context.out_is_terminal;
            return (context.daemon.serve)(
                loaded,
                upgrade,
                Output { out: context.out, is_terminal },
            );
        }
        for warning in &loaded.warnings {
            writeln!(context.err, "sealdrop: warning: {warning}")?;
        }
        writable(&loaded.settings.data).map_err(|problem| loaded.bad("data", problem))?;
        Mailer::from_settings(&loaded.settings)
            .and_then(|_| Mailer::check_token(&loaded.settings))
            .map_err(|BadMail { setting, problem }| loaded.bad(setting, problem))?;
        PageLook::load(&loaded.settings.site)
            .map_err(|BadLook { setting, problem }| loaded.bad(setting, problem))?;
        network_files(&loaded)?;
        master_key::configured(&loaded)?;
        Ok(writeln!(context.out, "settings are valid")?)
    }
}

/// Checks the files of HTTPS and of the metrics.
fn network_files(loaded: &Loaded) -> Result<(), BadSetting> {
    let settings = &loaded.settings;
    if let (Some(chain), Some(key)) = (&settings.tls_cert, &settings.tls_key) {
        Certificate::load(CertificateFiles { chain: chain.clone(), key: key.clone() })
            .map_err(|error| loaded.bad(error.setting(), error.to_string()))?;
    }
    if let Some(ca) = &settings.acme_ca {
        tls::client_config(Some(ca)).map_err(|problem| loaded.bad("acme_ca", problem))?;
    }
    if let Some(path) = &settings.metrics_token_file {
        metrics::read_token(path).map_err(|problem| loaded.bad("metrics_token_file", problem))?;
    }
    Ok(())
}

/// Checks that `dir` is writable or can be created. Creates nothing, not even temporarily.
fn writable(dir: &Path) -> Result<(), String> {
    let nearest = dir.ancestors().find_map(|place| {
        // The last ancestor of a relative path is empty: the working directory.
        let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
        match fs::metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some((place, found)),
        }
    });
    let Some((place, found)) = nearest else {
        return Err(format!("{} has no parent directory", dir.display()));
    };
    let place_name = place.display();
    let found = found.map_err(|error| format!("cannot access {place_name}: {error}"))?;
    if !found.is_dir() {
        return Err(format!("{place_name} is not a directory"));
    }
    access(place, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("cannot write to {place_name}: {}", io::Error::from(error)))
}
