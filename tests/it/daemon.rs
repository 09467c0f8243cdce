//! The real daemon as a process of its own.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::http::Client;

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// Where it listens, as in `http://127.0.0.1:4711`.
    pub(crate) base: String,
    /// Where its standard error goes.
    pub(crate) log: PathBuf,
}

/// The keys of the first account.
pub(crate) struct Keys {
    pub(crate) private: String,
    pub(crate) public: String,
}

/// The program, without settings in its environment.
pub(crate) fn sealdrop() -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_sealdrop"));
    // Without a settings file of the user who runs the tests.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// Another program, without sealdrop's settings, proxies and certificates in its environment.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        let is_ours = text.starts_with("SEALDROP_");
        if is_ours || text.ends_with("_PROXY") || text.starts_with("SSL_CERT_") {
            command.env_remove(name);
        }
    }
    command
}

impl Keys {
    /// The keys in the output of `first-keys`.
    pub(crate) fn of(shown: &str) -> Self {
        let key = |name: &str| {
            let line = shown.lines().find(|line| line.contains(name)).expect(name);
            line.rsplit(' ').next().expect("a word").to_owned()
        };
        Self { private: key("private key:"), public: key("public key:") }
    }
}

impl Daemon {
    /// Starts a daemon on a data directory, on a free port, and waits until it is ready.
    pub(crate) fn start(data: &Path, flags: &[&str]) -> Self {
        Self::try_start(data, flags)
            .unwrap_or_else(|log| panic!("the daemon did not start:\n{log}"))
    }

    /// As [`Daemon::start`], with these variables in its environment.
    pub(crate) fn start_with(data: &Path, flags: &[&str], env: &[(&str, PathBuf)]) -> Self {
        Self::try_start_with(data, flags, env)
            .unwrap_or_else(|log| panic!("the daemon did not start:\n{log}"))
    }

    /// As [`Daemon::start`]; returns what it logged if it ended instead.
    pub(crate) fn try_start(data: &Path, flags: &[&str]) -> Result<Self, String> {
        Self::try_start_with(data, flags, &[])
    }

    /// As [`Daemon::try_start`], with these variables in its environment.
    pub(crate) fn try_start_with(
        data: &Path,
        flags: &[&str],
        env: &[(&str, PathBuf)],
    ) -> Result<Self, String> {
        let log = data.with_extension("log");
        let mut command = sealdrop();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(flags);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        Self::run(command, log)
    }

    /// Runs `command`, a `serve`, and waits until it is ready; returns what it logged if it ended
    /// instead.
    pub(crate) fn run(mut command: Command, log: PathBuf) -> Result<Self, String> {
        let stderr = File::options().create(true).append(true).open(&log).expect("a log file");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the daemon as a process");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its output");
        match line.trim_end().strip_prefix("sealdrop listening on ") {
            Some(base) => Ok(Self { child, output, base: base.to_owned(), log }),
            None => {
                let status = child.wait().expect("its end");
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                Err(format!("{status}\n{line}{log}"))
            }
        }
    }

    /// Starts a daemon on a new directory. Returns it with a client for the first account.
    pub(crate) fn start_first(data: &Path, flags: &[&str]) -> (Self, Client) {
        let mut daemon = Self::start(data, flags);
        let keys = daemon.first_keys();
        let client = Client::new(daemon.base.clone(), keys.private);
        (daemon, client)
    }

    /// The keys of the first account, read once by the command that a first start prints.
    pub(crate) fn first_keys(&mut self) -> Keys {
        Keys::of(&self.first_keys_shown())
    }

    /// The output of the command that a first start prints.
    pub(crate) fn first_keys_shown(&mut self) -> String {
        let line = self.line_with("sealdrop first-keys --data ");
        let (_, data) = line.trim_end().split_once(" --data ").expect("a flag");
        let shown = sealdrop().args(["first-keys", "--data", data]).output().expect("the program");
        let error = String::from_utf8_lossy(&shown.stderr);
        assert!(shown.status.success() && error.is_empty(), "{data}: {error}");
        String::from_utf8(shown.stdout).expect("text")
    }

    /// The next printed line that contains `text`.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).expect("its output"), 0, "no {text}");
        }
        line
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
    }

    /// SIGTERM. Returns its exit status, and the rest of its output.
    pub(crate) fn stop(self) -> (ExitStatus, String) {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("a process");
    }

    /// Waits for its end. Returns its exit status, and the rest of its output.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("its output");
        (self.child.wait().expect("its end"), rest)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
