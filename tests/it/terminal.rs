//! A person at a terminal: the real program in a pseudo-terminal, its output, and typed input.

mod trials;

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use pty_process::{Size, blocking};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{LocalModes, tcgetattr},
};

pub(crate) use self::trials::trials;
use crate::tools;

/// The time that a program may take to show something, or to end; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program in a terminal of its own; killed when dropped.
pub(crate) struct Terminal {
    pty: blocking::Pty,
    child: Child,
    /// The whole output, with the control sequences; lines end in `\r\n`.
    shown: Vec<u8>,
    /// The end of the last expected text in it.
    read: usize,
    deadline: Instant,
}

/// The streams of a program that are not the terminal; it can still open `/dev/tty`.
#[derive(Default)]
pub(crate) struct Redirected {
    pub(crate) stdin: Option<File>,
    pub(crate) stdout: Option<File>,
}

impl Terminal {
    /// Runs `command` in a terminal of 24 rows and 80 columns.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with(command, (24, 80), Redirected::default())
    }

    /// Runs `command` in a terminal of this many rows and columns.
    pub(crate) fn start_with(
        command: Command,
        (rows, columns): (u16, u16),
        redirected: Redirected,
    ) -> Self {
        let (pty, pts) = blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("its size");
        // The tests may run without a terminal, or in a dumb one.
        let mut command = blocking::Command::from(command).env("TERM", "xterm-256color");
        if let Some(stdin) = redirected.stdin {
            command = command.stdin(stdin);
        }
        if let Some(stdout) = redirected.stdout {
            command = command.stdout(stdout);
        }
        let child = command.spawn(pts).expect("the program");
        let deadline = Instant::now() + PATIENCE;
        Self { pty, child, shown: Vec::new(), read: 0, deadline }
    }

    /// Waits until `text` is shown after the last expected text; returns the output up to it.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) -> String {
        self.deadline = Instant::now() + PATIENCE;
        loop {
            let new = &self.shown[self.read..];
            if let Some(at) = new.windows(text.len()).position(|bytes| bytes == text.as_bytes()) {
                let before = String::from_utf8_lossy(&new[..at]).into_owned();
                self.read += at + text.len();
                return before;
            }
            assert!(self.take(PATIENCE, text), "it ended without {text:?}:\n{}", self.shown());
        }
    }

    /// Waits until `text` is shown and typed input is not echoed.
    #[track_caller]
    pub(crate) fn expect_hidden(&mut self, text: &str) {
        self.expect(text);
        // There is no event when a terminal stops echoing, so its state is polled.
        while self.echoes() {
            let alive = self.take(Duration::from_millis(1), "silence");
            assert!(alive, "it ended and never stopped echoing:\n{}", self.shown());
        }
    }

    /// Whether typed input is echoed.
    pub(crate) fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.pty).expect("a terminal").local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Types `text` and Enter.
    pub(crate) fn send_line(&mut self, text: &str) {
        self.send(&format!("{text}\r"));
    }

    /// Types Control and a letter: `c` interrupts, `d` ends the input.
    pub(crate) fn send_control(&mut self, letter: char) {
        let code = u8::try_from(letter.to_ascii_uppercase()).expect("a letter") - b'@';
        self.send(&char::from(code).to_string());
    }

    /// Types `text` as it is.
    pub(crate) fn send(&mut self, text: &str) {
        self.pty.write_all(text.as_bytes()).expect("a terminal to type into");
    }

    /// Sets the size of the window, in rows and columns.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.pty.resize(Size::new(rows, columns)).expect("a terminal");
    }

    /// Waits for the end of the program. Returns its exit status, and its whole output.
    #[track_caller]
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        self.deadline = Instant::now() + PATIENCE;
        while self.take(PATIENCE, "its end") {}
        let status = tools::wait(&mut self.child, PATIENCE);
        (status.expect("its end in time"), self.shown())
    }

    /// The whole output until now.
    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Waits until something is shown, for `time` at most and not beyond the deadline for `what`;
    /// false when the program has left the terminal.
    #[track_caller]
    fn take(&mut self, time: Duration, what: &str) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "no {what:?} in {PATIENCE:?}:\n{}", self.shown());
        let time = Timespec::try_from(time.min(left)).expect("a time");
        let mut ready = [PollFd::new(&self.pty, PollFlags::IN)];
        if poll(&mut ready, Some(&time)).expect("a terminal") == 0 {
            return true;
        }
        let mut bytes = [0; 4096];
        let count = match self.pty.read(&mut bytes) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => return true,
            // Linux returns this when no process has the other side open.
            Err(error) if error.raw_os_error() == Some(5) => 0,
            Err(error) => panic!("a terminal to read from: {error}"),
        };
        self.shown.extend_from_slice(&bytes[..count]);
        count > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
