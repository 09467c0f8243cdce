//! The API as web pages use it: jQuery's `ajax` in Chromium, on a page of another origin.
//!
//! The page comes from a server of the test, and reports the result of every call to it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::{
    server::TestServer,
    tools::{CHROMIUM, Tool, node_modules, trial_with},
};

pub(super) fn trials() -> Vec<Trial> {
    const NEEDED: &[Tool] = &[CHROMIUM, Tool::Jquery];
    vec![trial_with("boxes::a_page_of_another_origin_uses_boxes", NEEDED, a_page_uses_boxes)]
}

/// Enough for a browser that starts on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

fn a_page_uses_boxes() {
    let server = TestServer::start();
    let page = include_str!("page.html").replace("SERVICE", &server.client.base);
    let (address, outcome) = serve(page);
    let dir = tempfile::tempdir().expect("a folder");
    let browser = Browser::start(dir.path(), &format!("http://{address}/"));
    let outcome = outcome.recv_timeout(DEADLINE);
    let log = browser.end();
    let outcome = outcome.unwrap_or_else(|_| panic!("the page reported nothing:\n{log}"));
    let outcome: Value = serde_json::from_str(&outcome).expect("JSON of the page");
    assert_eq!(outcome["error"], Value::Null, "{outcome:#}");
    // The names of its calls: none may be missing.
    let steps: Vec<_> =
        outcome["done"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let expected = [
        "create",
        "empty",
        "send",
        "upload",
        "send as XML",
        "get",
        "get by headers",
        "get as XML",
        "fetch",
        "wrong passphrase",
        "seal in the browser",
        "delete by body",
        "deleted",
        "delete by headers",
    ];
    assert_eq!(steps, expected);
    let origin = outcome["origin"].as_str().expect("an origin");
    assert_ne!(origin, server.client.base);
}

/// Serves the page and jQuery. Returns the address, and the report of the page.
fn serve(page: String) -> (std::net::SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let (report, reported) = channel();
    // Ends with the process, because the last connection of a browser is not known.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (page, report) = (page.clone(), report.clone());
            // A browser opens connections that it does not use.
            thread::spawn(move || answer(stream, &page, &report));
        }
    });
    (address, reported)
}

/// Answers one request; gives up if it is not HTTP.
fn answer(stream: TcpStream, page: &str, report: &Sender<String>) -> Option<()> {
    let mut input = BufReader::new(stream);
    let mut first = String::new();
    input.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    let jquery = node_modules().join("jquery/dist/jquery.min.js");
    let (status, kind, content) = match first.split(' ').collect::<Vec<_>>().as_slice() {
        ["GET", "/", _] => ("200 OK", "text/html; charset=utf-8", page.as_bytes().to_vec()),
        ["GET", "/jquery.js", _] => ("200 OK", "text/javascript", fs::read(jquery).ok()?),
        ["POST", "/outcome", _] => {
            report.send(String::from_utf8(body).ok()?).ok()?;
            ("200 OK", "text/plain", Vec::new())
        }
        _ => ("404 Not Found", "text/plain", Vec::new()),
    };
    let length = content.len();
    let mut output = input.into_inner();
    write!(
        output,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    )
    .ok()?;
    output.write_all(&content).ok()
}

/// A browser with one page; killed when dropped, with the processes that it has started.
struct Browser {
    child: Child,
    log: std::path::PathBuf,
}

impl Browser {
    fn start(dir: &Path, url: &str) -> Self {
        let log = dir.join("log");
        let mut command = Command::new("chromium");
        command
            .args(["--headless=new", "--no-first-run", "--disable-gpu", "--disable-quic"])
            .args(["--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--disable-breakpad", "--disable-dev-shm-usage"])
            .args(["--enable-logging=stderr", "--no-proxy-server"])
            .arg(format!("--user-data-dir={}", dir.join("profile").display()));
        if rustix::process::geteuid().is_root() {
            // Chromium's sandbox does not work for root.
            command.arg("--no-sandbox");
        }
        let child = command
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("a log file"))
            .process_group(0)
            .spawn()
            .expect("chromium");
        Self { child, log }
    }

    /// Ends it. Returns its log.
    fn end(self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
