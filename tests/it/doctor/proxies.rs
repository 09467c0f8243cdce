//! A proxy in front: nginx, set up rightly and in wrong ways.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
};

use libtest_mimic::Trial;

use super::{DAEMON, certificate, examine, free_port, text};
use crate::{
    daemon::{Daemon, program},
    mail::until,
    tools::{OPENSSL, Tool, trial_with},
    trial,
};

const NGINX: Tool = Tool::Program("nginx", &["-v"]);

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial_with("doctor::proxies", &[NGINX, OPENSSL, Tool::FakeTime], proxies),
        trial("doctor::a_proxy_that_is_not_there", unused),
    ]
}

/// A running nginx; killed when dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// HTTPS at `port`, passed on to `upstream` with these directives.
fn nginx(dir: &Path, port: u16, upstream: &str, directives: &str) -> Nginx {
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
    let log = File::create(dir.join("nginx.log")).expect("a log");
    let mut command = program("nginx");
    command.args(["-e", "stderr", "-c"]).arg(file).stdin(Stdio::null()).stderr(log);
    let proxy = Nginx(command.spawn().expect("nginx"));
    until("nginx listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    proxy
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
    // Its name, the flags of the daemon, the directives of nginx, the findings, and words in them.
    type Case<'a> = (&'a str, &'a [&'a str], &'a str, &'a [&'a str], &'a str);
    let cases: [Case<'_>; 7] = [
        ("healthy", trusted, &right, &[], ""),
        ("no header", &[], limit, &["proxy-address"], "at 127.0.0.2 does not pass"),
        ("trusted without header", trusted, limit, &["proxy-address"], "does not name the client"),
        ("not trusted", &[], &right, &["trusted-proxy"], "--trusted-proxy 127.0.0.2"),
        ("another header", &header, &right, &["proxy-address"], "client_ip_header"),
        ("forged addresses", trusted, &forged, &["proxy-address"], "anyone can choose an address"),
        ("short bodies", trusted, adds, &["proxy-body"], "client_max_body_size"),
    ];
    for (case, flags, directives, findings, words) in cases {
        let port = free_port();
        let public = format!("https://127.0.0.1:{port}");
        let flags = [&DAEMON[..], &["--public-url", &public], flags].concat();
        let daemon = Daemon::start(&data, &flags);
        let upstream = daemon.base.trim_start_matches("http://");
        let _proxy = nginx(dir.path(), port, upstream, directives);
        examine(&data, &["--cacert", &ca]).finds(case, findings, words);
        assert!(daemon.stop().0.success());
    }
}

fn unused() {
    let dir = tempfile::tempdir().expect("a fresh directory");
    let data = dir.path().join("data");
    let flags = [&DAEMON[..], &["--trusted-proxy", "10.9.9.9"]].concat();
    let _daemon = Daemon::start(&data, &flags);
    examine(&data, &[]).finds("unused", &["trusted-proxy"], "10.9.9.9");
}
