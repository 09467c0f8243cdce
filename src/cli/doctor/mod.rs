//! `sealdrop doctor`: examines a set-up, and says what to change.

mod directory;
mod domain;
mod finding;
mod local_daemon;
mod machine;
mod outside;
mod public;

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use argh::{ArgsInfo, FromArgs};
use tokio::runtime;

pub(crate) use self::finding::DoctorCheck;
use self::{
    finding::Diagnosis,
    local_daemon::LocalDaemon,
    machine::{examine_memory, examine_metrics, examine_ports, examine_swap},
    outside::OutsideClient,
    public::PublicExamination,
};
use super::{Context, Exit, Failure, operator::administration::write_json, terminal_text};
use crate::{
    admin::ServingFacts,
    clock::{Clock, TimeRecord},
    config::{
        ALL_ADDRESSES, Flags, ListenAddress, Settings, data_directory, definitions::settings,
    },
    delivery::smtp::{BadMail, Mailer},
    domain::server_status::WarningCode,
    tls,
};

/// Defines `DoctorCommand`: the flags of `serve`, of which the help shows two, and its own.
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
        /// Examine the set-up of the server on this machine, and say for each finding what to change: permissions,
        /// disk, memory, mail, the daemon, and the way to it through its public URL. Run it as the user of the
        /// daemon. Nothing is changed, and no mail is sent.
        #[derive(ArgsInfo, FromArgs)]
        #[argh(
            subcommand,
            name = "doctor",
            help_triggers("-h", "--help"),
            usage = "[URL] [--skip CHECK]… [--json] [--cacert FILE] [<flags of serve>]",
            example = "sudo -u sealdrop {command_name} --config /etc/sealdrop/sealdrop.toml\n\
                       {command_name} https://secrets.example.org --json\n\
                       {command_name} --data /var/lib/sealdrop --skip file-system",
            note = "Give the flags, the environment and the file of sealdrop serve. If the daemon runs, its own \
                    settings count. docs/operations.md lists the checks.",
            error_code(1, "something was found, or could not be examined")
        )]
        pub(crate) struct DoctorCommand {
            /// the URL to try from outside (default: public_url, or the first address of the daemon)
            #[argh(positional)]
            url: Option<String>,

            /// leave out a check, by the name of its findings; repeat it for several
            #[argh(option, arg_name = "CHECK")]
            skip: Vec<String>,

            /// print one line of JSON, with the figures that were measured
            #[argh(switch)]
            json: bool,

            /// a file with the trusted certificates in PEM, instead of the system's
            #[argh(option, arg_name = "FILE")]
            cacert: Option<PathBuf>,

            $(
                $(
                    $(#[doc = $help])+
                    #[argh(option, arg_name = $value, hidden_help)]
                    $key: $many<String>,
                )*
                $(
                    #[doc = $flag_help]
                    #[argh(option, arg_name = $flag_value, hidden_help)]
                    $flag: Option<String>,
                )?
                $($(
                    $(#[doc = $in_help])+
                    #[argh(option, arg_name = $in_value, hidden_help)]
                    $in_key: $in_many<String>,
                )*)?
            )*
        }

        impl DoctorCommand {
            /// The given flags of `serve`, by their keys in the table of settings.
            fn take_flags(&mut self) -> Flags {
                let mut flags = Flags::new();
                $(
                    $(
                        let given = std::mem::take(&mut self.$key).into_iter();
                        flags.extend(given.map(|value| (stringify!($key), value)));
                    )*
                    $( flags.extend(self.$flag.take().map(|value| (stringify!($flag), value))); )?
                    $($(
                        let given = std::mem::take(&mut self.$in_key).into_iter();
                        flags.extend(given.map(|value| (stringify!($in_key), value)));
                    )*)?
                )*
                flags
            }
        }
    };
}

settings!(define);

