//! A proxy in front: nginx, HAProxy and Caddy, set up rightly and in wrong ways.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use libtest_mimic::Trial;

use super::{DAEMON, certificate, examine, free_port, text};
use crate::{
    daemon::{Daemon, program},
    mail::until,
    tools::{CADDY, OPENSSL, Running, Tool, trial_with},
    trial,
};

const NGINX: Tool = Tool::Program("nginx", &["-v"]);
const HAPROXY: Tool = Tool::Program("haproxy", &["-v"]);

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("doctor::proxies", PROXIES, proxies),
        trial("doctor::a_proxy_that_is_not_there", unused),
    ]
}

const PROXIES: &[Tool] = &[NGINX, HAPROXY, CADDY, OPENSSL, Tool::FakeTime];

/// Starts the proxy `command`, and waits until it listens at `port`.
fn start_proxy(dir: &Path, port: u16, mut command: Command) -> Running {
    let log = File::create(dir.join("proxy.log")).expect("a log");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    for folder in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(folder, dir);
    }
    let proxy = Running(command.spawn().expect("the proxy"));
    until("the proxy listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    proxy
}

/// HTTPS at a port, passed on to an address with these directives.
type ProxyStart = fn(&Path, u16, &str, &str) -> Running;

fn nginx(dir: &Path, port: u16, upstream: &str, directives: &str) -> Running {
    let path = |name: &str| text(&dir.join(name));
    let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", path(name)))
        .concat();
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let config = format!(
        "{user}daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}\
         map $http_x_forwarded_for $first {{ \"\" $remote_addr; default $http_x_forwarded_for; }}\n\
         server {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {};\nssl_certificate_key {};\n\
         location / {{\nproxy_pass http://{upstream};\nproxy_bind 127.0.0.2;\n{directives}\n}}\n}}\n}}\n",
        path("pid"),
        path("proxy.crt"),
        path("proxy.key"),
    );
    let file = dir.join("nginx.conf");
    fs::write(&file, config).expect("a file");
    let mut command = program("nginx");
    command.args(["-e", "stderr", "-c"]).arg(file);
    start_proxy(dir, port, command)
}

/// `directives` are options of the server.
fn haproxy(dir: &Path, port: u16, upstream: &str, directives: &str) -> Running {
    let read = |name| fs::read_to_string(dir.join(name)).expect("a file");
    let both = dir.join("both.pem");
    fs::write(&both, read("proxy.crt") + &read("proxy.key")).expect("a file");
    let config = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
         frontend f\n bind 127.0.0.1:{port} ssl crt {}\n option forwardfor\n default_backend b\n\
         backend b\n server s {upstream} source 127.0.0.2 {directives}\n",
        text(&both),
    );
    let file = dir.join("haproxy.cfg");
    fs::write(&file, config).expect("a file");
    let mut command = program("haproxy");
    command.args(["-db", "-f"]).arg(file);
    start_proxy(dir, port, command)
}

fn caddy(dir: &Path, port: u16, upstream: &str, directives: &str) -> Running {
    let path = |name: &str| text(&dir.join(name));
    let config = format!(
        "{{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}}\n\
         https://127.0.0.1:{port} {{\n\ttls {} {}\n\treverse_proxy {upstream} {{\n{directives}\n\t}}\n}}\n",
        path("proxy.crt"),
        path("proxy.key"),
    );
    let file = dir.join("Caddyfile");
    fs::write(&file, config).expect("a file");
    let mut command = program("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    start_proxy(dir, port, command)
}

fn proxies() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let [ca, _] = certificate(dir.path(), "proxy", 0, 90, "IP:127.0.0.1");
    let (ca, data) = (text(&ca), dir.path().join("data"));
    let trusted: &[&str] = &["--trusted-proxy", "127.0.0.2"];
    let header = [trusted, &["--client-ip-header", "X-Real-IP"]].concat();
    let limit = "client_max_body_size 0;";
    let adds = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
    let passes = "proxy_set_header X-Forwarded-For $first;";
    let (right, forged) = (format!("{limit}{adds}"), format!("{limit}{passes}"));
    let near: &[&str] = &["--trusted-proxy", "127.0.0.1"];
    let protocol = [trusted, &["--proxy-protocol", "true"]].concat();
    // Its name, the proxy, the flags of the daemon, the directives, the findings, and words in them.
    type Case<'a> = (&'a str, ProxyStart, &'a [&'a str], &'a str, &'a [&'a str], &'a str);
    let cases: [Case<'_>; 12] = [
        ("healthy", nginx, trusted, &right, &[], ""),
        ("no header", nginx, &[], limit, &["proxy-address"], "at 127.0.0.2 does not pass"),
        ("no name", nginx, trusted, limit, &["proxy-address"], "does not name the client"),
        ("not trusted", nginx, &[], &right, &["trusted-proxy"], "--trusted-proxy 127.0.0.2"),
        (
            "another one",
            nginx,
            &["--trusted-proxy", "10.9.9.9"],
            &right,
            &["trusted-proxy"],
            "10.9.9.9",
        ),
        ("another header", nginx, &header, &right, &["proxy-address"], "client_ip_header"),
        ("forged addresses", nginx, trusted, &forged, &["proxy-address"], "anyone can choose"),
        ("short bodies", nginx, trusted, adds, &["proxy-body"], "client_max_body_size"),
        ("healthy", haproxy, trusted, "", &[], ""),
        ("PROXY protocol", haproxy, &protocol, "send-proxy-v2", &[], ""),
        ("healthy", caddy, near, "", &[], ""),
        (
            "no header",
            caddy,
            near,
            "header_up -X-Forwarded-For",
            &["proxy-address"],
            "does not name",
        ),
    ];
    for (case, proxy, flags, directives, findings, words) in cases {
        let port = free_port();
        let public = format!("https://127.0.0.1:{port}");
        let flags = [&DAEMON[..], &["--public-url", &public], flags].concat();
        let daemon = Daemon::start(&data, &flags);
        let upstream = daemon.base.trim_start_matches("http://");
        let _proxy = proxy(dir.path(), port, upstream, directives);
        examine(&data, &["--cacert", &ca]).finds(case, findings, words);
        assert!(daemon.stop().0.success());
    }
}

fn unused() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = [&DAEMON[..], &["--trusted-proxy", "10.9.9.9"]].concat();
    let daemon = Daemon::start(&data, &flags);
    examine(&data, &[]).finds("unused", &["trusted-proxy"], "10.9.9.9");
    assert!(daemon.stop().0.success());
    let flags = [&DAEMON[..], &["--trusted-proxy", "127.0.0.1"]].concat();
    let _daemon = Daemon::start(&data, &flags);
    examine(&data, &[]).finds("no public URL", &["public-url"], "the daemon's own address");
}
