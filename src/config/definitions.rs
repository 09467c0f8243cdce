//! All settings, each defined once.
//!
//! A definition has the text of `--help` (and of docs/settings.md), the key in the file, how often its flag
//! can be given (`Option`: once, `Vec`: repeatedly), the name of the value in the help, the default, the
//! field of [`Settings`](super::Settings), its type, its parser, and the end of the error message. The flag
//! and the environment variable have the name of the key. `credential: true` marks the path of a file that
//! may be a credential of systemd with the name of the key.
//!
//! A setting without a default is `None` or an empty list. The order is that of `--help` and the
//! documentation. A `group` is a struct of its own: a field of `Settings` that is passed on as a whole.

/// Passes all definitions to the macro `$define`: the table, the structs and the flags are made from them.
macro_rules! settings {
    ($define:ident) => { $define! {
        settings {
            /// address and port to listen on, or unix:/PATH for a Unix socket (without HTTPS); port 0 selects a free
            /// port; default with --domain: *:443; for several, repeat it or separate them by commas; sockets
            /// from systemd replace all of them
            listen: Vec "ADDR" = "127.0.0.1:8080" => pub listen: Vec<ListenAddress> {
                parse: listen::addresses,
                remedy: "give an address and port, such as 127.0.0.1:8080, *:8080 or localhost:8080, or \
                         unix: and an absolute path, such as unix:/run/sealdrop/http.sock",
            }
            /// file mode of the Unix sockets; who may connect is trusted like a proxy
            socket_mode: Option "MODE" = "660" => pub socket_mode: u32 {
                parse: listen::mode,
                remedy: "give three octal digits, such as 660 for user and group, or 600",
            }
            /// the data directory
            data: Option "DIR" = "./sealdrop-data" => pub data: PathBuf {
                parse: parse::directory,
                remedy: "give the path of a directory",
            }
        }
        flag config "FILE" "a TOML file with settings";
        settings {
            /// a domain that points to this machine: HTTPS with a certificate from Let's Encrypt, to whose terms of
            /// service you agree; listens on ports 443 and 80 of all addresses if nothing else is set; for
            /// several, repeat it or separate them by commas
            domain: Vec "NAME" => pub domains: Vec<String> {
                parse: acme::domains,
                remedy: "give full names without scheme, port or *, such as secrets.example.org",
            }
            /// address for plain HTTP beside HTTPS, which sends browsers to HTTPS and proves the domain (default
            /// with --domain: *:80); for several, repeat it or separate them by commas
            http_listen: Vec "ADDR|off" => pub http_listen: Vec<ListenAddress> {
                parse: listen::addresses_or_off,
                remedy: "give an address and port, such as *:80 or 127.0.0.1:8080, or off, and one of domain, \
                         tls_cert and tls_self_signed",
            }
            /// address at which the certificate authority may reach you about --domain
            acme_email: Option "ADDRESS" => pub acme_email: Option<String> {
                parse: acme::email,
                remedy: "give an address such as admin@example.org",
            }
            /// the directory of another ACME authority for --domain
            acme_directory: Option "URL" => pub acme_directory: Option<String> {
                parse: acme::directory,
                remedy: "give the https URL of the authority's directory, and only without acme_staging",
            }
            /// a file with the certificate of the authority's own server, in PEM, if the system does not know it
            acme_ca: Option "FILE" => pub acme_ca: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable file with BEGIN CERTIFICATE",
            }
            /// true: a certificate for trials, which browsers do not trust, from Let's Encrypt's staging
            /// authority
            acme_staging: Option "true|false" = "false" => pub acme_staging: bool {
                parse: parse::truth,
                remedy: "give true or false, and true only without acme_directory",
            }
            /// a file with the certificate for HTTPS and those of its issuers, in PEM; needs --tls-key
            tls_cert: Option "FILE" => pub tls_cert: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable file with BEGIN CERTIFICATE, such as fullchain.pem, and \
                         its key with tls_key",
                credential: true,
            }
            /// a file with the private key of --tls-cert, in PEM without a passphrase
            tls_key: Option "FILE" => pub tls_key: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable file with BEGIN PRIVATE KEY, such as privkey.pem, and \
                         its certificate with tls_cert",
                credential: true,
            }
            /// true: HTTPS with a self-signed certificate, which is kept in the data directory
            tls_self_signed: Option "true|false" = "false" => pub tls_self_signed: bool {
                parse: parse::truth,
                remedy: "give true or false, and true only without tls_cert",
            }
            /// the public URL of the daemon, if it is neither the first domain nor the first address:
            /// https://example.org/secrets
            public_url: Option "URL" => pub public_url: Option<PublicUrl> {
                parse: |text| PublicUrl::parse(text).map(Some),
                remedy: "give an absolute URL without user name, query or fragment, such as \
                         https://secrets.example.org or https://example.org/secrets",
            }
            /// maximum length of the ciphertext of a secret, 1KiB to 16MiB
            max_ciphertext: Option "SIZE" = "1MiB" => pub max_ciphertext_bytes: u64 {
                parse: |text| parse::bytes(text, 1 << 10..=16 << 20),
                remedy: "give a number of bytes from 1KiB to 16MiB, such as 1048576, 512KiB or 2MB",
            }
        }
        /// The lifetime of secrets in whole hours: 1 ≤ min ≤ default ≤ max ≤ 350.
        ///
        /// In hours, because the field `expiration` of the Secrets API is in hours.
        #[derive(Copy)]
        group expiration: Expiration {
            /// minimum lifetime of a secret, in hours
            expiration_min: Option "HOURS" = "1" => pub(super) min_hours: u32 {
                parse: |text| parse::number(text, 1..=350),
                remedy: "give whole hours from 1 to 350",
            }
            /// lifetime of a secret if the sender gives none, in hours
            expiration_default: Option "HOURS" = "168" => pub(super) default_hours: u32 {
                parse: |text| parse::number(text, 0..=350),
                remedy: "give whole hours from 1 to 350, or 0 for secrets that never expire",
            }
            /// maximum lifetime of a secret, in hours
            expiration_max: Option "HOURS" = "350" => pub(super) max_hours: u32 {
                parse: |text| parse::number(text, 1..=350),
                remedy: "give whole hours from 1 to 350 (the maximum of the Secrets API)",
            }
            /// true: --expiration-default may be 0, for secrets that never expire
            allow_no_expiration: Option "true|false" = "false" => pub(super) for_ever_allowed: bool {
                parse: parse::truth,
                remedy: "give true or false",
            }
        }
        settings {
            /// secrets that a new account may create in a calendar month
            allowance: Option "N" = "1000000" => pub allowance: u64 {
                parse: |text| parse::number(text, 0..=u64::MAX),
                remedy: "give a whole number",
            }
            /// maximum number of secret requests in the list of an account
            request_allowance: Option "N" = "10000" => pub request_allowance: u64 {
                parse: |text| parse::number(text, 0..=u64::MAX),
                remedy: "give a whole number",
            }
            /// days that a used-up or expired secret or secret request stays in the list
            keep_log: Option "DAYS" = "90" => pub keep_log_days: u32 {
                parse: |text| parse::number(text, 1..=3650),
                remedy: "give whole days from 1 to 3650",
            }
            /// who may create secrets: open (anyone) or account (with a private API key)
            create: Option "open|account" = "account" => pub create: SecretCreation {
                parse: parse::create,
                remedy: "give open or account",
            }
            /// who may create boxes: open (anyone), account (with a private API key) or off
            boxes: Option "open|account|off" = "open" => pub boxes: Boxes {
                parse: parse::boxes,
                remedy: "give open, account or off",
            }
            /// maximum length of a file in a box (also after decompression) and of an attachment of a secret;
            /// 0 for no limit
            max_upload: Option "SIZE" = "100MiB" => pub max_upload_bytes: Option<u64> {
                parse: |text| parse::bytes_or_no_limit(text, 1 << 10..=1 << 40),
                remedy: "give a number of bytes from 1KiB to 1TiB, such as 100MiB or 2GB, or 0 for no limit",
            }
            /// disk space for the messages of one box; 0 for no limit
            max_box: Option "SIZE" = "10GiB" => pub max_box_bytes: Option<u64> {
                parse: |text| parse::bytes_or_no_limit(text, 1 << 20..=1 << 40),
                remedy: "give a number of bytes from 1MiB to 1TiB, such as 512MiB or 10GB, or 0 for no limit",
            }
            /// maximum number of attachments of a secret, 1 to 64
            max_attachments: Option "N" = "10" => pub max_attachments: u8 {
                parse: |text| parse::number(text, 1..=64),
                remedy: "give a whole number from 1 to 64",
            }
            /// disk space for the attachments of one account; 0 for no limit
            max_account: Option "SIZE" = "10GiB" => pub max_account_bytes: Option<u64> {
                parse: |text| parse::bytes_or_no_limit(text, 1 << 20..=1 << 50),
                remedy: "give a number of bytes from 1MiB to 1024TiB, such as 512MiB or 10GB, or 0 for no \
                         limit",
            }
            /// disk space for all attachments; 0 for no limit
            max_storage: Option "SIZE" = "0" => pub max_storage_bytes: Option<u64> {
                parse: |text| parse::bytes_or_no_limit(text, 1 << 20..=1 << 50),
                remedy: "give a number of bytes from 1MiB to 1024TiB, such as 512MiB or 10GB, or 0 for no \
                         limit",
            }
            /// size of the keys of new boxes: 2048, 3072 or 4096
            rsa_bits: Option "2048|3072|4096" = "3072" => pub rsa_bits: RsaBits {
                parse: parse::rsa_bits,
                remedy: "give 2048, 3072 or 4096",
            }
            /// number of keys for new boxes to prepare in the background, 0 to 64
            key_pool: Option "N" = "4" => pub key_pool: usize {
                parse: |text| parse::number(text, 0..=64),
                remedy: "give a whole number from 0 to 64",
            }
            /// address or CIDR block of a proxy whose X-Forwarded-For and Forwarded are trusted; for several,
            /// repeat it or separate them by commas
            trusted_proxy: Vec "ADDR" => pub trusted_proxies: Vec<IpNet> {
                parse: parse::networks,
                remedy: "give addresses or CIDR blocks, separated by commas, such as \
                         127.0.0.1,10.0.0.0/8,fd00::/8",
            }
            /// header in which trusted proxies name the client, such as X-Real-IP or CF-Connecting-IP
            /// (X-Forwarded-For, else Forwarded)
            client_ip_header: Option "NAME" => pub client_ip_header: Option<HeaderName> {
                parse: parse::header_name,
                remedy: "give the name of a header, such as X-Real-IP or CF-Connecting-IP",
            }
            /// true: trusted proxies send the header of the PROXY protocol (version 1 or 2) before each connection
            proxy_protocol: Option "true|false" = "false" => pub proxy_protocol: bool {
                parse: parse::truth,
                remedy: "give true or false, and true only with trusted_proxy or a Unix socket",
            }
            /// origins whose pages may call the APIs: any, off (only those of sealdrop), or an origin such as
            /// https://www.example.org; for several, repeat it or separate them by commas
            cors: Vec "off|any|ORIGIN" = "any" => pub cors: CrossOrigin {
                parse: CrossOrigin::parse,
                remedy: "give any, off, or origins separated by commas, such as \
                         https://www.example.org,https://intranet.example.org:8443",
            }
        }
        /// Limits for one client, account or box within a time window; 0 for no limit.
        #[derive(Copy)]
        group limits: TryLimits {
            /// secrets created or changed without an account from one address in an hour; 0 for no limit
            create_limit: Option "N" = "30" => pub creations: u32 {
                parse: |text| parse::number(text, 0..=u32::MAX.into()),
                remedy: NUMBER_OR_NO_LIMIT,
            }
            /// answers to secret requests from one address in an hour; 0 for no limit
            answer_limit: Option "N" = "60" => pub answers: u32 {
                parse: |text| parse::number(text, 0..=u32::MAX.into()),
                remedy: NUMBER_OR_NO_LIMIT,
            }
            /// wrong passwords of secrets from one address in an hour; 0 for no limit
            password_tries: Option "N" = "10" => pub passwords: u32 {
                parse: |text| parse::number(text, 0..=u32::MAX.into()),
                remedy: NUMBER_OR_NO_LIMIT,
            }
            /// wrong passphrases of boxes from one address in a minute; 0 for no limit
            passphrase_tries: Option "N" = "5" => pub passphrases: u32 {
                parse: |text| parse::number(text, 0..=u32::MAX.into()),
                remedy: NUMBER_OR_NO_LIMIT,
            }
            // More than most machines can check, so an attacker who has the token cannot lock out the owner.
            /// wrong passphrases of one box, from all addresses together, in a minute; 0 for no limit
            box_passphrase_tries: Option "N" = "600" => pub box_passphrases: u32 {
                parse: |text| parse::number(text, 0..=u32::MAX.into()),
                remedy: NUMBER_OR_NO_LIMIT,
            }
            /// self-destructing messages mailed from one address in an hour; 0 for no limit
            self_destruct_limit: Option "N" = "10" => pub self_destructs: u32 {
                parse: |text| parse::number(text, 0..=u32::MAX.into()),
                remedy: NUMBER_OR_NO_LIMIT,
            }
            // Each test can hold a connection and a lookup for some seconds.
            /// tests of webhooks by one account in a minute; 0 for no limit
            webhook_test_limit: Option "N" = "10" => pub webhook_tests: u32 {
                parse: |text| parse::number(text, 0..=u32::MAX.into()),
                remedy: NUMBER_OR_NO_LIMIT,
            }
        }
        settings {
            /// how the view log stores the address of a viewer: full, truncated or off
            viewer_ip: Option "full|truncated|off" = "full" => pub viewer_ip: ViewerIp {
                parse: parse::viewer_ip,
                remedy: "give full, truncated or off",
            }
            /// true: webhooks at private and loopback addresses are called as well
            webhook_private: Option "true|false" = "false" => pub webhook_private: bool {
                parse: parse::truth,
                remedy: "give true or false",
            }
            /// maximum number of open connections
            max_connections: Option "N" = "1024" => pub max_connections: usize {
                parse: |text| parse::number(text, 1..=65_536),
                remedy: "give a whole number from 1 to 65536",
            }
            /// maximum number of open connections of one client (IPv4 address or IPv6 /64)
            max_connections_per_client: Option "N" = "256" => pub max_connections_per_client: usize {
                parse: |text| parse::number(text, 1..=65_536),
                remedy: "give a whole number from 1 to 65536",
            }
            /// memory for the database's page cache, 8MiB to 1GiB
            cache: Option "SIZE" = "32MiB" => pub cache_bytes: u64 {
                parse: |text| parse::bytes(text, 8 << 20..=1 << 30),
                remedy: "give a number of bytes from 8MiB to 1GiB, such as 33554432 or 64MiB",
            }
        }
        /// The ring: the key to all data in the data directory, and its turns. docs/store.md describes it.
        group ring: RingSettings {
            /// a file outside of the data directory for the key to all data, which is overwritten at each turn;
            /// the directory then has only a link to it (default: ring in the data directory)
            ring: Option "FILE" => pub file: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a file in a directory that exists, on a disk that is not part of \
                         other backups",
            }
            /// time between two turns, 1s to 30d: after a turn, no older copy of store/ in the data directory
            /// opens what was burned before
            ring_turn: Option "TIME" = "1h" => pub turn_seconds: u64 {
                parse: ring::turn,
                remedy: "give a time from 1s to 30d, such as 10m or 1h",
            }
            /// a second place for the ring, which is overwritten at each turn, too: a directory on another disk, or
            /// command: and a shell command that stores its standard input
            ring_copy: Option "DIR|command:…" => pub copy: Option<RingPlace> {
                parse: ring::place,
                remedy: "give a directory that exists, or command: and a command, such as \
                         command:ssh backup@example.org dd of=ring conv=notrunc,fsync",
            }
            /// a directory, best on another disk, for the key table, which each turn writes anew: with it and a copy
            /// of the ring, backups without keys can be restored
            keys_out: Option "DIR" => pub keys_out: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give a directory that exists and is writable",
            }
            /// a file with the master key, which encrypts the ring: without it, the disk opens nothing; see
            /// sealdrop master-key
            master_key_file: Option "FILE" => pub master_key_file: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable file made by sealdrop master-key create, the one that the \
                         data directory was used with before",
                credential: true,
            }
        }
        settings {}
        /// The mail server, and the sender and texts of mails. Other modules read the files.
        group mail: MailSettings {
            /// the mail server: smtps://user@host:465, or smtp://user@host:587 with STARTTLS
            smtp_url: Option "URL" => pub smtp: Option<SmtpUrl> {
                parse: |text| SmtpUrl::parse(text).map(Some),
                remedy: "give smtps://user@host:465 or smtp://user@host:587, the latter with \
                         ?tls=opportunistic or ?tls=none where it must be; the password comes from \
                         smtp_password_file",
            }
            /// a file with the password of the user in --smtp-url
            smtp_password_file: Option "FILE" => pub password_file: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable file with one line if smtp_url has a user, or leave it \
                         out",
                credential: true,
            }
            /// a file with an access token (OAuth 2.0) of the user in --smtp-url, instead of a password; read
            /// at each login
            smtp_token_file: Option "FILE" => pub token_file: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable file with only the token, which another program keeps \
                         fresh, where smtp_url has a user and there is no smtp_password_file, else leave it \
                         out",
                credential: true,
            }
            /// the sender of mails: "sealdrop <no-reply@example.org>"
            mail_from: Option "ADDRESS" => pub from: Option<Mailbox> {
                parse: |text| mail::sender(text).map(Some),
                remedy: "give an address such as no-reply@example.org or \"sealdrop <no-reply@example.org>\"",
            }
            /// a directory with texts of mails that replace the built-in ones
            mail_templates: Option "DIR" => pub templates: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give a directory with files as docs/mail.md describes them",
            }
            /// language of pages and mails if the language of the reader is unknown
            language: Option "LANGUAGE" = "en" => pub language: Language {
                parse: mail::language,
                remedy: crate::locales::REMEDY,
            }
        }
        settings {}
        /// The look of the pages. Other modules read the files.
        group site: SiteSettings {
            /// name of this site on the pages
            site_name: Option "NAME" = "sealdrop" => pub name: String {
                parse: site::name,
                remedy: "give one line of 1 to 40 characters",
            }
            /// a logo beside the name: SVG, PNG or WebP, at most 256 KiB
            site_logo: Option "FILE" => pub logo: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable SVG, PNG or WebP file of at most 256 KiB",
            }
            /// colour of buttons and links
            site_color: Option "COLOUR" = "#0f766e" => pub color: Color {
                parse: site::color,
                remedy: "give a colour as #rrggbb, such as #0f766e",
            }
            /// URL of the imprint, linked below each page
            site_imprint: Option "URL" => pub imprint: Option<Link> {
                parse: |text| Link::parse(text).map(Some),
                remedy: "give an absolute http, https or mailto URL",
            }
            /// URL of the privacy policy, linked below each page
            site_privacy: Option "URL" => pub privacy: Option<Link> {
                parse: |text| Link::parse(text).map(Some),
                remedy: "give an absolute http, https or mailto URL",
            }
            /// another link below each page, such as Contact=https://example.org/contact; for several, repeat it
            /// or separate them by commas
            site_link: Vec "NAME=URL" => pub links: Vec<NamedLink> {
                parse: site::links,
                remedy: "give at most 10 links, each as a name of 1 to 40 characters, = and an absolute http, \
                         https or mailto URL, such as Contact=https://example.org/contact; a comma in a URL \
                         is %2C",
            }
            /// a text below each page, such as who runs this site and who helps
            site_text: Option "TEXT" => pub text: Option<String> {
                parse: |text| site::text(text).map(Some),
                remedy: "give one line of 1 to 500 characters",
            }
            /// a style sheet of your own for all pages, at most 64 KiB; it can hide warnings and buttons, so only
            /// people whom you trust with the server may change it
            custom_css: Option "FILE" => pub css: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable CSS file of at most 64 KiB in UTF-8",
            }
        }
        settings {
            /// numeric address and port at which /metrics can be read without a token; for a network that only
            /// monitoring can reach
            metrics_listen: Option "ADDR" => pub metrics_listen: Option<SocketAddr> {
                parse: |text| parse::address(text).map(Some),
                remedy: "give one numeric address and port, such as 127.0.0.1:9187",
            }
            /// a file with the token that reads /metrics at the address of --listen (Authorization: Bearer); 404
            /// without it
            metrics_token_file: Option "FILE" => pub metrics_token_file: Option<PathBuf> {
                parse: |text| parse::directory(text).map(Some),
                remedy: "give the path of a readable file with one line of at least 16 characters, as \
                         `openssl rand -hex 32` makes it",
                credential: true,
            }
            /// true: one line for each request, without ids; else only at the level debug
            access_log: Option "true|false" = "false" => pub access_log: bool {
                parse: parse::truth,
                remedy: "give true or false",
            }
            /// form of the log: human, json (an object in each line) or journald (priorities for systemd)
            log_format: Option "human|json|journald" = "human" => pub log_format: LogFormat {
                parse: parse::log_format,
                remedy: "give human, json or journald",
            }
            /// lowest level to log: error, warn, info, debug or trace
            log: Option "error|warn|info|debug|trace" = "info" => pub log: tracing::Level {
                parse: parse::level,
                remedy: "give error, warn, info, debug or trace",
            }
        }
    } };
}
pub(crate) use settings;
