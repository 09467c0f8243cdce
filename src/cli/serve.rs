//! `sealdrop serve`: the daemon.

use std::{fs, io, path::Path};

use argh::{ArgsInfo, FromArgs};
use rustix::fs::{Access, access};

use super::{Context, Failure, Output};
use crate::{
    config::{Flags, Settings},
    delivery::smtp::{BadMail, Mailer},
    web::Look,
};

/// Run the daemon. Each setting is taken from its flag, else from the environment (--public-url is
/// SEALDROP_PUBLIC_URL), else from the TOML file (public_url), else it has its default.
#[derive(ArgsInfo, FromArgs, Default)]
#[argh(
    subcommand,
    name = "serve",
    help_triggers("-h", "--help"),
    usage = "[--listen ADDR] [--data DIR] [--config FILE] [--public-url URL] [--check] [<flags>]",
    example = "{command_name} --listen 127.0.0.1:8080 --data /var/lib/sealdrop\n\
               {command_name} --public-url https://example.org/secrets --trusted-proxy 127.0.0.1\n\
               SEALDROP_LISTEN=[::1]:0 {command_name} --config /etc/sealdrop.toml --check",
    error_code(64, "a setting is wrong; the message names it, its source and what would be right"),
    error_code(65, "the data directory is damaged, or of a newer version"),
    error_code(75, "what stands in the way may pass: a taken port, a full disk, a lock")
)]
pub(crate) struct Serve {
    /// address and port to listen on, numeric; port 0 picks a free one (127.0.0.1:8080)
    #[argh(option)]
    listen: Option<String>,

    /// the data directory (./sealdrop-data)
    #[argh(option)]
    data: Option<String>,

    /// a TOML file with settings
    #[argh(option)]
    config: Option<String>,

    /// where people reach the daemon, if not at the address above: https://example.org/secrets
    #[argh(option)]
    public_url: Option<String>,

    /// longest ciphertext of a secret, 1KiB to 16MiB (1MiB)
    #[argh(option, arg_name = "SIZE")]
    max_ciphertext: Option<String>,

    /// shortest life of a secret, in hours (1)
    #[argh(option, arg_name = "HOURS")]
    expiration_min: Option<String>,

    /// life of a secret whose sender names none, in hours (168)
    #[argh(option, arg_name = "HOURS")]
    expiration_default: Option<String>,

    /// longest life of a secret, in hours (350)
    #[argh(option, arg_name = "HOURS")]
    expiration_max: Option<String>,

    /// true: --expiration-default may be 0, for ever (false)
    #[argh(option, arg_name = "true|false")]
    allow_no_expiration: Option<String>,

    /// secrets that a new account may create in a month (1000000)
    #[argh(option, arg_name = "N")]
    allowance: Option<String>,

    /// secret requests that an account may have in its list (10000)
    #[argh(option, arg_name = "N")]
    request_allowance: Option<String>,

    /// days that a used-up or expired secret or secret request stays in the list (90)
    #[argh(option, arg_name = "DAYS")]
    keep_log: Option<String>,

    /// who may create secrets: open (anyone) or account (with a private API key) (account)
    #[argh(option, arg_name = "open|account")]
    create: Option<String>,

    /// who may create boxes: open (anyone), account (with a private API key) or off (open)
    #[argh(option, arg_name = "open|account|off")]
    boxes: Option<String>,

    /// longest file in a box, also once it is decompressed, and longest attachment of a secret; 0 for
    /// no limit (100MiB)
    #[argh(option, arg_name = "SIZE")]
    max_upload: Option<String>,

    /// what the messages of one box may take on disk; 0 for no limit (10GiB)
    #[argh(option, arg_name = "SIZE")]
    max_box: Option<String>,

    /// attachments that a secret may have, 1 to 64 (10)
    #[argh(option, arg_name = "N")]
    max_attachments: Option<String>,

    /// what the attachments of one account may take on disk; 0 for no limit (10GiB)
    #[argh(option, arg_name = "SIZE")]
    max_account: Option<String>,

    /// what all attachments may take on disk; 0 for no limit (0)
    #[argh(option, arg_name = "SIZE")]
    max_storage: Option<String>,

