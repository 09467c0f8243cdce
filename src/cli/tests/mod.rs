//! The command line as its users see it: arguments in; output, messages and exit code out.

mod described;
mod fake;

use std::{fs, os::unix::fs::DirBuilderExt};

use self::fake::Fake;
use super::*;
use crate::{
    admin::{OpenFailure, StoreCreation},
    config::TABLE,
};

/// What one run left behind.
struct Outcome {
    exit: Exit,
    out: String,
    err: String,
}

/// Runs `line`, split at spaces; a `typed` line means that input is a terminal.
fn run_with(fake: &Fake, line: &str, env: &[(&str, &str)], typed: Option<&str>) -> Outcome {
    let arguments = ["sealdrop"].into_iter().chain(line.split_whitespace()).map(OsString::from);
    run_arguments(fake, arguments, env, typed)
}

fn run_arguments(
    fake: &Fake,
    arguments: impl IntoIterator<Item = OsString>,
    env: &[(&str, &str)],
    typed: Option<&str>,
) -> Outcome {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let calls = DaemonCalls {
        serve: &|loaded, _, output| fake.serve(loaded, output),
        open_store: &|dir, create| fake.open_store(dir, create),
        open_backup: &|_| Err(OpenFailure::Other("no store".into())),
        protect: &|| (),
    };
    let mut context = Context {
        daemon: &calls,
        environment: env.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        interactive: typed.is_some(),
        asks_at_tty: false,
        out_is_terminal: false,
        out_is_closed: false,
        input: &mut typed.unwrap_or_default().as_bytes(),
        out: &mut out,
        err: &mut err,
    };
    let exit = dispatch(arguments, &mut context);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { exit, out: text(out), err: text(err) }
}

/// Runs `line` on a data directory that exists and is empty.
fn run(line: &str) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    run_with(&Fake::default(), line, &[("SEALDROP_DATA", dir.path().to_str().unwrap())], None)
}

#[test]
fn nothing_and_bare_flags_mean_serve() {
    // (line, address)
    let cases = [
        ("", "127.0.0.1:8080"),
        ("serve", "127.0.0.1:8080"),
        ("--listen 127.0.0.1:1", "127.0.0.1:1"),
        ("--listen=127.0.0.1:1", "127.0.0.1:1"),
        ("serve --data x --listen 127.0.0.1:1", "127.0.0.1:1"),
    ];
    for (line, address) in cases {
        let outcome = run(line);
        assert_eq!(outcome.out, format!("sealdrop listening on http://{address}\n"), "{line}");
        assert_eq!((outcome.exit, outcome.err.as_str()), (Exit::Done, ""), "{line}");
    }
}

