//! The mail server of the tests as a process, and its mails as Python reads them.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Duration,
};

use serde_json::Value;

use crate::{programs::printed, tools::python};

/// No step takes so long, even if all tests run at once.
const PATIENCE: Duration = Duration::from_secs(30);
const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail");

/// A running mail server; killed when dropped.
pub(crate) struct Smtp {
    child: Child,
    input: ChildStdin,
    events: Receiver<Value>,
    pub(crate) port: u16,
}

/// A mail as Python's email package reads it.
pub(super) struct Parsed(Value);

impl Smtp {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(python())
            .arg(format!("{DIR}/server.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let (sender, events) = channel();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("JSON");
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take().expect("a pipe");
        let mut smtp = Self { child, input, events, port: 0 };
        let port = smtp.next()["port"].as_u64().expect("a port");
        smtp.port = u16::try_from(port).expect("a port");
        smtp
    }

    /// Sets a scenario, which is active when this returns. Earlier events are discarded.
    pub(super) fn tell(&mut self, scenario: &str) {
        writeln!(self.input, "{scenario}").expect("a server that listens");
        while self.next()["did"] != scenario {}
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Value {
        match self.events.recv_timeout(PATIENCE) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => panic!("nothing happened"),
            Err(RecvTimeoutError::Disconnected) => panic!("the mail server has ended"),
        }
    }

    /// The next event of this kind.
    pub(super) fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next();
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// The next accepted mail.
    pub(super) fn mail(&mut self) -> Value {
        self.event("mail")
    }

    /// Checks that no mail was accepted since the last event that was read.
    pub(crate) fn no_mail(&mut self) {
        writeln!(self.input, "connections").expect("a server that listens");
        loop {
            let event = self.next();
            assert_ne!(event["event"], "mail", "{event}");
            if event["event"] == "connections" {
                return;
            }
        }
    }

    /// The highest number of connections at once, and their total.
    pub(super) fn connections(&mut self) -> (u64, u64) {
        writeln!(self.input, "connections").expect("a server that listens");
        let event = self.event("connections");
        (event["most"].as_u64().expect("a number"), event["all"].as_u64().expect("a number"))
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads mails.
pub(super) fn parse(mails: &[Value]) -> Vec<Parsed> {
    let lines: String = mails.iter().map(|mail| format!("{}\n", mail["content"])).collect();
    let output = printed(Command::new(python()).arg(format!("{DIR}/parse.py")), lines.as_bytes());
    let text = String::from_utf8(output).expect("text");
    text.lines().map(|line| Parsed(serde_json::from_str(line).expect("JSON"))).collect()
}

pub(super) fn parse_one(mail: &Value) -> Parsed {
    parse(std::slice::from_ref(mail)).pop().expect("a mail")
}

impl Parsed {
    /// The header with this name, in lower case; there must be one, or none.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.0["headers"].as_array().expect("headers");
        let mut found = headers.iter().filter(|header| header[0] == name);
        let header = found.next().map(|header| header[1].as_str().expect("text"));
        assert!(found.next().is_none(), "{name} twice");
        header
    }

    /// The names of all headers.
    pub(super) fn names(&self) -> Vec<&str> {
        let headers = self.0["headers"].as_array().expect("headers");
        headers.iter().filter_map(|header| header[0].as_str()).collect()
    }

    pub(super) fn text(&self) -> &str {
        self.0["text"].as_str().expect("text")
    }

    pub(super) fn html(&self) -> String {
        self.0["html"].as_str().expect("text").replace("&#x2f;", "/")
    }

    pub(super) fn field(&self, name: &str) -> &Value {
        &self.0[name]
    }
}