    /// size of the keys of new boxes: 2048, 3072 or 4096 (3072)
    #[argh(option, arg_name = "2048|3072|4096")]
    rsa_bits: Option<String>,

    /// keys for new boxes that are prepared in the background, 0 to 64 (4)
    #[argh(option, arg_name = "N")]
    key_pool: Option<String>,

    /// address or CIDR block of a proxy whose X-Forwarded-For and Forwarded are believed; repeat it
    /// or separate by commas
    #[argh(option, arg_name = "ADDR")]
    trusted_proxy: Vec<String>,

    /// the one header in which trusted proxies name the client, such as X-Real-IP or CF-Connecting-IP
    /// (X-Forwarded-For, else Forwarded)
    #[argh(option, arg_name = "NAME")]
    client_ip_header: Option<String>,

    /// whose web pages may call the APIs: any, off (none but our own), or an origin such as
    /// https://www.example.org; repeat it or separate by commas (any)
    #[argh(option, arg_name = "off|any|ORIGIN")]
    cors: Vec<String>,

    /// secrets made without an account from one address in an hour; 0 for no limit (30)
    #[argh(option, arg_name = "N")]
    create_limit: Option<String>,

    /// secrets handed over through requests from one address in an hour; 0 for no limit (60)
    #[argh(option, arg_name = "N")]
    answer_limit: Option<String>,

    /// wrong passwords of secrets from one address in an hour; 0 for no limit (10)
    #[argh(option, arg_name = "N")]
    password_tries: Option<String>,

    /// wrong passphrases of boxes from one address in a minute; 0 for no limit (5)
    #[argh(option, arg_name = "N")]
    passphrase_tries: Option<String>,

    /// wrong passphrases of one box, from anywhere, in a minute; 0 for no limit (600)
    #[argh(option, arg_name = "N")]
    box_passphrase_tries: Option<String>,

    /// messages mailed to destroy themselves from one address in an hour; 0 for no limit (10)
    #[argh(option, arg_name = "N")]
    self_destruct_limit: Option<String>,

    /// webhooks that one account tries out in a minute; 0 for no limit (10)
    #[argh(option, arg_name = "N")]
    webhook_test_limit: Option<String>,

    /// what the view log keeps of a viewer's address: full, truncated or off (full)
    #[argh(option, arg_name = "full|truncated|off")]
    viewer_ip: Option<String>,

    /// true: webhooks at private and loopback addresses are called, too (false)
    #[argh(option, arg_name = "true|false")]
    webhook_private: Option<String>,

    /// connections that may be open at once (1024)
    #[argh(option, arg_name = "N")]
    max_connections: Option<String>,

    /// connections that one client (IPv4 address or IPv6 /64) may have open (256)
    #[argh(option, arg_name = "N")]
    max_connections_per_client: Option<String>,

    /// memory for the database's page cache, 8MiB to 1GiB (32MiB)
    #[argh(option, arg_name = "SIZE")]
    cache: Option<String>,

    /// the mail server: smtps://user@host:465, or smtp://user@host:587 with STARTTLS
    #[argh(option, arg_name = "URL")]
    smtp_url: Option<String>,

    /// a file with the password of the user in --smtp-url
    #[argh(option, arg_name = "FILE")]
    smtp_password_file: Option<String>,

    /// a file with an access token (OAuth 2.0) of that user, in place of a password; read at each login
    #[argh(option, arg_name = "FILE")]
    smtp_token_file: Option<String>,

    /// whom mails are from: "sealdrop <no-reply@example.org>"
    #[argh(option, arg_name = "ADDRESS")]
    mail_from: Option<String>,

    /// a directory with texts of mails that go before the built-in ones
    #[argh(option, arg_name = "DIR")]
    mail_templates: Option<String>,

    /// language of pages and mails if the reader's own is unknown (en)
    #[argh(option, arg_name = "LANGUAGE")]
    language: Option<String>,

    /// what the pages call this site (sealdrop)
    #[argh(option, arg_name = "NAME")]
    site_name: Option<String>,

    /// a picture beside the name: SVG, PNG or WebP, 256 KiB at most
    #[argh(option, arg_name = "FILE")]
    site_logo: Option<String>,

    /// colour of buttons and links (#0f766e)
    #[argh(option, arg_name = "COLOUR")]
    site_color: Option<String>,

