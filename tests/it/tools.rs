//! The tools that a machine may have or lack: node, openssl, root, loop devices.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::limit::limited;
use libtest_mimic::{Completion, Failed, Trial};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::PidfdFlags,
};

/// A requirement of a test besides Rust.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    /// A program in the path, and arguments with which it does nothing.
    Program(&'static str, &'static [&'static str]),
    /// npm's `sjcl`, installed in `tests/node` (or in the folder that `SEALDROP_NODE_MODULES` names).
    NodeSjcl,
    /// npm's `jquery`, installed there too.
    Jquery,
    /// npm's `node-forge`, installed there too.
    NodeForge,
    /// npm's `standardwebhooks`, installed there too.
    StandardWebhooks,
    /// npm's `playwright-core` and `axe-core`, installed there too.
    Playwright,
    /// npm's `lean-qr` and `jsqr`, installed there too.
    NodeQr,
    /// The Python of [`python`], with the package `cryptography`.
    PythonCryptography,
    /// The Python of [`python`], with the package `aiosmtpd`.
    Aiosmtpd,
    /// The folder `shared` beside the checkout (or the one that `SEALDROP_SHARED` names).
    Shared,
    /// libfaketime.
    FakeTime,
    /// npm's `marked` and `@highlightjs/cdn-assets`, installed there too.
    NodeTexts,
    /// Root, and a loop device that can be mounted.
    LoopDevices,
}

pub(crate) const CADDY: Tool = Tool::Program("caddy", &["version"]);
pub(crate) const CHROMIUM: Tool = Tool::Program("chromium", &["--version"]);
pub(crate) const CURL: Tool = Tool::Program("curl", &["--version"]);
pub(crate) const FIREFOX: Tool = Tool::Program("firefox-esr", &["--version"]);
pub(crate) const FISH: Tool = Tool::Program("fish", &["--version"]);
pub(crate) const GROFF: Tool = Tool::Program("groff", &["--version"]);
pub(crate) const MAN: Tool = Tool::Program("man", &["--version"]);
pub(crate) const MANDOC: Tool = Tool::Program("mandoc", &["/dev/null"]);
/// C# and .NET: Mono, whose compiler is `mcs`.
pub(crate) const MCS: Tool = Tool::Program("mcs", &["--version"]);
pub(crate) const MONO: Tool = Tool::Program("mono", &["--version"]);
pub(crate) const NODE: Tool = Tool::Program("node", &["--version"]);
/// Has the interfaces of browsers, and loads modules in the given way.
pub(crate) const NODE_20: Tool =
    Tool::Program("node", &["-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"]);
pub(crate) const OPENSSL: Tool = Tool::Program("openssl", &["version"]);
pub(crate) const PYTHON: Tool = Tool::Program("python3", &["--version"]);
pub(crate) const STRACE: Tool = Tool::Program("strace", &["--version"]);
pub(crate) const SYSTEMD_ANALYZE: Tool = Tool::Program("systemd-analyze", &["--version"]);
pub(crate) const ZSH: Tool = Tool::Program("zsh", &["--version"]);

/// Another program that runs beside a test; killed when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nothing listens on, for a program that must be told its port. It is below those that the system
/// picks by itself (from 32768), so that no other test gets it meanwhile.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + number % 20_000).expect("a small number");
        let is_free = ["127.0.0.1", "0.0.0.0"].map(|host| TcpListener::bind((host, port)).is_ok());
        if is_free == [true, true] {
            return port;
        }
    }
}

/// A test that runs if `tools` are available, and is ignored otherwise.
pub(crate) fn trial_with(name: &str, tools: &'static [Tool], test: fn()) -> Trial {
    let own = name.to_owned();
    Trial::ignorable_test(name, move || {
        if let Some(missing) = missing(tools)? {
            return Ok(missing);
        }
        limited(&own, test);
        Ok(Completion::Completed)
    })
}