#[test]
fn every_setting_has_its_flag_and_the_help_tells_its_default() {
    let help = run("serve --help").out;
    for setting in TABLE {
        let (flag, variable) = (setting.flag(), setting.variable());
        assert!(help.contains(&format!("  {flag} ")) || help.contains(&format!("  {flag}\n")));
        assert!(help.contains(&format!("({})", setting.default)) || setting.default.is_empty());
        // The flag must arrive under its own key: its value is taken, not the variable's.
        let origin = |line: &str| {
            let fake = Fake::default();
            let env = [(variable.as_str(), setting.default)];
            let outcome = run_with(&fake, line, &env, None);
            let served = fake.served.borrow();
            served.first().map_or(outcome.err, |loaded| loaded.bad(setting.key, "").origin)
        };
        let value = match (setting.key, setting.default) {
            ("public_url", _) => "http://x",
            ("trusted_proxy", _) => "::1",
            ("client_ip_header", _) => "X-Real-IP",
            ("domain", _) => "a.example",
            ("http_listen", _) => "off",
            ("acme_email", _) => "a@b.example --domain a.example",
            ("acme_directory", _) => "https://x --domain a.example",
            ("acme_ca", _) => "x --domain a.example",
            ("tls_cert", _) => "x --tls-key x",
            ("metrics_listen", _) => "[::1]:1",
            ("metrics_token_file" | "ring" | "ring_copy" | "keys_out" | "master_key_file", _) => {
                "x"
            }
            ("tls_key", _) => "x --tls-cert x",
            ("smtp_url", _) => "smtp://h --mail-from a@b --public-url http://x",
            ("smtp_password_file" | "smtp_token_file", _) => {
                "p --smtp-url smtp://u@h --mail-from a@b --public-url http://x"
            }
            ("mail_from", _) => "a@b",
            ("mail_templates" | "site_logo" | "site_text" | "custom_css", _) => "x",
            ("site_imprint" | "site_privacy", _) => "http://x",
            ("site_link", _) => "x=http://x",
            (_, default) => default,
        };
        assert_eq!(origin(&format!("serve {flag} {value}")), flag);
        if !setting.default.is_empty() {
            assert_eq!(origin("serve"), variable);
        }
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    // (line, first line of the output)
    let cases = [
        ("--version", concat!("sealdrop ", env!("CARGO_PKG_VERSION"))),
        ("-V", concat!("sealdrop ", env!("CARGO_PKG_VERSION"))),
        ("--help", "Usage: sealdrop [serve]"),
        ("help", "Usage: sealdrop [serve]"),
        ("-h", "Usage: sealdrop [serve]"),
        ("--listen x --help", "Usage: sealdrop serve "),
        ("account --help", "Usage: sealdrop account <command>"),
        ("account --help create", "Usage: sealdrop account <command>"),
        ("account create --help", "Usage: sealdrop account create NAME"),
        ("account create bob -h", "Usage: sealdrop account create NAME"),
        ("help account create", "Usage: sealdrop account create NAME"),
        ("help account delete", "Usage: sealdrop account delete NAME"),
        ("help account list", "Usage: sealdrop account list "),
        ("help apikey create", "Usage: sealdrop apikey create NAME --kind"),
        ("help apikey list", "Usage: sealdrop apikey list "),
        ("help apikey rename", "Usage: sealdrop apikey rename ID TEXT|none"),
        ("help apikey revoke", "Usage: sealdrop apikey revoke ID"),
        ("help box", "Usage: sealdrop box <command>"),
        ("help box create", "Usage: sealdrop box create [--private-key FILE]"),
        ("help box send", "Usage: sealdrop box send LINK [FILE…]"),
        ("help box read", "Usage: sealdrop box read LINK [-o DIR|-]"),
        ("help box delete", "Usage: sealdrop box delete LINK [--yes]"),
        ("help webhook", "Usage: sealdrop webhook <command>"),
        ("help webhook add", "Usage: sealdrop webhook add --account NAME --url URL"),
        ("help webhook list", "Usage: sealdrop webhook list "),
        ("help webhook remove", "Usage: sealdrop webhook remove ID"),
        ("help webhook test", "Usage: sealdrop webhook test ID"),
        ("help key", "Usage: sealdrop key <command>"),
        ("help key create", "Usage: sealdrop key create --kind private|public"),
        ("help key revoke", "Usage: sealdrop key revoke ID"),
        ("help completions", "Usage: sealdrop completions bash|zsh|fish"),
        ("help man", "Usage: sealdrop man\n"),
    ];
    for (line, start) in cases {
        let outcome = run(line);
        assert_eq!((outcome.exit, outcome.err.as_str()), (Exit::Done, ""), "{line}");
        assert!(outcome.out.starts_with(start), "{line}: {}", outcome.out);
        assert!(
            outcome.out.contains("Examples:") || line.contains('V') || line.contains("version")
        );
    }
}

#[test]
fn a_wrong_line_or_setting_exits_64_and_says_why() {
    // (line, parts of the message)
    let cases: [(_, &[_]); 21] = [
        ("webhook", &["Commands:", "remove"]),
        ("webhook add --account x", &["--url"]),
        (
            "webhook add --account x --url https://x --event secret.seen",
            &["no such event", "secret.viewed, secret.tried_after, secret_request.answered"],
        ),
        ("dance", &["Unrecognized argument: dance", "Commands:", "apikey"]),
        ("acount list", &["Did you mean sealdrop account?", "Add --help"]),
        ("account list --dta x", &["Unrecognized argument: --dta. Did you mean --data?"]),
        ("apikey create --kind public", &["the account of the key is missing"]),
        ("apikey create x --account y --kind public", &["either x or --account y"]),
        ("account", &["Commands:", "delete"]),
        ("account dance", &["Unrecognized argument: dance", "Commands:", "delete"]),
        ("account create", &["name", "Usage: sealdrop account create NAME", "Add --help"]),
        ("account create a b", &["Unrecognized argument: b"]),
        ("account create x --allowance many", &["'--allowance' with value 'many'"]),
        ("account create x --listen 1", &["Unrecognized argument: --listen"]),
        ("apikey create --account x", &["--kind"]),
        ("apikey create --account x --kind secret", &["give private or public"]),
        ("serve --listen", &["No value provided for option '--listen'"]),
        ("--listen here", &["listen (from --listen): \"here\"", "such as 127.0.0.1:8080"]),
        ("completions", &["Usage: sealdrop completions bash|zsh|fish"]),
        ("completions tcsh", &["'tcsh'", "there are completions for bash, zsh and fish"]),
        ("account list --data=", &["data (from --data): the path is empty"]),
    ];
    for (line, parts) in cases {
        let outcome = run(line);
        assert_eq!((outcome.exit, outcome.out.as_str()), (Exit::Usage, ""), "{line}");
        assert!(outcome.err.starts_with("sealdrop: "), "{line}: {}", outcome.err);
        assert!(parts.iter().all(|part| outcome.err.contains(part)), "{line}: {}", outcome.err);
    }
}

#[test]
fn the_exit_code_follows_the_kind_of_error() {
    let taken = run("account create taken");
    assert_eq!((taken.exit, &*taken.err), (Exit::Failed, "sealdrop: there is an account taken\n"));
    let dir = tempfile::tempdir().unwrap();
    let env = [("SEALDROP_DATA", dir.path().to_str().unwrap())];
    let arguments = ["sealdrop", "account", "create", "a b"].map(OsString::from);
    assert_eq!(run_arguments(&Fake::default(), arguments, &env, None).exit, Exit::Usage);
    for (exit, code) in [(Exit::Done, 0), (Exit::Failed, 1), (Exit::Usage, 64)] {
        assert_eq!(ExitCode::from(exit), ExitCode::from(code));
    }
}

#[test]
fn replies_are_printed_for_people_and_for_programs() {
    let cases = [
        (
            "account create x --json",
            "{\"account\":\"x\",\"private_key\":\"private_key_1\",\"public_key\":\"public_key_2\"}\n",
        ),
        (
            "account create x",
            "account x created\n\n\
             private key  private_key_1  may do everything in the account\n\
             public key   public_key_2  may only view secrets\n\n\
             The keys are shown only once: store them now.\n",
        ),
        (
            "account list",
            "ACCOUNT  SECRETS  THIS MONTH  ALLOWANCE  API KEYS  CREATED\n\
             default  12       12          1000000    2         2000-02-29T12:34:56Z\n\
             björn    3        3           5          2         2000-02-29T12:34:56Z\n",
        ),
        ("account delete x --yes", "account x deleted, secrets burned: 7\n"),
        (
            "apikey create --account x --kind public --json",
            "{\"account\":\"x\",\"kind\":\"public\",\"id\":\"k1\",\"key\":\"public_key_3\",\"name\":null}\n",
        ),
        (
            "apikey create x --kind public --json",
            "{\"account\":\"x\",\"kind\":\"public\",\"id\":\"k1\",\"key\":\"public_key_3\",\"name\":null}\n",
        ),
        (
            "apikey create x --account x --kind public",
            "public key k1 for account x created\n\npublic_key_3\n\n\
             The key is shown only once: store it now.\n",
        ),
        (
            "apikey list --account x",
            "ID  ACCOUNT  KIND    CREATED               LAST USED   NAME\n\
             k1  x        public  2000-02-29T12:34:56Z  2000-03-01  a page\n",
        ),
        (
            "apikey list --json",
            "[{\"id\":\"k1\",\"account\":\"all\",\"kind\":\"public\",\"created_at\":951827696,\
             \"name\":\"a page\",\"last_used_on\":\"2000-03-01\"}]\n",
        ),
        ("apikey rename k1 laptop", "key k1 of account alice is named laptop\n"),
        ("apikey rename k1 none", "key k1 of account alice has no name\n"),
        (
            "apikey rename k1 laptop --json",
            "{\"id\":\"k1\",\"account\":\"alice\",\"name\":\"laptop\"}\n",
        ),
        ("apikey revoke k1", "key k1 of account alice revoked\n"),
        (
            "webhook add --account x --url https://example.org/hook --json",
            "{\"id\":\"w1\",\"account\":\"x\",\"url\":\"https://example.org/hook\",\
             \"signing_key\":\"whsec_1\"}\n",
        ),
        (
            "webhook add --account x --url https://example.org/hook --event secret.viewed",
            "webhook w1 for account x added: https://example.org/hook\n\n\
             signing key  whsec_1\n\n\
             The key is shown only once: store it now.\n\
             To test the webhook: sealdrop webhook test w1\n",
        ),
        (
            "webhook list --account x",
            "ID  ACCOUNT  CREATED               URL                         EVENTS\n\
             w1  x        2000-02-29T12:34:56Z  https://example.org/hook?…  \
             secret.viewed secret_request.answered\n",
        ),
        (
            "webhook list --json",
            "[{\"id\":\"w1\",\"account\":\"all\",\"url\":\"https://example.org/hook?…\",\
             \"events\":[\"secret.viewed\",\"secret_request.answered\"],\
             \"created_at\":951827696}]\n",
        ),
        ("webhook remove w1", "webhook w1 of account alice removed\n"),
        ("webhook remove w1 --json", "{\"id\":\"w1\",\"account\":\"alice\"}\n"),
        (
            "status",
            "version      1.2.3\n\
             running      1day 2h 3m, since 2026-11-22T12:00:00Z\n\
             secrets      3 live\n\
             today        0 created, 2 views, 0 burned, 0 late attempts, 0 refused by limits\n\
             boxes        1, with 4 messages and files\n\
             disk         5 GiB free of unknown; the data has 1 MiB\n\
             queues       0 changes, 0 slow jobs, 1 mails, 0 calls of webhooks, 0 given up\n\
             connections  2\n\
             certificate  none\n\
             ring         turned 2026-11-22T11:00:00Z; older copies of store/ open nothing that was burned before\n\
             key table    of 2026-11-22T11:00:00Z\n\
             warning      Mails wait.\n",
        ),
        ("webhook test w1", "webhook w1 accepted the call with status 204\n"),
        ("webhook test w1 --json", "{\"id\":\"w1\",\"status\":204}\n"),
    ];
    for (line, out) in cases {
        let outcome = run(line);
        assert_eq!(outcome.out, out, "{line}");
        assert_eq!((outcome.exit, outcome.err.as_str()), (Exit::Done, ""), "{line}");
    }
}

#[test]
fn an_account_is_deleted_only_when_that_is_meant() {
    let dir = tempfile::tempdir().unwrap();
    let env = [("SEALDROP_DATA", dir.path().to_str().unwrap())];
    // (typed, exit, part of what is said)
    let cases = [
        (Some("x\n"), Exit::Done, "burns all of its secrets"),
        (Some("y\n"), Exit::Failed, "nothing was deleted"),
        (Some(""), Exit::Failed, "nothing was deleted"),
        (None, Exit::Usage, "add --yes"),
    ];
    for (typed, exit, part) in cases {
        let fake = Fake::default();
        let outcome = run_with(&fake, "account delete x", &env, typed);
        assert_eq!(outcome.exit, exit, "{typed:?}");
        assert!(outcome.err.contains(part), "{}", outcome.err);
        assert_eq!(fake.asked.borrow().len(), usize::from(exit == Exit::Done), "{typed:?}");
    }
}

#[test]
fn the_data_directory_is_found_like_that_of_the_daemon() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).display().to_string();
    fs::write(path("s.toml"), format!("data = {:?}\nlisten = \"wrong\"", path("file"))).unwrap();
    let config = format!(" --config {}", path("s.toml"));
    let data = format!(" --data {}", path("flag"));
    let env = [("SEALDROP_DATA", &*path("env"))];
    // (line, environment, directory)
    let cases: [(_, &[_], _); 3] = [
        (format!("account create x{config}{data}"), &env, "flag"),
        (format!("account create x{config}"), &env, "env"),
        (format!("account create x{config}"), &[], "file"),
    ];
    for (line, env, name) in cases {
        let fake = Fake::default();
        assert_eq!(run_with(&fake, &line, env, None).exit, Exit::Done);
        assert_eq!(*fake.asked.borrow(), [(path(name).into(), StoreCreation::IfMissing)]);
    }
    let absent = run_with(&Fake::default(), "apikey list", &env, None);
    assert_eq!(absent.exit, Exit::Failed);
    assert!(absent.err.contains("there is no data directory at"), "{}", absent.err);
    assert!(!root.path().join("env").exists());
}