impl DoctorCommand {
    pub(crate) fn run(mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        let flags = self.take_flags();
        let mut diagnosis = Diagnosis::without(self.skipped()?);
        let environment = || context.environment.iter().cloned();
        let loaded = Settings::load(flags.clone(), environment());
        let settings = match loaded {
            Ok(loaded) => loaded.settings,
            Err(bad) => {
                let remedy = "Correct the setting; sealdrop serve --check reads all of them.";
                diagnosis.find(DoctorCheck::Settings, bad.to_string(), remedy);
                Settings { data: data_directory(flags, environment())?, ..Settings::default() }
            }
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
        let daemon = LocalDaemon::at(settings.data.clone())?;
        diagnosis.daemon = daemon.is_some();
        // From another machine there is nothing but the URL.
        let is_remote = self.url.is_some() && daemon.is_none() && !settings.data.exists();
        if !is_remote {
            let facts = daemon.as_ref().map(|(_, facts)| facts);
            examine_machine(&settings, facts, &mut diagnosis);
            match &daemon {
                Some((daemon, facts)) => examine_daemon(daemon, facts, &mut diagnosis)?,
                None => runtime.block_on(examine_mail(&settings, &mut diagnosis)),
            }
        }
        let own = daemon.as_ref().map(|(_, facts)| facts.base.clone());
        let base = self.url.clone().or(own);
        if let Some(base) = base {
            let base = base.trim_end_matches('/').to_owned();
            let client = self.client(&settings, daemon.as_ref().map(|(_, facts)| facts))?;
            let examination = PublicExamination {
                client,
                base: &base,
                daemon: daemon.as_ref().map(|(daemon, facts)| (daemon, facts)),
                now: Clock::system(TimeRecord::default()).now(),
            };
            runtime.block_on(examination.run(&mut diagnosis))?;
            if let Some((_, facts)) = &daemon
                && diagnosis.wants(DoctorCheck::Domain)
            {
                for domain in &facts.domains {
                    runtime.block_on(examination.domain(domain, facts, &mut diagnosis))?;
                }
            }
            diagnosis.url = Some(base);
        }
        self.report(&diagnosis, context)
    }

    fn skipped(&self) -> Result<Vec<DoctorCheck>, Failure> {
        let of_name = |name: &String| {
            let found = DoctorCheck::ALL.iter().copied().find(|check| check.name() == name);
            found.ok_or_else(|| {
                let names: Vec<&str> = DoctorCheck::ALL.iter().map(|check| check.name()).collect();
                Failure::usage(format!(
                    "--skip: {name:?} is not a check; give {}",
                    names.join(", ")
                ))
            })
        };
        self.skip.iter().map(of_name).collect()
    }

    /// A client that trusts the certificates of the flag, else a self-signed one of the daemon, else the
    /// system's.
    fn client(
        &self,
        settings: &Settings,
        facts: Option<&ServingFacts>,
    ) -> Result<OutsideClient, Failure> {
        let own = facts.is_some_and(|facts| facts.is_self_signed && self.url.is_none());
        let own = own.then(|| settings.data.join("tls/self-signed.crt"));
        let file = self.cacert.clone().or(own);
        let tls = tls::client_config(file.as_deref()).map_err(Failure::failed)?;
        Ok(OutsideClient { tls: Arc::new(tls) })
    }

    fn report(&self, diagnosis: &Diagnosis, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.json {
            write_json(context.out, diagnosis)?;
        } else if diagnosis.is_healthy() {
            let note = match (diagnosis.daemon, &diagnosis.url) {
                (true, _) => "",
                (false, Some(_)) => " (no daemon runs on this machine; only its URL was asked)",
                (false, None) => " (no daemon runs on this machine, so its URL was not tried)",
            };
            writeln!(context.out, "ok: nothing to change{note}")?;
        }
        if diagnosis.is_healthy() {
            return Ok(());
        }
        if !self.json {
            for finding in diagnosis.lines() {
                for line in finding.lines() {
                    writeln!(context.out, "{}", terminal_text::line(line))?;
                }
            }
        }
        Err(Failure { exit: Exit::Failed, message: String::new() })
    }
}

/// What needs no daemon; if one runs, `facts` are its own settings. Blocks.
fn examine_machine(settings: &Settings, facts: Option<&ServingFacts>, diagnosis: &mut Diagnosis) {
    directory::examine(&settings.data, diagnosis);
    let files: [(&str, Option<&Path>); 4] = [
        ("tls_key", settings.tls_key.as_deref()),
        ("smtp_password_file", settings.mail.password_file.as_deref()),
        ("smtp_token_file", settings.mail.token_file.as_deref()),
        ("metrics_token_file", settings.metrics_token_file.as_deref()),
    ];
    for (setting, path) in files {
        if let Some(path) = path {
            directory::secret_file(setting, path, diagnosis);
        }
    }
    let (cache, connections, limit) = match facts {
        Some(facts) => (facts.cache_bytes, facts.max_connections, facts.memory_limit_bytes),
        None => (settings.cache_bytes, settings.max_connections, None),
    };
    examine_memory(cache, connections, limit, diagnosis);
    match facts {
        Some(facts) => {
            examine_swap(facts.swap_limit_bytes, diagnosis);
            let has_proxies = !facts.trusted_proxies.is_empty();
            examine_ports(&facts.addresses, facts.is_https, has_proxies, diagnosis);
        }
        None => {
            let addresses: Vec<SocketAddr> = settings.listen.iter().filter_map(numeric).collect();
            let has_proxies = !settings.trusted_proxies.is_empty();
            examine_ports(&addresses, settings.is_https(), has_proxies, diagnosis);
        }
    }
    if let Some(address) = settings.metrics_listen {
        examine_metrics(address, diagnosis);
    }
}

/// The address of a setting, if it is numeric or stands for all.
fn numeric(address: &ListenAddress) -> Option<SocketAddr> {
    let ListenAddress::Tcp { host, port } = address else { return None };
    let ip: IpAddr = match host.as_str() {
        ALL_ADDRESSES => std::net::Ipv6Addr::UNSPECIFIED.into(),
        host => host.parse().ok()?,
    };
    Some((ip, *port).into())
}

/// What the running daemon knows. Blocks.
fn examine_daemon(
    daemon: &LocalDaemon,
    facts: &ServingFacts,
    diagnosis: &mut Diagnosis,
) -> Result<(), Failure> {
    for warning in daemon.status()?.warnings {
        let remedy = match warning.code {
            // Found by checks of their own.
            WarningCode::DiskFull | WarningCode::DiskLow => continue,
            WarningCode::Certificate => {
                "Read the log of the daemon: it says why it was not renewed."
            }
            WarningCode::Clock => {
                "Set the clock with a time server (docs/operations.md, \"The clock\")."
            }
            WarningCode::NoMail => "Set smtp_url and mail_from (docs/mail.md), or drop the mails.",
            WarningCode::GivenUp => {
                "See their errors with sealdrop mail list, then sealdrop mail retry."
            }
        };
        diagnosis.find(DoctorCheck::Daemon, warning.text, remedy);
    }
    if facts.has_mail
        && diagnosis.wants(DoctorCheck::MailLogin)
        && let Some(problem) = daemon.mail_login()?.problem
    {
        find_mail(&problem, diagnosis);
    }
    Ok(())
}

/// Logs in to the mail server without the daemon.
async fn examine_mail(settings: &Settings, diagnosis: &mut Diagnosis) {
    if !diagnosis.wants(DoctorCheck::MailLogin) {
        return;
    }
    match Mailer::from_settings(settings) {
        Ok(None) => {}
        Ok(Some(mailer)) => {
            if let Err(problem) = mailer.server.log_in().await {
                find_mail(&problem, diagnosis);
            }
        }
        Err(BadMail { setting, problem }) => {
            let remedy = format!("Correct {setting} (docs/mail.md).");
            diagnosis.find(DoctorCheck::MailLogin, format!("{setting}: {problem}."), remedy);
        }
    }
}

fn find_mail(problem: &str, diagnosis: &mut Diagnosis) {
    let problem = format!("The mail server does not accept the daemon: {problem}.");
    let remedy = "Correct smtp_url and smtp_password_file or smtp_token_file (docs/mail.md).";
    diagnosis.find(DoctorCheck::MailLogin, problem, remedy);
}
