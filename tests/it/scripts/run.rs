//! One run of a script: its directory, its daemon, its variables.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use regex::{Captures, Regex};
use rustix::net::{self, AddressFamily, SocketType};
use tempfile::TempDir;

use super::{
    expectation::{capture, check, check_file},
    script::{Line, Script},
};
use crate::{
    daemon::{self, Daemon},
    tools,
};

/// How long a command may take; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// The daemon's directory, where the program looks for it.
const DATA: &str = "sealdrop-data";

pub(super) struct Run<'a> {
    script: &'a Script,
    dir: TempDir,
    daemon: Option<Daemon>,
    variables: HashMap<String, String>,
    environment: Vec<(String, String)>,
    last: Option<Ran>,
    /// Bound and never listened on: the kernel gives the port to no other process than the daemon, which asks
    /// for it by number. So it has the same address when it is started again.
    _port: OwnedFd,
}

/// The result of a command.
struct Ran {
    line: usize,
    text: String,
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Runs all of `script`; an error has the line, the expectation and the result.
pub(super) fn run(script: &Script) -> Result<(), String> {
    let mut run = Run::new(script)?;
    for (index, line) in script.lines.iter().enumerate() {
        let next = script.lines.get(index + 1);
        let exit_follows = next.is_some_and(|next| next.words[0] == "exit");
        run.line(line, exit_follows).map_err(|reason| {
            let last = run.last.as_ref().map(Ran::to_string).unwrap_or_default();
            format!("{}:{}: {}\n{reason}\n{last}", script.name, line.number, line.text)
        })?;
    }
    Ok(())
}

impl<'a> Run<'a> {
    fn new(script: &'a Script) -> Result<Self, String> {
        let dir = tempfile::tempdir().expect("a fresh directory");
        let (port, number) = hold_port().expect("a free port");
        let server = format!("http://127.0.0.1:{number}");
        let mut run = Self {
            script,
            dir,
            daemon: None,
            variables: HashMap::new(),
            environment: Vec::new(),
            last: None,
            _port: port,
        };
        let work = run.work();
        for dir in [work.clone(), work.join("home")] {
            std::fs::create_dir(dir).expect("a directory");
        }
        for (name, content) in &script.files {
            let path = work.join(name);
            let parent = path.parent().expect("the work directory at least");
            let written =
                std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, content));
            written.map_err(|error| format!("{}: file {name}: {error}", script.name))?;
        }
        run.set("SERVER", server);
        run.set("DIR", work.display().to_string());
        run.set("PROJECT", env!("CARGO_MANIFEST_DIR").to_owned());
        Ok(run)
    }

    /// The directory of commands; their output is stored beside it.
    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn set(&mut self, name: &str, value: String) {
        self.variables.insert(name.to_owned(), value);
    }

    fn line(&mut self, line: &Line, exit_follows: bool) -> Result<(), String> {
        let quote = if line.ends_in_pattern() { regex::escape } else { str::to_owned };
        let words: Result<Vec<String>, _> =
            line.words.iter().map(|word| self.expand(word, quote)).collect();
        let words = words?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let work = self.work();
        match words[..] {
            ["exit", code] => {
                let ran = self.last.as_ref().ok_or("no command before it")?;
                let met = ran.status.code().is_some_and(|found| found.to_string() == code);
                met.then_some(()).ok_or_else(|| format!("expected exit code {code}"))
            }
            [stream @ ("stdout" | "stderr"), ref rest @ ..] => {
                let ran = self.last.as_ref().ok_or("no command before it")?;
                let content = if stream == "stdout" { &ran.stdout } else { &ran.stderr };
                if let ["capture", name, ref what @ ..] = *rest {
                    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
                        return Err("a variable has a name in capitals".into());
                    }
                    let value = capture(content, what)?;
                    self.set(name, value);
                    return Ok(());
                }
                check(content, rest, &work)
            }
            ["file", name, ref rest @ ..] => check_file(name, rest, &work),
            ["expand", name] => {
                let read = std::fs::read_to_string(work.join(name));
                let text = read.map_err(|error| format!("{name}: {error}"))?;
                let text = self.expand(&text, str::to_owned)?;
                std::fs::write(work.join(name), text).map_err(|error| format!("{name}: {error}"))
            }
            ["env", ref assignments @ ..] => {
                for word in assignments {
                    let (name, value) = word.split_once('=').ok_or("NAME=VALUE is expected")?;
                    self.environment.push((name.to_owned(), value.to_owned()));
                }
                Ok(())
            }
            ["serve", ref flags @ ..] => self.serve(flags),
            ["stop"] => {
                let (status, _) = self.daemon.take().ok_or("no daemon runs")?.stop();
                status.success().then_some(()).ok_or_else(|| format!("the daemon ended: {status}"))
            }
            _ => self.command(line, &words, exit_follows),
        }
    }

    /// `word` with its variables replaced by their values, each quoted by `quote`; `\$NAME` stays
    /// `$NAME`.
    fn expand(&self, word: &str, quote: fn(&str) -> String) -> Result<String, String> {
        let name = Regex::new(r"(\\)?\$(?:([A-Z][A-Z0-9_]*)|\{([A-Z][A-Z0-9_]*)\})").expect("one");
        let mut unknown = None;
        let expanded = name.replace_all(word, |found: &Captures<'_>| {
            if found.get(1).is_some() {
                return found[0][1..].to_owned();
            }
            let name = found.get(2).or_else(|| found.get(3)).expect("one of them").as_str();
            match self.variables.get(name) {
                Some(value) => quote(value),
                None => {
                    unknown = Some(format!("no variable {name}"));
                    String::new()
                }
            }
        });
        let expanded = expanded.into_owned();
        unknown.map_or(Ok(expanded), Err)
    }

    fn serve(&mut self, flags: &[&str]) -> Result<(), String> {
        if self.daemon.is_some() {
            return Err("the daemon runs already: stop it first".into());
        }
        let work = self.work();
        let first = !work.join(DATA).exists();
        let listen = self.variables["SERVER"].trim_start_matches("http://").to_owned();
        let mut command = self.program(env!("CARGO_BIN_EXE_sealdrop"));
        command.args(["serve", "--listen", &listen, "--data", DATA]).args(flags);
        let mut daemon = Daemon::run(command, work.join(DATA).with_extension("log"))?;
        if first {
            let keys = daemon.first_keys();
            let mut file = File::options();
            let file = file.create_new(true).write(true).mode(0o600).open(work.join("key"));
            writeln!(file.map_err(|error| format!("key: {error}"))?, "{}", keys.private)
                .expect("the file with the key");
            self.set("KEY", keys.private);
            self.set("PUBLIC_KEY", keys.public);
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Runs the command of `line`, whose variables are replaced in `words`.
    fn command(&mut self, line: &Line, words: &[&str], exit_follows: bool) -> Result<(), String> {
        let is_assignment =
            |word: &&&str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
        let (assignments, words) = words.split_at(words.iter().take_while(is_assignment).count());
        let (name, arguments) = words.split_first().ok_or("a command is missing")?;
        let mut command = match *name {
            "sealdrop" => self.program(env!("CARGO_BIN_EXE_sealdrop")),
            "python3" if self.script.needs("python3") => self.program(&tools::python()),
            "sh" => self.program("sh"),
            name if self.script.needs(name) => self.program(name),
            _ => return Err(format!("no such word, and no program that the script needs: {name}")),
        };
        let assigned = assignments.iter().filter_map(|word| word.split_once('='));
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).envs(assigned);
        let kept = |name| self.dir.path().join(name);
        let (arguments, stdin) = match arguments {
            [arguments @ .., "<", file] => (arguments, self.work().join(file)),
            [arguments @ .., "<<<", text] => {
                std::fs::write(kept("stdin"), format!("{text}\n")).expect("a file");
                (arguments, kept("stdin"))
            }
            arguments => (arguments, PathBuf::from("/dev/null")),
        };
        let stdin = File::open(&stdin).map_err(|error| format!("{}: {error}", stdin.display()))?;
        // Files, because a pipe would have to be emptied meanwhile.
        let file = |name| File::create(kept(name)).expect("a file");
        command.args(arguments).stdin(stdin).stdout(file("stdout")).stderr(file("stderr"));
        let mut child =
            command.spawn().map_err(|error| format!("{name} does not start: {error}"))?;
        let status = tools::wait(&mut child, PATIENCE);
        if status.is_none() {
            child.kill().expect("a process");
        }
        let read = |name| std::fs::read(kept(name)).expect("a file");
        let ran = Ran {
            line: line.number,
            text: line.text.clone(),
            status: status.unwrap_or_else(|| child.wait().expect("its end")),
            stdout: read("stdout"),
            stderr: read("stderr"),
        };
        let succeeded = ran.status.success();
        self.last = Some(ran);
        if status.is_none() {
            return Err(format!("expected its end within {PATIENCE:?}"));
        }
        if !succeeded && !exit_follows {
            return Err("expected exit code 0; if not, say exit N in the next line".into());
        }
        Ok(())
    }

    /// A program in the script's directory.
    fn program(&self, name: &str) -> Command {
        let own = Path::new(env!("CARGO_BIN_EXE_sealdrop")).parent().expect("its directory");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(own.to_owned()).chain(std::env::split_paths(&path));
        let mut command = daemon::program(name);
        command
            .current_dir(self.work())
            .env("HOME", self.work().join("home"))
            .env("XDG_CONFIG_HOME", self.work().join("home/.config"))
            .env("PATH", std::env::join_paths(path).expect("a path"))
            .env("NODE_PATH", tools::node_modules());
        command
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "what came in line {}: {}\n{}", self.line, self.text, self.status)?;
        for (name, content) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            writeln!(formatter, "{name}, {} bytes:", content.len())?;
            for line in String::from_utf8_lossy(content).lines() {
                writeln!(formatter, "  {line}")?;
            }
        }
        Ok(())
    }
}

fn is_name(word: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !word.is_empty() && word.bytes().all(|byte| legal(byte) || byte.is_ascii_lowercase())
}

/// A port of this machine that no other process gets as long as the socket exists.
fn hold_port() -> rustix::io::Result<(OwnedFd, u16)> {
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    // Otherwise the daemon, which sets the same option (as all servers do), does not get it, either.
    net::sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = SocketAddr::try_from(net::getsockname(&socket)?)?;
    Ok((socket, address.port()))
}
