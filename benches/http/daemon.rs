//! The real daemon as a separate process.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    net::SocketAddr,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sealdrop");

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    output: BufReader<ChildStdout>,
    data: PathBuf,
    pub(crate) address: SocketAddr,
    /// The time from its start to its ready line.
    pub(crate) ready_after: Duration,
}

impl Daemon {
    pub(crate) fn start(data: &Path) -> io::Result<Self> {
        Self::start_with(Command::new(PROGRAM), data, &[])
    }

    /// Starts it with additional settings.
    pub(crate) fn start_as(data: &Path, settings: &[&str]) -> io::Result<Self> {
        Self::start_with(Command::new(PROGRAM), data, settings)
    }

    /// Starts it under a tracer, whose last arguments are the program and its arguments.
    pub(crate) fn start_under(mut tracer: Command, data: &Path) -> io::Result<Self> {
        tracer.arg(PROGRAM);
        Self::start_with(tracer, data, &[])
    }

    fn start_with(mut command: Command, data: &Path, settings: &[&str]) -> io::Result<Self> {
        remove_settings(&mut command);
        command.args(["serve", "--log", "warn", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(data).args(settings);
        let start = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line)?;
        let ready_after = start.elapsed();
        let address = line
            .trim()
            .strip_prefix("sealdrop listening on http://")
            .and_then(|address| address.parse().ok())
            .ok_or_else(|| io::Error::other(format!("the daemon did not start: {line}")))?;
        Ok(Self { child, output, data: data.to_path_buf(), address, ready_after })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The number of commits since the store was created: the first number of the commit mark, which is in
    /// the second slot of the slot file.
    pub(crate) fn commits(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        File::open(self.data.join("store/slots"))?.read_exact_at(&mut bytes, 32)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Sends SIGTERM. Waits for its end, and for the end of a tracer that holds the same output.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.output.read_to_end(&mut Vec::new())?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already, as expected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Creates the account of all rows, while no daemon runs. Returns its private key.
pub(crate) fn create_account(data: &Path) -> io::Result<String> {
    let mut command = Command::new(PROGRAM);
    remove_settings(&mut command);
    let output = command
        .args(["account", "create", "bench", "--allowance", "1000000000", "--json", "--data"])
        .arg(data)
        .stderr(Stdio::inherit())
        .output()?;
    let created: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(created["private_key"].as_str().expect("a private key").to_owned())
}

/// The daemon must not use settings in the environment that are meant for another one.
fn remove_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SEALDROP_") {
            command.env_remove(name);
        }
    }
}