#[test]
fn check_looks_at_settings_and_directory_and_leaves_no_trace() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).display().to_string();
    fs::write(path("file"), "").unwrap();
    fs::DirBuilder::new().mode(0o500).create(path("locked")).unwrap();
    let root_may_write_anywhere = rustix::process::geteuid().is_root();
    // (data directory, part of the message)
    let cases = [
        (path(""), None),
        (path("absent/deep"), None),
        (path("file"), Some("is not a directory")),
        (path("file/below"), Some("cannot access")),
        (path("locked/deep"), (!root_may_write_anywhere).then_some("cannot write to")),
    ];
    for (data, problem) in cases {
        let fake = Fake::default();
        let env = [("SEALDROP_COLOUR", "red")];
        let outcome = run_with(&fake, &format!("serve --check --data {data}"), &env, None);
        assert!(outcome.err.contains("warning: the environment variable SEALDROP_COLOUR"));
        match problem {
            None => {
                assert_eq!((outcome.exit, &*outcome.out), (Exit::Done, "settings are valid\n"));
            }
            Some(problem) => {
                assert_eq!((outcome.exit, &*outcome.out), (Exit::Usage, ""));
                assert!(outcome.err.contains("data (from --data)"), "{}", outcome.err);
                assert!(outcome.err.contains(problem), "{}", outcome.err);
            }
        }
        assert!(fake.served.borrow().is_empty() && fake.asked.borrow().is_empty());
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

#[test]
fn mail_is_listed_in_pages_and_handled_by_number() {
    // (line, output)
    let cases = [
        ("mail retry 17", "items to retry now: 1\n"),
        ("mail retry --all", "items to retry now: 3\n"),
        ("mail retry --all --json", "{\"count\":3}\n"),
        ("mail drop 17", "dropped 17\n"),
        (
            "claim --account alice --json",
            "{\"account\":\"alice\",\"link\":\"https://example.org/claim#1\",\"until\":951827696}\n",
        ),
        ("mail test a@example.org", "the mail server accepted the mail: 250 a@example.org\n"),
        ("account set alice --notify-email none", "account alice gets no notifications\n"),
        (
            "account set alice --display-name Alice",
            "viewers of secrets of account alice see the name Alice\n",
        ),
        (
            "account set alice --display-name none",
            "viewers of secrets of account alice see no name\n",
        ),
        (
            "account set alice --notify-email none --display-name Alice --json",
            "{\"account\":\"alice\",\"email\":null,\"mail_ready\":false,\"display_name\":\"Alice\"}\n",
        ),
    ];
    for (line, out) in cases {
        let outcome = run(line);
        assert_eq!((outcome.exit, &*outcome.out, &*outcome.err), (Exit::Done, out, ""), "{line}");
    }
    let list = run("mail list").out;
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(list.contains("4   viewed  a@example.org  waiting  2000-02-29T12:34:56Z"), "{list}");
    assert!(list.contains("11  viewed  -"), "{list}");
    assert_eq!(run("mail list --json").out.lines().count(), 2);
    let set = run("account set alice --notify-email a@example.org");
    assert_eq!(set.out, "notifications of account alice go to a@example.org\n");
    assert!(set.exit == Exit::Done && set.err.contains("warning: this daemon has no mail server"));
    for line in
        ["mail retry", "mail retry 17 --all", "mail drop x", "account set alice", "mail test"]
    {
        assert_eq!(run(line).exit, Exit::Usage, "{line}");
    }
}