    /// link below each page: who runs this
    #[argh(option, arg_name = "URL")]
    site_imprint: Option<String>,

    /// link below each page: what is done with data
    #[argh(option, arg_name = "URL")]
    site_privacy: Option<String>,

    /// least important level that is logged: error, warn, info, debug or trace (info)
    #[argh(option, arg_name = "error|warn|info|debug|trace")]
    log: Option<String>,

    /// check the settings, the files that they name, and that the data directory can be written, and
    /// exit
    #[argh(switch)]
    check: bool,
}

impl Serve {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let check = self.check;
        let loaded = Settings::load(self.flags(), context.environment.iter().cloned())?;
        if !check {
            let is_terminal = context.out_is_terminal;
            return context.engine.serve(loaded, Output { out: context.out, is_terminal });
        }
        for warning in &loaded.warnings {
            writeln!(context.err, "sealdrop: warning: {warning}")?;
        }
        writable(&loaded.settings.data).map_err(|problem| loaded.bad("data", problem))?;
        Mailer::from_settings(&loaded.settings)
            .and_then(|_| Mailer::check_token(&loaded.settings))
            .map_err(|BadMail { setting, problem }| loaded.bad(setting, problem))?;
        Look::load(&loaded.settings.site).map_err(|problem| loaded.bad("site_logo", problem))?;
        Ok(writeln!(context.out, "settings are valid")?)
    }

    /// The flags that were given, by their key in the table of settings.
    pub(crate) fn flags(self) -> Flags {
        [
            ("listen", self.listen),
            ("data", self.data),
            ("config", self.config),
            ("public_url", self.public_url),
            ("max_ciphertext", self.max_ciphertext),
            ("expiration_min", self.expiration_min),
            ("expiration_default", self.expiration_default),
            ("expiration_max", self.expiration_max),
            ("allow_no_expiration", self.allow_no_expiration),
            ("allowance", self.allowance),
            ("request_allowance", self.request_allowance),
            ("keep_log", self.keep_log),
            ("create", self.create),
            ("boxes", self.boxes),
            ("max_upload", self.max_upload),
            ("max_box", self.max_box),
            ("max_attachments", self.max_attachments),
            ("max_account", self.max_account),
            ("max_storage", self.max_storage),
            ("rsa_bits", self.rsa_bits),
            ("key_pool", self.key_pool),
            ("create_limit", self.create_limit),
            ("answer_limit", self.answer_limit),
            ("password_tries", self.password_tries),
            ("passphrase_tries", self.passphrase_tries),
            ("box_passphrase_tries", self.box_passphrase_tries),
            ("self_destruct_limit", self.self_destruct_limit),
            ("webhook_test_limit", self.webhook_test_limit),
            ("client_ip_header", self.client_ip_header),
            ("viewer_ip", self.viewer_ip),
            ("webhook_private", self.webhook_private),
            ("max_connections", self.max_connections),
            ("max_connections_per_client", self.max_connections_per_client),
            ("cache", self.cache),
            ("smtp_url", self.smtp_url),
            ("smtp_password_file", self.smtp_password_file),
            ("smtp_token_file", self.smtp_token_file),
            ("mail_from", self.mail_from),
            ("mail_templates", self.mail_templates),
            ("language", self.language),
            ("site_name", self.site_name),
            ("site_logo", self.site_logo),
            ("site_color", self.site_color),
            ("site_imprint", self.site_imprint),
            ("site_privacy", self.site_privacy),
            ("log", self.log),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .chain(self.trusted_proxy.into_iter().map(|proxy| ("trusted_proxy", proxy)))
        .chain(self.cors.into_iter().map(|origin| ("cors", origin)))
        .collect()
    }
}

/// Whether `dir` is a directory that can be written, or could be made; the error says why not.
///
/// Only asks: nothing is created, not even for a moment.
fn writable(dir: &Path) -> Result<(), String> {
    let nearest = dir.ancestors().find_map(|place| {
        // The last ancestor of a relative path is empty, and means the working directory.
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
    let found = found.map_err(|error| format!("can not look at {place_name}: {error}"))?;
    if !found.is_dir() {
        return Err(format!("{place_name} is not a directory"));
    }
    access(place, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("can not write to {place_name}: {}", io::Error::from(error)))
}
