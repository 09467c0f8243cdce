//! Tables of right and wrong settings.

use std::{ffi::OsString, path::Path};

use ipnet::IpNet;

use super::*;
use crate::crypto::RsaBits;

/// Loads with flags, environment and the text of a file called `sealdrop.toml`, if not empty.
fn load(
    flags: &[(&'static str, &str)],
    env: &[(&str, &str)],
    toml: &str,
) -> Result<Loaded, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sealdrop.toml");
    let mut env: Vec<(OsString, OsString)> =
        env.iter().map(|(name, value)| (name.into(), value.into())).collect();
    if !toml.is_empty() {
        std::fs::write(&path, toml).unwrap();
        env.push(("SEALDROP_CONFIG".into(), path.into()));
    }
    let flags = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    Settings::load(flags, env)
        .map_err(|bad| bad.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

fn settings(toml: &str) -> Settings {
    load(&[], &[], toml).unwrap().settings
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = "log = \"error\"";
    let env = [("SEALDROP_LOG", "warn")];
    let flag = [("log", "debug")];
    // (flags, environment, file) -> level
    let cases: [(&[_], &[_], _, _); 7] = [
        (&[], &[], "", tracing::Level::INFO),
        (&[], &[], file, tracing::Level::ERROR),
        (&[], &env, file, tracing::Level::WARN),
        (&flag, &env, file, tracing::Level::DEBUG),
        (&flag, &[], "", tracing::Level::DEBUG),
        (&[], &[("SEALDROP_LOG", "")], file, tracing::Level::ERROR),
        (&[], &[("SEALDROP_LOG", "")], "", tracing::Level::INFO),
    ];
    for (flags, env, file, level) in cases {
        let loaded = load(flags, env, file).unwrap();
        assert_eq!(loaded.settings.log, level, "{flags:?} {env:?} {file:?}");
    }
}

#[test]
fn each_default_of_the_table_is_the_default_of_the_settings() {
    for setting in TABLE.iter().filter(|setting| !setting.default.is_empty()) {
        let mut settings = Settings::default();
        // Away from the default first, where another value is at hand: else nothing is tested.
        for other in [
            "127.0.0.1:1",
            "./x",
            "9MiB",
            "7",
            "2048",
            "true",
            "off",
            "open",
            "error",
            "json",
            "sv",
            "#123456",
            "30m",
        ] {
            let mut changed = Settings::default();
            if (setting.set)(&mut changed, other).is_ok() && changed != settings {
                settings = changed;
                break;
            }
        }
        assert_ne!(settings, Settings::default(), "{}", setting.key);
        (setting.set)(&mut settings, setting.default).unwrap();
        assert_eq!(settings, Settings::default(), "{}", setting.key);
    }
}

#[test]
fn every_setting_can_come_from_the_file() {
    let all = settings(
        r##"
        listen = ["[::1]:0", "unix:/run/drop.sock"]
        socket_mode = "600"
        data = "/var/lib/sealdrop"
        public_url = "https://example.org/secrets/"
        max_ciphertext = "2MB"
        expiration_min = 2
        expiration_default = 0
        expiration_max = 300
        allow_no_expiration = true
        allowance = 1_000
        request_allowance = 50
        keep_log = 30
        create = "open"
        boxes = "account"
        max_upload = "2GiB"
        max_box = 0
        max_attachments = 64
        max_account = 0
        max_storage = "50GB"
        rsa_bits = 4096
        key_pool = 0
        trusted_proxy = ["10.0.0.0/8", "::1"]
        proxy_protocol = true
        viewer_ip = "truncated"
        webhook_private = true
        max_connections = 65536
        max_connections_per_client = 100
        cache = "1GiB"
        smtp_url = "smtps://post%40example.org@mail.example.org"
        smtp_password_file = "/etc/sealdrop.password"
        mail_from = "sealdrop <no-reply@example.org>"
        mail_templates = "/etc/sealdrop"
        language = "sv"
        site_name = "Drop & Co"
        site_logo = "/etc/logo.svg"
        site_color = "#B00b1e"
        site_imprint = "https://example.org/imprint"
        site_privacy = "mailto:privacy@example.org"
        site_link = ["Contact=https://example.org/contact", "Status = mailto:status@example.org"]
        site_text = "Run by Example & Co."
        custom_css = "/etc/sealdrop.css"
        metrics_listen = "127.0.0.1:9187"
        metrics_token_file = "/etc/sealdrop.token"
        access_log = true
        log_format = "journald"
        log = "trace"
        "##,
    );
    let listen: Vec<_> = all.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["[::1]:0", "unix:/run/drop.sock"]);
    assert_eq!((all.socket_mode, all.proxy_protocol), (0o600, true));
    assert_eq!(all.data, Path::new("/var/lib/sealdrop"));
    assert_eq!(all.public_url.unwrap().as_str(), "https://example.org/secrets");
    assert_eq!(all.max_ciphertext_bytes, 2_000_000);
    assert_eq!((all.expiration.min_hours(), all.expiration.max_hours()), (2, 300));
    assert_eq!(all.expiration.default_hours(), None);
    assert_eq!((all.allowance, all.request_allowance, all.keep_log_days), (1000, 50, 30));
    assert_eq!(all.create, SecretCreation::Open);
    assert_eq!((all.boxes, all.rsa_bits, all.key_pool), (Boxes::Account, RsaBits::Bits4096, 0));
    assert_eq!((all.max_upload_bytes, all.max_box_bytes), (Some(2 << 30), None));
    assert_eq!((all.max_attachments, all.max_account_bytes), (64, None));
    assert_eq!(all.max_storage_bytes, Some(50_000_000_000));
    assert_eq!(all.trusted_proxies, ["10.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap()));
    assert_eq!(all.viewer_ip, ViewerIp::Truncated);
    assert!(all.webhook_private);
    assert_eq!((all.max_connections, all.max_connections_per_client), (65_536, 100));
    assert_eq!(all.cache_bytes, 1 << 30);
    assert_eq!(all.metrics_listen, Some("127.0.0.1:9187".parse().unwrap()));
    assert_eq!(all.metrics_token_file.unwrap(), Path::new("/etc/sealdrop.token"));
    assert_eq!((all.access_log, all.log_format), (true, LogFormat::Journald));
    let smtp = all.mail.smtp.unwrap();
    assert_eq!(
        (smtp.host.as_str(), smtp.port, smtp.tls),
        ("mail.example.org", 465, SmtpTls::Implicit)
    );
    assert_eq!(smtp.user.as_deref(), Some("post@example.org"));
    assert_eq!(all.mail.password_file.unwrap(), Path::new("/etc/sealdrop.password"));
    assert_eq!(all.mail.from.unwrap().to_string(), "sealdrop <no-reply@example.org>");
    assert_eq!(all.mail.templates.unwrap(), Path::new("/etc/sealdrop"));
    assert_eq!(all.mail.language.tag(), "sv");
    assert_eq!((all.site.name.as_str(), all.site.color), ("Drop & Co", Color([0xb0, 0x0b, 0x1e])));
    assert_eq!(all.site.logo.unwrap(), Path::new("/etc/logo.svg"));
    assert_eq!(all.site.imprint.unwrap().as_str(), "https://example.org/imprint");
    assert_eq!(all.site.privacy.unwrap().as_str(), "mailto:privacy@example.org");
    assert_eq!(
        all.site.links.iter().map(|link| (&*link.name, link.link.as_str())).collect::<Vec<_>>(),
        [("Contact", "https://example.org/contact"), ("Status", "mailto:status@example.org")]
    );
    assert_eq!(all.site.text.unwrap(), "Run by Example & Co.");
    assert_eq!(all.site.css.unwrap(), Path::new("/etc/sealdrop.css"));
    assert_eq!(all.log, tracing::Level::TRACE);
}

#[test]
fn a_wrong_setting_is_named_with_its_source_and_what_would_be_right() {
    // (key, wrong value, part of the problem, part of the remedy)
    let cases = [
        ("listen", "127.0.0.1:8080,here", "\"here\" is not an address", "such as 127.0.0.1:8080"),
        ("listen", "127.0.0.1", "not an address and port", "such as 127.0.0.1:8080"),
        ("listen", "unix:http.sock", "no absolute path", "such as unix:/run"),
        ("domain", "*.example.org", "stands for all names", "such as secrets.example.org"),
        ("acme_email", "a@b.example", "domain is not set", "such as admin@example.org"),
        ("acme_staging", "true", "domain is not set", "only without acme_directory"),
        ("http_listen", "127.0.0.1:80", "there is no HTTPS", "one of domain"),
        ("socket_mode", "rw", "not a file mode", "three octal digits"),
        ("proxy_protocol", "true", "no proxy is trusted", "only with trusted_proxy"),
        ("public_url", "example.org", "not an absolute http", "https://secrets.example.org"),
        ("max_ciphertext", "17MiB", "17MiB is out of range", "from 1KiB to 16MiB"),
        ("max_ciphertext", "1023", "1023 is out of range", "from 1KiB to 16MiB"),
        ("max_ciphertext", "much", "\"much\" is not a number of bytes", "512KiB"),
        ("expiration_min", "0", "0 is out of range", "1 to 350"),
        ("expiration_default", "351", "351 is out of range", "1 to 350"),
        ("expiration_max", "351", "351 is out of range", "1 to 350"),
        ("allow_no_expiration", "yes", "\"yes\" is neither", "true or false"),
        ("allowance", "-1", "\"-1\" is not a whole number", "a whole number"),
        ("request_allowance", "many", "\"many\" is not a whole number", "a whole number"),
        ("keep_log", "0", "0 is out of range", "1 to 3650"),
        ("create", "off", "\"off\" is not an allowed value", "give open or account"),
        ("boxes", "closed", "\"closed\" is not an allowed value", "account"),
        ("max_upload", "1", "1 is out of range", "or 0 for no limit"),
        ("max_box", "2TiB", "2TiB is out of range", "to 1TiB"),
        ("max_attachments", "65", "65 is out of range", "1 to 64"),
        ("max_account", "1KiB", "1KiB is out of range", "or 0 for no limit"),
        ("max_storage", "much", "\"much\" is not a number of bytes", "or 0 for no limit"),
        ("rsa_bits", "1024", "\"1024\" is not a valid key size", "2048, 3072 or 4096"),
        ("key_pool", "65", "65 is out of range", "0 to 64"),
        ("trusted_proxy", "10.0.0.0/33", "neither an address", "10.0.0.0/8"),
        ("trusted_proxy", "10.0.0.1,", "\"\" is neither", "separated by commas"),
        ("viewer_ip", "none", "\"none\"", "full, truncated or off"),
        ("webhook_private", "1", "\"1\" is neither", "true or false"),
        ("max_connections", "65537", "65537 is out of range", "1 to 65536"),
        ("max_connections_per_client", "0", "0 is out of range", "1 to 65536"),
        ("cache", "1MiB", "1MiB is out of range", "8MiB to 1GiB"),
        ("cache", "99999999999GiB", "out of range", "8MiB to 1GiB"),
        ("site_link", "Contact", "\"Contact\" has no =", "such as Contact=https://"),
        ("site_link", "a=ftp://x", "is not an http, https or mailto URL", "at most 10 links"),
        ("site_text", "a\nb", "has control characters", "one line of 1 to 500"),
        ("log", "loud", "\"loud\" is not a log level", "error, warn, info"),
    ];
    for (key, value, problem, remedy) in cases {
        let setting = TABLE.iter().find(|setting| setting.key == key).unwrap();
        let variable = setting.variable();
        let sources = [
            (setting.flag(), load(&[(key, value)], &[], "")),
            (variable.clone(), load(&[], &[(&variable, value)], "")),
            (format!("sealdrop.toml: {key}"), load(&[], &[], &format!("{key} = {value:?}"))),
        ];
        for (origin, loaded) in sources {
            let message = loaded.unwrap_err();
            assert!(message.starts_with(&format!("{key} (from {origin}): ")), "{message}");
            assert!(message.contains(problem) && message.contains(remedy), "{message}");
        }
    }
    let message = load(&[("data", "")], &[], "").unwrap_err();
    assert_eq!(message, "data (from --data): the path is empty; give the path of a directory");
}

#[test]
fn the_lives_of_secrets_must_fit_each_other() {
    // (file, parts of the message)
    let cases: [(_, &[_]); 5] = [
        (
            "expiration_max = 24",
            &[
                "expiration_default (from the default): 168",
                "sealdrop.toml: expiration_max",
                "1 to 24",
            ],
        ),
        ("expiration_min = 200", &["expiration_default", "less than expiration_min, which is 200"]),
        (
            "expiration_min = 200\nexpiration_max = 199",
            &[
                "expiration_min (from sealdrop.toml: expiration_min)",
                "expiration_max, which is 199",
            ],
        ),
        ("expiration_default = 0", &["0 means no expiry", "allow_no_expiration to true"]),
        ("expiration_default = 0\nallow_no_expiration = false", &["sealdrop.toml: allow_no"]),
    ];
    for (file, parts) in cases {
        let message = load(&[], &[], file).unwrap_err();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let right = settings("expiration_min = 24\nexpiration_default = 24\nexpiration_max = 24");
    assert_eq!(right.expiration.default_hours().unwrap().get(), 24);
}

#[test]
fn the_file_must_be_readable_and_hold_settings_only() {
    // (file, parts of the message)
    let cases: [(_, &[_]); 6] = [
        (
            "listne = 1",
            &["listne (from sealdrop.toml: listne)", "does not exist", "did you mean listen?"],
        ),
        ("max-ciphertext = 1", &["did you mean max_ciphertext?"]),
        ("colour = 1", &["this setting does not exist", "the settings are listen, socket_mode"]),
        ("[server]\nlisten = 1", &["server", "this setting does not exist"]),
        ("log = \"info\"\nlisten =", &["config (from SEALDROP_CONFIG): line 2 of"]),
        ("data = [\"a\"]", &["an array is not allowed here"]),
    ];
    for (file, parts) in cases {
        let message = load(&[], &[], file).unwrap_err();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let message = load(&[("config", "/nowhere/x.toml")], &[], "").unwrap_err();
    assert!(message.starts_with("config (from --config): cannot read \"/nowhere/x.toml\""));
}

#[test]
fn an_unknown_variable_is_a_warning() {
    let env =
        [("SEALDROP_LISTN", "x"), ("SEALDROP_COLOUR", "x"), ("LISTEN", "x"), ("SEALDROP_Y", "")];
    let warnings = load(&[], &env, "").unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "the environment variable SEALDROP_COLOUR is not a setting",
            "the environment variable SEALDROP_LISTN is not a setting; did you mean SEALDROP_LISTEN?",
        ],
    );
}

#[test]
fn proxies_are_collected_from_repeated_flags() {
    let flags = [("trusted_proxy", "10.1.2.3/8, ::1"), ("trusted_proxy", "192.0.2.1")];
    let proxies =
        load(&flags, &[], "trusted_proxy = \"1.1.1.1\"").unwrap().settings.trusted_proxies;
    assert_eq!(
        proxies,
        ["10.0.0.0/8", "::1/128", "192.0.2.1/32"].map(|net| net.parse::<IpNet>().unwrap()),
    );
    // An empty flag takes back what the file says.
    let none = load(&[("trusted_proxy", "")], &[], "trusted_proxy = \"1.1.1.1\"").unwrap();
    assert!(none.settings.trusted_proxies.is_empty());
}

#[test]
fn sizes_have_units() {
    let cases = [
        ("1048576", 1 << 20),
        ("1_048_576", 1 << 20),
        ("512KiB", 512 << 10),
        ("512 kib", 512 << 10),
        ("1MiB", 1 << 20),
        ("2MB", 2_000_000),
        ("1GB", 1_000_000_000),
        ("7B", 7),
    ];
    for (text, bytes) in cases {
        assert_eq!(parse::bytes(text, 0..=u64::MAX), Ok::<u64, _>(bytes), "{text}");
    }
    for text in ["", "MiB", "1.5MiB", "-1", "1 MiB more", "99999999999999999999"] {
        assert!(parse::bytes::<u64>(text, 0..=u64::MAX).is_err(), "{text}");
    }
}

#[test]
fn public_urls_are_plain() {
    // URL -> (origin, path)
    let right = [
        ("https://example.org", ("https://example.org", "")),
        ("https://example.org/", ("https://example.org", "")),
        ("http://[::1]:8080/a/b//", ("http://[::1]:8080", "/a/b")),
        ("https://xn--mnchen-3ya.example:8443/~x", ("https://xn--mnchen-3ya.example:8443", "/~x")),
    ];
    for (text, parts) in right {
        let url = PublicUrl::parse(text).unwrap();
        assert_eq!((url.origin(), url.path()), parts);
        assert_eq!(url.as_str(), format!("{}{}", parts.0, parts.1));
    }
    let wrong = [
        ("", "not a URL"),
        ("/secrets", "not an absolute"),
        ("ftp://example.org", "not an absolute"),
        ("https://", "not a URL"),
        ("https://example.org?x=1", "query or a fragment"),
        ("https://example.org/#x", "query or a fragment"),
        ("https://joe:pw@example.org", "user name"),
        ("https://example.org:99999", "invalid host or port"),
        ("https://example.org:0", "invalid host or port"),
        ("https://example.org:", "invalid host or port"),
        ("https://a'b.example", "invalid host or port"),
        ("https://example.org/a//b", "other characters"),
        ("https://example.org/a/../b", "other characters"),
        ("https://example.org/a'b", "other characters"),
        ("https://münchen.example", "not a URL"),
    ];
    for (text, problem) in wrong {
        let message = PublicUrl::parse(text).unwrap_err();
        assert!(message.contains(problem), "{text}: {message}");
    }
}

#[test]
fn the_data_directory_alone_minds_no_other_setting() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.toml");
    std::fs::write(&file, "data = \"/from/file\"\nlog = \"loud\"\ncolour = 1").unwrap();
    let flags = || vec![("config", file.display().to_string())];
    let env = [(OsString::from("SEALDROP_DATA"), OsString::from("/from/env"))];
    assert_eq!(data_directory(flags(), []).unwrap(), Path::new("/from/file"));
    assert_eq!(data_directory(flags(), env).unwrap(), Path::new("/from/env"));
    assert_eq!(data_directory(Vec::new(), []).unwrap(), Path::new("./sealdrop-data"));
}

#[test]
fn mail_servers_are_urls() {
    use SmtpTls::{Implicit, Off, Opportunistic, Required};
    // URL -> (host, port, TLS, user)
    let right = [
        ("smtps://mail.example.org", ("mail.example.org", 465, Implicit, None)),
        ("smtp://joe@mail.example.org:2587", ("mail.example.org", 2587, Required, Some("joe"))),
        ("smtp://192.0.2.1/", ("192.0.2.1", 587, Required, None)),
        ("smtp://[::1]:25?tls=none", ("::1", 25, Off, None)),
        ("smtp://a%20b@h?tls=opportunistic", ("h", 587, Opportunistic, Some("a b"))),
    ];
    for (text, (host, port, tls, user)) in right {
        let url = SmtpUrl::parse(text).unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls), (host, port, tls), "{text}");
        assert_eq!(url.user.as_deref(), user, "{text}");
    }
    let wrong = [
        ("mail.example.org:25", "scheme"),
        ("mail.example.org", "not a URL"),
        ("https://mail.example.org", "neither smtp nor smtps"),
        ("smtps://joe:planted@mail.example.org", "put it in a file: smtp_password_file"),
        ("smtps://", "host is missing"),
        ("smtp://", "host is missing"),
        ("smtp://h/inbox", "a path"),
        ("smtp://h#x", "a fragment"),
        ("smtp://h?tls=off", "its query"),
        ("smtp://h?tls=none&x=1", "its query"),
        ("smtps://h?tls=none", "cannot have a query"),
        ("smtp://h:0", "port is 0"),
        ("smtp://a%0d%0ab@h", "control character"),
        ("smtp://a%ff@h", "not UTF-8"),
        ("smtp://h%20x", "host"),
    ];
    for (text, problem) in wrong {
        let message = SmtpUrl::parse(text).unwrap_err();
        assert!(message.contains(problem) && !message.contains("planted"), "{text}: {message}");
    }
}

#[test]
fn the_settings_of_mails_fit_each_other() {
    let url = "smtp_url = \"smtp://h\"\n";
    let user = "smtp_url = \"smtp://joe@h\"\n";
    let from = "mail_from = \"a@example.org\"\n";
    let site = "public_url = \"https://example.org\"\n";
    let file = "smtp_password_file = \"/p\"\n";
    let token = "smtp_token_file = \"/t\"\n";
    // (file, the setting that is wrong, a part of the problem)
    let cases = [
        (vec![url, site], "mail_from", "smtp_url is set (from sealdrop.toml: smtp_url)"),
        (vec![url, from], "public_url", "it is missing"),
        (vec![user, from, site], "smtp_password_file", "smtp_url has a user"),
        (vec![url, from, site, file], "smtp_password_file", "no user"),
        (vec![file], "smtp_password_file", "which is missing"),
        (vec![token], "smtp_token_file", "which is missing"),
        (vec![url, from, site, token], "smtp_token_file", "no user for this token"),
        (
            vec![user, from, site, file, token],
            "smtp_token_file",
            "smtp_password_file is set as well",
        ),
    ];
    for (file, setting, problem) in cases {
        let message = load(&[], &[], &file.concat()).unwrap_err();
        assert!(message.starts_with(&format!("{setting} (from")), "{message}");
        assert!(message.contains(problem), "{message}");
    }
    for right in [
        vec![url, from, site],
        vec![user, from, site, file],
        vec![user, from, site, token],
        vec![from],
    ] {
        assert!(load(&[], &[], &right.concat()).is_ok());
    }
    for (from, part) in
        [("a@b, c@d", "not a single mailbox"), ("a", "not a single mailbox"), ("a@å", "ASCII")]
    {
        let message = load(&[("mail_from", from)], &[], "").unwrap_err();
        assert!(message.contains(part), "{message}");
    }
    assert!(load(&[("language", "xx")], &[], "").unwrap_err().contains("give en"));
}