/// The result of a test if not all of its `tools` are available.
pub(crate) fn missing(tools: &[Tool]) -> Result<Option<Completion>, Failed> {
    let Some(reason) = tools.iter().find_map(|tool| tool.find().err()) else { return Ok(None) };
    if std::env::var_os("SEALDROP_TEST_ALL").is_some_and(|all| all == "1") {
        return Err(format!("{reason}, and SEALDROP_TEST_ALL=1 asks for it").into());
    }
    Ok(Some(Completion::ignored_with(reason)))
}

impl Tool {
    fn find(self) -> Result<(), String> {
        match self {
            Self::Program(name, arguments) => runs(name, arguments),
            Self::NodeSjcl => {
                NODE.find()?;
                node_package("sjcl")
            }
            Self::NodeForge => {
                NODE.find()?;
                node_package("node-forge")
            }
            Self::StandardWebhooks => {
                NODE.find()?;
                node_package("standardwebhooks")
            }
            Self::Playwright => {
                NODE.find()?;
                node_package("playwright-core")?;
                node_package("axe-core")
            }
            Self::NodeQr => {
                NODE.find()?;
                node_package("lean-qr")?;
                node_package("jsqr")
            }
            Self::NodeTexts => {
                NODE.find()?;
                node_package("marked")?;
                node_package("@highlightjs/cdn-assets")
            }
            Self::Jquery => node_package("jquery"),
            Self::PythonCryptography => {
                runs(&python(), &["-c", "import cryptography"]).map_err(|reason| {
                    format!(
                        "{reason}: it needs the package cryptography (Debian's \
                         python3-cryptography, or pip's in an environment whose python \
                         SEALDROP_PYTHON names)"
                    )
                })
            }
            Self::Aiosmtpd => runs(&python(), &["-c", "import aiosmtpd"]).map_err(|reason| {
                format!(
                    "{reason}: it needs the package aiosmtpd (Debian's python3-aiosmtpd, or pip's in \
                     an environment whose python SEALDROP_PYTHON names)"
                )
            }),
            Self::Shared => {
                let found = shared().join("design.md").exists();
                found.then_some(()).ok_or_else(|| "no folder shared beside the checkout".into())
            }
            Self::FakeTime => faketime().map(drop),
            Self::LoopDevices => {
                if !rustix::process::geteuid().is_root() {
                    return Err("not root".into());
                }
                runs("mkfs.ext4", &["-V"])?;
                runs("losetup", &["-f"]).map_err(|reason| format!("no loop device: {reason}"))
            }
        }
    }
}

/// The Python that runs the recipes: `python3`, or the value of `SEALDROP_PYTHON`.
pub(crate) fn python() -> String {
    std::env::var("SEALDROP_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// The library of libfaketime for programs with threads, which the loader puts before the C library's
/// clocks.
pub(crate) fn faketime() -> Result<PathBuf, String> {
    let folders = std::fs::read_dir("/usr/lib").map_err(|error| format!("/usr/lib: {error}"))?;
    let folders = folders.filter_map(|folder| Some(folder.ok()?.path()));
    let mut found = folders
        .chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")])
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .filter(|file| file.exists());
    found.next().ok_or_else(|| "no libfaketime (Debian's package faketime)".into())
}

/// The folder of npm's packages for tests.
pub(crate) fn node_modules() -> PathBuf {
    std::env::var_os("SEALDROP_NODE_MODULES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/node_modules"),
        PathBuf::from,
    )
}

/// The folder `shared`, which is not part of the project.
pub(crate) fn shared() -> PathBuf {
    std::env::var_os("SEALDROP_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// Waits for the end of a process, for `time` at most.
pub(crate) fn wait(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let process = rustix::process::Pid::from_child(child);
    let process = rustix::process::pidfd_open(process, PidfdFlags::empty()).expect("a process");
    let time = Timespec::try_from(time).expect("a time");
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&time)).expect("a process");
    (ended > 0).then(|| child.wait().expect("its end"))
}

fn node_package(name: &str) -> Result<(), String> {
    let package = node_modules().join(name).join("package.json");
    let found = package.exists();
    found
        .then_some(())
        .ok_or_else(|| format!("{} is missing: run npm ci in tests/node", package.display()))
}

fn runs(program: &str, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match ran {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} does not work here ({status})")),
        Err(error) => Err(format!("{program} is not there ({error})")),
    }
}
